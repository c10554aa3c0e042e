"""The parts of `messjax-proofs`: each runs, prints its table, draws its figures, and returns its rows and failures."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import jax

from messjax import plot, runtime
from messjax.theory import ALL
from messjax.theory.hypothesis_tests import Row
from messjax.theory.statement import Statement
from proofs_check import rates, report
from proofs_check.counterexamples import exact_search, planted, search, weakened
from proofs_check.counterexamples import presentation as search_presentation
from proofs_check.tables import Column, build
from proofs_check.trials import cases, figures, long_run, sequential, trial
from proofs_check.violations import matrix
from proofs_check.violations import presentation as matrix_presentation

SEQUENTIAL = "T5 on single paths over time, by confidence sequences: valid wherever one stops"


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

    failures: list[str]  # a line for each violation where the assumptions hold
    findings: dict[str, Any]  # for verdicts.json


def _lemmas(args: PartOptions) -> PartResult:
    from proofs_check import lemmas  # not before it is needed: z3 is an extra

    wanted = {each.name.split()[0] for each in args.statements}
    names = [lemma.name for lemma in lemmas.ALL if not args.only or _theme(lemma.source) in wanted]
    result = lemmas.prove_lemmas(names)
    rows = []
    for source in dict.fromkeys(_theme(row.source) for row in result):
        batch = [row for row in result if _theme(row.source) == source]
        wrong = [one for row in batch for one in row.wrong]
        proved, refuted = sum(row.status == "proved" for row in batch), sum(one.refuted for one in wrong)
        example = f"{wrong[0].name}: {wrong[0].counterexample}" if wrong else ""
        seconds = f"{sum(row.seconds for row in batch):.1f}"
        rows.append([source, f"{proved} of {len(batch)}", f"{refuted} of {len(wrong)}", seconds, example])
    table = build(
        (Column("of"), Column("lemmas proved", number=True), Column("wrong versions refuted", number=True),
         Column("s", number=True), Column("a wrong version and its counterexample")),
        rows, title="Finite algebra of the proofs, by z3 for all reals",
    )  # fmt: skip
    runtime.console().print(table)
    return PartResult([f"lemma {row.lemma} ({row.status})" for row in result if not row.ok], {"lemmas": result})


def _theme(source: str) -> str:
    """L1, T3', or one of the inequalities (1), (2), (3) that T1 to T3 share."""
    return source.split()[0].strip(",;") if not source.startswith("'") else source.split("'")[1]


def _statements(args: PartOptions) -> PartResult:
    streams = args.streams or (512 if args.quick else 2_048)
    result: list[Row] = []
    tested = cases.valid(args.quick)
    with runtime.progress(len(tested), "cases") as progress:
        for number, (case, key) in enumerate(zip(tested, trial.keys(args.seed, len(tested)), strict=True), start=1):
            runs = trial.run_case(case, key, streams)
            result += [trial.evaluate(statement, run) for run in runs for statement in args.statements]
            progress(number, len(tested))
    shown = _reported(args, trial.corrected(result), lambda rows: figures.save_all(rows, args.statements, args.out))
    if not any(each.name.startswith("T13") for each in args.statements):
        return shown
    variances = [each for case in tested if (each := long_run.measure(case, jax.random.key(args.seed + 6)))]
    for each in variances:
        print(each)
    return shown._replace(findings={"long_run_variance": variances})


def _sequential(args: PartOptions) -> PartResult:
    if not any(each.name.startswith("T5") for each in args.statements):
        return PartResult([], {})
    paths = sequential.follow_all(cases.to_follow(args.quick), args.seed + 1)
    rows = trial.corrected([sequential.row(path) for path in paths])
    return _reported(
        args, rows, lambda rows: plot.save(figures.over_time(paths), args.out / "T5_over_time"), SEQUENTIAL
    )


def _reported(args: PartOptions, rows: list[Row], draw: Any, title: str = report.TITLE) -> PartResult:
    args.rows.extend(rows)
    runtime.console().print(report.table(rows, title))
    draw(rows)
    return PartResult([f"{row.statement} in {row.case}" for row in rows if row.verdict == "violated"], {})


def _rates(args: PartOptions) -> PartResult:
    only = {each.name.split()[0] for each in args.statements} if args.only else None
    if only is not None and not only & set().union(*rates.OF.values()):
        return PartResult([], {})
    with runtime.progress(len(rates.PARTS), "kinds of rate") as progress:
        result = rates.measure_rates(args.quick, args.seed + 2, progress, only)
    runtime.console().print(rates.table(result))
    swept: list[rates.Sweep] = []
    if only is None or "T8" in only:
        with runtime.progress(8, "sweeps of a") as progress:
            swept = rates.measure_exponents(args.quick, args.seed + 3, progress, result)
        runtime.console().print(rates.exponent_table(swept))
    rows = rates.rows(result, swept)
    args.rows.extend(rows)
    runtime.console().print(report.table(rows, "Rates: slopes (measured) against the predicted exponents (bound)"))
    for name, figure in rates.figures(result, swept).items():
        plot.save(figure, args.out / name)
    wrong = [f"{row.statement}: {row.case}" for row in rows if row.verdict == "violated"]
    return PartResult(wrong, {"rates": result, "exponents": swept})


