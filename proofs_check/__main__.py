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

from messjax import shell

PARTS = ("lemmas", "trial", "watched", "rates", "matrix", "search")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parts asked for; see the module's docstring for exit codes."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["assumptions"]:
        shell.use_compilation_cache()
        from proofs_check.assumptions.cli import main as assumptions

        return assumptions(words[1:])
    failures: list[str] = []
    code = shell.exit_code("proofs_check", lambda: failures.extend(_run(_parser().parse_args(words), words)))
    return code or int(bool(failures))


def _parser() -> shell.Parser:
    parser = shell.Parser(
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
    parser.add_argument("--streams", type=shell.whole(2), default=0, metavar="N", help="streams per case (2048; 512)")
    parser.add_argument("--seed", type=shell.whole(0), default=0, help="all randomness follows from it (0)")
    parser.add_argument(
        "--workers", type=shell.whole(0), default=0, metavar="N", help="parts at a time (0: one per core)"
    )
    parser.add_argument("--out", type=Path, default=Path("results/proofs_check"), metavar="DIR", help="where to write")
    return parser


def _run(asked: Any, words: list[str]) -> list[str]:
    from proofs_check import report, workers

    parts = [word.strip() for word in asked.parts.split(",")]
    if unknown := [part for part in parts if part not in PARTS]:
        raise ValueError(f"--parts: found {unknown[0]!r}, expected some of {', '.join(PARTS)}")
    parts = [part for part in PARTS if part in parts]
    workers.chosen(asked)  # bad names and files are said before anything runs
    out = shell.out_dir(asked.out)
    found: dict[str, workers.Done] = {}
    started = time.perf_counter()
    for done in workers.run_all(parts, asked):
        print(done.printed, end="", flush=True)
        found[done.part] = done
        ready = [found[part] for part in parts if part in found]
        rows = [row for each in ready for row in each.rows]
        told = {each.part: each.told for each in ready}
        report.write(rows, out, asked.seed, _config(words), told)  # a result already computed is never lost
    failures = [line for part in parts for line in found[part].failures]
    _close(failures, {part: found[part].told for part in parts}, time.perf_counter() - started, out)
    return failures


def _config(words: list[str]) -> str:
    return " ".join(["python -m proofs_check", *words])


def _close(failures: list[str], told: dict[str, Any], wall: float, out: Path) -> None:
    seconds = ", ".join(f"{part} {one['seconds']:.0f} s" for part, one in told.items())
    work = sum(one["cpu_seconds"] for one in told.values())
    for line in failures:
        print(f"VIOLATED where its assumptions hold: {line}")
    print(
        f"finding: {len(failures)} statements violated where their assumptions hold "
        f"({seconds}; side by side {wall:.0f} s, {work:.0f} s of work); written to {out}"
    )


if __name__ == "__main__":
    sys.exit(main())
