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
from typing import Any, NamedTuple

from messjax import shell

PARTS = ("lemmas", "trial", "watched", "rates", "matrix", "search")


class Outcome(NamedTuple):
    """What a part of the run came to."""

    failures: list[str]  # in words: what is violated where its assumptions hold
    told: dict[str, Any]  # for verdicts.json


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
    parser.add_argument("--out", type=Path, default=Path("results/proofs_check"), metavar="DIR", help="where to write")
    return parser


def _run(asked: Any, words: list[str]) -> list[str]:
    from proofs_check import report
    from proofs_check.statement import load
    from proofs_check.statements import ALL, named

    parts = [word.strip() for word in asked.parts.split(",")]
    if unknown := [part for part in parts if part not in PARTS]:
        raise ValueError(f"--parts: found {unknown[0]!r}, expected some of {', '.join(PARTS)}")
    statements = list(ALL) + [each for path in asked.also for each in load(path)]
    chosen = named(asked.only, statements) if asked.only else statements
    out = shell.out_dir(asked.out)
    shell.use_all_cores()
    shell.use_compilation_cache()
    failures: list[str] = []
    told: dict[str, Any] = {}
    rows: list[Any] = []
    for part in PARTS:
        if part in parts:
            started = time.perf_counter()
            print(f"== {part}", file=sys.stderr, flush=True)
            outcome = RUN[part](asked, chosen, out, rows)
            failures += outcome.failures
            told[part] = outcome.told | {"seconds": round(time.perf_counter() - started, 1)}
            report.write(rows, out, asked.seed, _config(words), told)  # a result already computed is never lost
    _close(failures, told, out)
    return failures


def _config(words: list[str]) -> str:
    return " ".join(["python -m proofs_check", *words])


def _close(failures: list[str], told: dict[str, Any], out: Path) -> None:
    seconds = ", ".join(f"{part} {one['seconds']:.0f} s" for part, one in told.items())
    for line in failures:
        print(f"VIOLATED where its assumptions hold: {line}")
    print(f"finding: {len(failures)} statements violated where their assumptions hold ({seconds}); written to {out}")


def _lemmas(asked: Any, statements: list[Any], out: Path, rows: list[Any]) -> Outcome:
    from rich.table import Table

    from proofs_check import lemmas

    wanted = {each.name.split()[0] for each in statements}
    names = [lemma.name for lemma in lemmas.ALL if not asked.only or _theme(lemma.source) in wanted]
    found = lemmas.run(names)
    table = Table(title="Finite algebra, proved by z3 for all reals; every wrong version refuted", title_justify="left")
    for column in ("of", "lemmas", "proved", "wrong versions", "refuted", "s", "one counterexample"):
        table.add_column(column, overflow="fold")
    for source in dict.fromkeys(_theme(row.source) for row in found):
        some = [row for row in found if _theme(row.source) == source]
        wrong = [one for row in some for one in row.wrong]
        shown = f"{wrong[0].name}: {wrong[0].counterexample}" if wrong else ""
        proved, refuted = sum(row.status == "proved" for row in some), sum(one.refuted for one in wrong)
        seconds = f"{sum(row.seconds for row in some):.1f}"
        table.add_row(source, str(len(some)), str(proved), str(len(wrong)), str(refuted), seconds, shown)
    shell.console().print(table)
    return Outcome([f"lemma {row.lemma} ({row.status})" for row in found if not row.ok], {"lemmas": found})


def _theme(source: str) -> str:
    """L1, T3, or one of the inequalities (1), (2), (3) that T1 to T3 share."""
    return source.split()[0].strip("',")


def _trial(asked: Any, statements: list[Any], out: Path, rows: list[Any]) -> Outcome:
    from proofs_check import cases, figures, report, trial

    streams = asked.streams or (512 if asked.quick else 2_048)
    found: list[trial.Row] = []
    honest = cases.honest(asked.quick)
    with shell.progress(len(honest), "cases") as tell:
        for number, (case, key) in enumerate(zip(honest, trial.keys(asked.seed, len(honest)), strict=True), start=1):
            runs = trial.run(case, key, streams)
            found += [trial.try_one(statement, run) for run in runs for statement in statements]
            tell(number, len(honest))
    rows += (judged := trial.judge(found))
    shell.console().print(report.table(judged))
    figures.save_all(judged, {each.name: each.about for each in statements}, out)
    return Outcome([f"{row.statement} in {row.case}" for row in judged if row.verdict == "violated"], {})


def _watched(asked: Any, statements: list[Any], out: Path, rows: list[Any]) -> Outcome:
    from messjax import plot
    from proofs_check import cases, figures, report, trial, watched

    if not any(each.name.startswith("T5") for each in statements):
        return Outcome([], {})
    paths = watched.follow_all(cases.to_watch(asked.quick), asked.seed + 1)
    rows += (judged := trial.judge([watched.row(path) for path in paths]))
    shell.console().print(report.table(judged))
    plot.save(figures.watched(paths), out / "T5_over_time")
    return Outcome([f"{row.statement} in {row.case}" for row in judged if row.verdict == "violated"], {})


RUN = {"lemmas": _lemmas, "trial": _trial, "watched": _watched}

if __name__ == "__main__":
    sys.exit(main())
