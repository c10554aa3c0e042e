"""The parts of `python -m proofs_check`: each runs, prints its table, draws, adds its rows, and says what failed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import jax
from rich.table import Table

from messjax import plot, shell
from proofs_check import cases, figures, lemmas, matrix, planted, rates, report, search, trial, watched
from proofs_check.statement import Statement
from proofs_check.trial import Row


class Asked(NamedTuple):
    """What a part gets: the options, the statements chosen, where to write, and the rows so far (to be added to)."""

    quick: bool
    seed: int
    streams: int
    only: bool  # whether statements were chosen by name
    statements: list[Statement]
    out: Path
    rows: list[Row]


class Outcome(NamedTuple):
    """What a part of the run came to."""

    failures: list[str]  # in words: what is violated where its assumptions hold
    told: dict[str, Any]  # for verdicts.json


def _lemmas(asked: Asked) -> Outcome:
    wanted = {each.name.split()[0] for each in asked.statements}
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


def _trial(asked: Asked) -> Outcome:
    streams = asked.streams or (512 if asked.quick else 2_048)
    found: list[Row] = []
    honest = cases.honest(asked.quick)
    with shell.progress(len(honest), "cases") as tell:
        for number, (case, key) in enumerate(zip(honest, trial.keys(asked.seed, len(honest)), strict=True), start=1):
            runs = trial.run(case, key, streams)
            found += [trial.try_one(statement, run) for run in runs for statement in asked.statements]
            tell(number, len(honest))
    return _judged(asked, trial.judge(found), lambda rows: figures.save_all(rows, asked.statements, asked.out))


def _watched(asked: Asked) -> Outcome:
    if not any(each.name.startswith("T5") for each in asked.statements):
        return Outcome([], {})
    paths = watched.follow_all(cases.to_watch(asked.quick), asked.seed + 1)
    rows = trial.judge([watched.row(path) for path in paths])
    return _judged(asked, rows, lambda rows: plot.save(figures.watched(paths), asked.out / "T5_over_time"))


def _judged(asked: Asked, rows: list[Row], draw: Any) -> Outcome:
    asked.rows.extend(rows)
    shell.console().print(report.table(rows))
    draw(rows)
    return Outcome([f"{row.statement} in {row.case}" for row in rows if row.verdict == "violated"], {})


def _rates(asked: Asked) -> Outcome:
    if asked.only and not {each.name.split()[0] for each in asked.statements} & {"T1", "T2", "T6", "T8"}:
        return Outcome([], {})
    with shell.progress(len(rates.PARTS), "kinds of rate") as tell:
        found = rates.run(asked.quick, asked.seed + 2, tell)
    with shell.progress(8, "sweeps of a") as tell:
        swept = rates.exponents(asked.quick, asked.seed + 3, tell, found)
    shell.console().print(rates.table(found))
    shell.console().print(rates.exponent_table(swept))
    rows = rates.rows(found, swept)
    asked.rows.extend(rows)
    shell.console().print(report.table(rows, "Rates on trial: slopes against the predicted ones, a* of T8"))
    drawn = {"rates": rates.figure(found), "T6": rates.t6_figure(found), "T8": rates.t8_figure(swept, found)}
    for name, figure in drawn.items():
        plot.save(figure, asked.out / name)
    wrong = [f"{row.statement}: {row.case}" for row in rows if row.verdict == "violated"]
    return Outcome(wrong, {"rates": found, "exponents": swept})


def _matrix(asked: Asked) -> Outcome:
    chosen = [next((ours for ours in matrix.ALL if ours.name == each.name), each) for each in asked.statements]
    with shell.progress(1, "cases") as tell:
        rows = matrix.run(asked.quick, chosen, asked.seed + 4, progress=tell)
    for shown in (matrix.evidence(rows), matrix.table(rows)):
        shell.console().print(shown)
    odd = matrix.surprises(rows)
    plot.save(matrix.figure(rows), asked.out / "matrix")
    wrong = [f"{name} where only {broken} is broken" for (broken, name), why in odd.items() if why.startswith("fails")]
    cells = [
        {"broken": broken, "statement": name, **cell._asdict()} for (broken, name), cell in matrix.summary(rows).items()
    ]
    return Outcome(wrong, {"cells": cells, "surprises": [f"{b} {name}: {why}" for (b, name), why in odd.items()]})


ATTAINED = {"T2", "T5"}


def _search(asked: Asked) -> Outcome:
    """True statements must stand; false ones, planted at a share of a constant that was refuted before, must fall.

    Of all theorems in quick mode only T2 and T5, whose bounds are attained, and the user's own are looked at; one plant
    a theorem must fall.
    """
    sought = [each for each in asked.statements if not each.name.startswith("L")]
    plants = _plants(sought, asked.quick)
    theorems = {plant.theorem for plant, _ in plants}
    if asked.quick and theorems >= ATTAINED:
        sought = [each for each in sought if each.name.split()[0] not in theorems - ATTAINED]
    false = [planted.planted(plant, share) for plant, share in plants]
    key, total = jax.random.key(asked.seed + 5), len(sought) + len(false)
    if not sought:
        return Outcome([], {})
    with shell.progress(total, "statements") as tell:
        seen = search.screen(key, search.SCREENED * (1 if asked.quick else 4))
        stand = search.hunt_all(sought, key, quick=asked.quick, seen=seen, progress=lambda n: tell(n, total))
        fall = search.hunt_all(
            false, key, quick=asked.quick, seen=seen, progress=lambda n: tell(len(sought) + n, total)
        )
    for found in (stand, fall):
        if found:
            shell.console().print(search.table(found))
    plot.save(search.figure(stand), asked.out / "search")
    wrong = [f"{each.statement.name} on {each.instance}" for each in stand if each.row.verdict == "violated"]
    wrong += [f"{each.statement.name} was not refuted" for each in fall if each.row.verdict != "violated"]
    return Outcome(wrong, {"true": [_plain(each) for each in stand], "planted": [_plain(each) for each in fall]})


def _plants(sought: list[Statement], quick: bool) -> list[tuple[planted.Plant, float]]:
    """The plants whose truth is sought, at half the share told; in quick mode one a theorem."""
    names = {each.name for each in sought}
    some = [(plant, plant.share) for plant in planted.PLANTS if plant.share is not None and plant.truth.name in names]
    chosen = {plant.theorem: (plant, share) for plant, share in some}.values() if quick else some
    return [(plant, share / 2) for plant, share in chosen]


def _plain(found: search.Found) -> dict[str, Any]:
    return found._asdict() | {"statement": found.statement.name, "instance": str(found.instance)}


RUN = {"lemmas": _lemmas, "trial": _trial, "watched": _watched, "rates": _rates, "matrix": _matrix, "search": _search}