def _matrix(args: PartOptions) -> PartResult:
    with runtime.progress(1, "cases") as progress:
        rows = matrix.evaluate_matrix(args.quick, args.statements, args.seed + 4, progress=progress)
    for table in (matrix_presentation.evidence(rows), matrix_presentation.table(rows)):
        runtime.console().print(table)
    odd = matrix.surprises(rows)
    plot.save(matrix_presentation.figure(rows), args.out / "matrix")
    wrong = [f"{name} where only {broken} is broken" for (broken, name), why in odd.items() if why.startswith("fails")]
    return PartResult(wrong, matrix.findings(rows))


ATTAINED = {"T2", "T5"}  # theorems whose bounds are reached by some instance
QUICK = {*ATTAINED, "T1'", "T2'"}  # whose weakened bounds a quick run refutes
DRAWN = 2_000  # worlds on which a full run evaluates the sharper statements exactly
UNSEARCHED = {"T11", "T12", "T13", "Partition"}  # not about MESS+ on i.i.d. requests, or of metrics not searched


def _search(args: PartOptions) -> PartResult:
    """Search for counterexamples: no statement may be refuted; bounds weakened until false must be.

    Facts about one path and identities have no margin to be searched by sampling. Of all theorems a quick run searches
    only T2 and T5, whose bounds are attained, and the user's own; of the weakened bounds one each of these, T1' and
    T2'. Planted falsehoods on worlds of exact expectations (`_exact`) come with it.
    """
    about_mess_plus = [each for each in args.statements if each.policy in ("any", "mess_plus")]  # as instances are
    theorems_chosen = [each for each in about_mess_plus if not re.match(r"[LI]\d", each.name)]
    sought = [each for each in theorems_chosen if each.name.split()[0] not in UNSEARCHED]
    weakenings = _weakenings(sought, args.quick)
    theorems = {weakening.theorem for weakening, _ in weakenings}
    if args.quick and theorems >= ATTAINED:
        shipped = {each.name for each in ALL}
        sought = [each for each in sought if each.name.split()[0] in ATTAINED or each.name not in shipped]
        weakenings = [each for each in weakenings if each[0].theorem in QUICK]
    false = [weakened.weaken(each, share) for each, share in weakenings]
    key, total = jax.random.key(args.seed + 5), len(sought) + len(false)
    exact = _exact(args)
    if not sought:
        return exact
    with runtime.progress(total, "statements") as progress:
        seen = search.screen(key, search.SCREENED * (1 if args.quick else 4))
        stand = search.find_counterexamples(
            sought, key, quick=args.quick, seen=seen, progress=lambda n: progress(n, total)
        )
        fall = search.find_counterexamples(
            false, key, quick=args.quick, seen=seen, progress=lambda n: progress(len(sought) + n, total)
        )
    runtime.console().print(search_presentation.table(stand))
    if fall:
        runtime.console().print(search_presentation.table(fall, "Search with weakened bounds, each to be violated"))
    searched = {each.name for each in sought}
    left_out = [each.name for each in theorems_chosen if each.name not in searched]
    plot.save(search_presentation.figure(stand, left_out), args.out / "search")
    wrong = [f"{each.statement.name} on {each.instance}" for each in stand if each.row.verdict == "violated"]
    wrong += [f"{each.statement.name} was not refuted" for each in fall if each.row.verdict != "violated"]
    found = {"true": [_plain(each) for each in stand], "weakened": [_plain(each) for each in fall]}
    return PartResult(wrong + exact.failures, found | exact.findings)


def _exact(args: PartOptions) -> PartResult:
    """What is refuted without sampling: planted falsehoods; in full mode also whether a drawn world refutes a truth."""
    names = {each.name.split()[0] for each in args.statements}
    refuted = planted.refute_all(names)
    if not refuted:
        return PartResult([], {})
    runtime.console().print(search_presentation.planted_table(refuted))
    wrong = [f"{each.name}, planted, was not refuted" for each in refuted if not each.ok]
    drawn: list[exact_search.Least] = []
    if not args.quick:
        about = {each.weakening.truth.name.split()[0] for each in refuted}
        true = [each for each in args.statements if each.name.split()[0] in about]
        drawn = exact_search.least_margins(true, args.seed + 7, DRAWN)
        runtime.console().print(search_presentation.drawn_table(drawn))
        wrong += [f"{each.statement} on {each.instance}" for each in drawn if each.margin < 0.0]
    plain = [each._asdict() | {"weakening": planted.key(each.weakening)} for each in refuted]
    return PartResult(wrong, {"planted": plain, "drawn": drawn})


def _weakenings(sought: list[Statement], quick: bool) -> list[tuple[weakened.Weakening, float]]:
    """The weakened bounds of the statements searched, at half the refuted share; in quick mode one a theorem."""
    names = {each.name for each in sought}
    batch = [(each, each.share) for each in weakened.WEAKENINGS if each.share is not None and each.truth.name in names]
    chosen = {each.theorem: (each, share) for each, share in batch}.values() if quick else batch
    return [(each, share / 2) for each, share in chosen]


def _plain(result: search.SearchResult) -> dict[str, Any]:
    return result._asdict() | {"statement": result.statement.name, "instance": str(result.instance)}


RUN = {
    "lemmas": _lemmas,
    "statements": _statements,
    "sequential": _sequential,
    "rates": _rates,
    "matrix": _matrix,
    "search": _search,
}
