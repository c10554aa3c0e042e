"""Every statement of docs/theory.md proved, tried or put on trial.

    python -m proofs_check [--quick] [--only T1,T2] [--parts trial,search] [--also FILE.py] [--out DIR]
    python -m proofs_check assumptions TRACE       # A1 to A8 on a recorded trace

Exit code 0 when nothing is violated where its assumptions hold, 1 when something is, 2 on bad input.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from messjax import runtime

PARTS = ("lemmas", "trial", "watched", "rates", "matrix", "search")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parts asked for; see the module's docstring for exit codes."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["assumptions"]:
        runtime.use_compilation_cache()
        from proofs_check.assumptions.cli import main as assumptions

        return assumptions(words[1:])
    failures: list[str] = []
    code = runtime.run_program("proofs_check", lambda: failures.extend(_run(_parser().parse_args(words), words)))
    return code or int(bool(failures))


def _parser() -> runtime.Parser:
    parser = runtime.Parser(
        prog="python -m proofs_check", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="fewer streams, shorter: within three minutes on two cores"
    )
    parser.add_argument("--only", default="", metavar="NAMES", help="statements by name or number: T1,T2 or 'T1 queue'")
    parser.add_argument("--parts", default=",".join(PARTS), metavar="PARTS", help=f"some of {', '.join(PARTS)} (all)")
    parser.add_argument(
        "--also", type=Path, action="append", default=[], metavar="FILE", help="statements of one's own"
    )
    parser.add_argument(
        "--streams", type=runtime.whole_number(2), default=0, metavar="N", help="streams per case (2048; 512)"
    )
    parser.add_argument("--seed", type=runtime.whole_number(0), default=0, help="all randomness follows from it (0)")
    parser.add_argument(
        "--workers", type=runtime.whole_number(0), default=0, metavar="N", help="parts at a time (0: one per core)"
    )
    parser.add_argument("--out", type=Path, default=Path("results/proofs_check"), metavar="DIR", help="where to write")
    return parser


def _run(args: Any, words: list[str]) -> list[str]:
    from proofs_check import report, workers

    parts = [word.strip() for word in args.parts.split(",")]
    if unknown := [part for part in parts if part not in PARTS]:
        raise ValueError(f"--parts: found {unknown[0]!r}, expected some of {', '.join(PARTS)}")
    parts = [part for part in PARTS if part in parts]
    workers.chosen(args)  # bad names and files are said before anything runs
    out = runtime.out_dir(args.out)
    result: dict[str, workers.Done] = {}
    started = time.perf_counter()
    for done in workers.run_all(parts, args):
        print(done.printed, end="", flush=True)
        result[done.part] = done
        ready = [result[part] for part in parts if part in result]
        rows = [row for each in ready for row in each.rows]
        label = {each.part: each.label for each in ready}
        report.write(rows, out, args.seed, _config(words), label)  # a result already computed is never lost
    failures = [line for part in parts for line in result[part].failures]
    _close(failures, {part: result[part].label for part in parts}, time.perf_counter() - started, out)
    return failures


def _config(words: list[str]) -> str:
    return " ".join(["python -m proofs_check", *words])


def _close(failures: list[str], label: dict[str, Any], wall: float, out: Path) -> None:
    seconds = ", ".join(f"{part} {one['seconds']:.0f} s" for part, one in label.items())
    work = sum(one["cpu_seconds"] for one in label.values())
    for line in failures:
        print(f"VIOLATED where its assumptions hold: {line}")
    print(
        f"finding: {len(failures)} statements violated where their assumptions hold "
        f"({seconds}; side by side {wall:.0f} s, {work:.0f} s of work); written to {out}"
    )


if __name__ == "__main__":
    sys.exit(main())
