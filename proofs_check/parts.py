"""The parts of `python -m proofs_check`: each runs, prints its table, draws, adds its rows, and says what failed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import jax
from rich.table import Table

from messjax import plot, runtime
from messjax.theory.hypothesis_tests import Row
from messjax.theory.statement import Statement
from proofs_check import lemmas, rates, report
from proofs_check.counterexamples import search, weakened
from proofs_check.trials import cases, figures, sequential, trial
from proofs_check.violations import matrix


class PartOptions(NamedTuple):
    """What a part gets: the options, the statements chosen, where to write, and the rows so far (to be added to)."""

    quick: bool
    seed: int
    streams: int
    only: bool  # whether statements were chosen by name
    statements: list[Statement]
    out: Path
    rows: list[Row]


class PartResult(NamedTuple):
    """What a part of the run came to."""

    failures: list[str]  # in words: what is violated where its assumptions hold
    label: dict[str, Any]  # for verdicts.json


def _lemmas(args: PartOptions) -> PartResult:
    wanted = {each.name.split()[0] for each in args.statements}
    names = [lemma.name for lemma in lemmas.ALL if not args.only or _theme(lemma.source) in wanted]
    result = lemmas.run(names)
    table = Table(title="Finite algebra, proved by z3 for all reals; every wrong version refuted", title_justify="left")
    for column in ("of", "lemmas", "proved", "wrong versions", "refuted", "s", "one counterexample"):
        table.add_column(column, overflow="fold")
    for source in dict.fromkeys(_theme(row.source) for row in result):
        batch = [row for row in result if _theme(row.source) == source]
        wrong = [one for row in batch for one in row.wrong]
        shown = f"{wrong[0].name}: {wrong[0].counterexample}" if wrong else ""
        proved, refuted = sum(row.status == "proved" for row in batch), sum(one.refuted for one in wrong)
        seconds = f"{sum(row.seconds for row in batch):.1f}"
        table.add_row(source, str(len(batch)), str(proved), str(len(wrong)), str(refuted), seconds, shown)
    runtime.console().print(table)
    return PartResult([f"lemma {row.lemma} ({row.status})" for row in result if not row.ok], {"lemmas": result})


def _theme(source: str) -> str:
    """L1, T3, or one of the inequalities (1), (2), (3) that T1 to T3 share."""
    return source.split()[0].strip("',")


def _trial(args: PartOptions) -> PartResult:
    streams = args.streams or (512 if args.quick else 2_048)
    result: list[Row] = []
    honest = cases.valid(args.quick)
    with runtime.progress(len(honest), "cases") as tell:
        for number, (case, key) in enumerate(zip(honest, trial.keys(args.seed, len(honest)), strict=True), start=1):
            runs = trial.run_case(case, key, streams)
            result += [trial.evaluate(statement, run) for run in runs for statement in args.statements]
            tell(number, len(honest))
    return _judged(args, trial.corrected(result), lambda rows: figures.save_all(rows, args.statements, args.out))


def _watched(args: PartOptions) -> PartResult:
    if not any(each.name.startswith("T5") for each in args.statements):
        return PartResult([], {})
    paths = sequential.follow_all(cases.to_watch(args.quick), args.seed + 1)
    rows = trial.corrected([sequential.row(path) for path in paths])
    return _judged(args, rows, lambda rows: plot.save(figures.watched(paths), args.out / "T5_over_time"))


def _judged(args: PartOptions, rows: list[Row], draw: Any) -> PartResult:
    args.rows.extend(rows)
    runtime.console().print(report.table(rows))
    draw(rows)
    return PartResult([f"{row.statement} in {row.case}" for row in rows if row.verdict == "violated"], {})


def _rates(args: PartOptions) -> PartResult:
    if args.only and not {each.name.split()[0] for each in args.statements} & {"T1", "T2", "T6", "T8"}:
        return PartResult([], {})
    with runtime.progress(len(rates.PARTS), "kinds of rate") as tell:
        result = rates.run(args.quick, args.seed + 2, tell)
    with runtime.progress(8, "sweeps of a") as tell:
        swept = rates.exponents(args.quick, args.seed + 3, tell, result)
    runtime.console().print(rates.table(result))
    runtime.console().print(rates.exponent_table(swept))
    rows = rates.rows(result, swept)
    args.rows.extend(rows)
    runtime.console().print(report.table(rows, "Rates on trial: slopes against the predicted ones, a* of T8"))
    drawn = {"rates": rates.figure(result), "T6": rates.t6_figure(result), "T8": rates.t8_figure(swept, result)}
    for name, figure in drawn.items():
        plot.save(figure, args.out / name)
    wrong = [f"{row.statement}: {row.case}" for row in rows if row.verdict == "violated"]
    return PartResult(wrong, {"rates": result, "exponents": swept})


def _matrix(args: PartOptions) -> PartResult:
    chosen = [next((ours for ours in matrix.ALL if ours.name == each.name), each) for each in args.statements]
    with runtime.progress(1, "cases") as tell:
        rows = matrix.run(args.quick, chosen, args.seed + 4, progress=tell)
    for shown in (matrix.evidence(rows), matrix.table(rows)):
        runtime.console().print(shown)
    odd = matrix.surprises(rows)
    plot.save(matrix.figure(rows), args.out / "matrix")
    wrong = [f"{name} where only {broken} is broken" for (broken, name), why in odd.items() if why.startswith("fails")]
    cells = [
        {"broken": broken, "statement": name, **cell._asdict()} for (broken, name), cell in matrix.summary(rows).items()
    ]
    return PartResult(wrong, {"cells": cells, "surprises": [f"{b} {name}: {why}" for (b, name), why in odd.items()]})


ATTAINED = {"T2", "T5"}


def _search(args: PartOptions) -> PartResult:
    """True statements must stand; false ones, planted at a share of a constant that was refuted before, must fall.

    Of all theorems in quick mode only T2 and T5, whose bounds are attained, and the user's own are looked at; one plant
    a theorem must fall.
    """
    sought = [each for each in args.statements if not each.name.startswith("L")]
    plants = _plants(sought, args.quick)
    theorems = {plant.theorem for plant, _ in plants}
    if args.quick and theorems >= ATTAINED:
        sought = [each for each in sought if each.name.split()[0] not in theorems - ATTAINED]
    false = [weakened.weakened(plant, share) for plant, share in plants]
    key, total = jax.random.key(args.seed + 5), len(sought) + len(false)
    if not sought:
        return PartResult([], {})
    with runtime.progress(total, "statements") as tell:
        seen = search.screen(key, search.SCREENED * (1 if args.quick else 4))
        stand = search.find_counterexamples(sought, key, quick=args.quick, seen=seen, progress=lambda n: tell(n, total))
        fall = search.find_counterexamples(
            false, key, quick=args.quick, seen=seen, progress=lambda n: tell(len(sought) + n, total)
        )
    for result in (stand, fall):
        if result:
            runtime.console().print(search.table(result))
    plot.save(search.figure(stand), args.out / "search")
    wrong = [f"{each.statement.name} on {each.instance}" for each in stand if each.row.verdict == "violated"]
    wrong += [f"{each.statement.name} was not refuted" for each in fall if each.row.verdict != "violated"]
    return PartResult(wrong, {"true": [_plain(each) for each in stand], "planted": [_plain(each) for each in fall]})


def _plants(sought: list[Statement], quick: bool) -> list[tuple[weakened.Weakening, float]]:
    """The plants whose truth is sought, at half the share told; in quick mode one a theorem."""
    names = {each.name for each in sought}
    batch = [
        (plant, plant.share) for plant in weakened.WEAKENINGS if plant.share is not None and plant.truth.name in names
    ]
    chosen = {plant.theorem: (plant, share) for plant, share in batch}.values() if quick else batch
    return [(plant, share / 2) for plant, share in chosen]


def _plain(result: search.SearchResult) -> dict[str, Any]:
    return result._asdict() | {"statement": result.statement.name, "instance": str(result.instance)}


RUN = {"lemmas": _lemmas, "trial": _trial, "watched": _watched, "rates": _rates, "matrix": _matrix, "search": _search}
