"""`messjax evaluate`: what other policies would have cost and satisfied, from a log of one answer per request."""

from __future__ import annotations

import argparse
import json
import textwrap
from pathlib import Path

import numpy as np

from messjax import features, plot, runtime
from messjax.cli import machine_output
from messjax.evaluation.ope import ESTIMATORS, KINDS, page
from messjax.evaluation.ope.judgement import LEARNING, POLICIES, Judgement, judge_policies
from messjax.evaluation.ope.judging import Settings
from messjax.evaluation.ope.learned_rows import Grid
from messjax.output import counted
from messjax.traces.findings import Finding
from messjax.traces.logs.log_columns import LogColumns, parse_log_columns
from messjax.traces.logs.log_lint import lint_log
from messjax.traces.logs.log_reader import NAMES, read_log
from messjax.traces.logs.logged_trace import LoggedTrace
from messjax.traces.options import Options, parse_words

DIM = 32  # hashed features: a regression on more wants more answers of each model than most logs have


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("path", type=Path, metavar="LOG", help="a decision log: one row per request, one model each")
    parser.add_argument("--alpha", type=float, required=True, help="required mean satisfaction, for example 0.75")
    parser.add_argument("--format", default="auto", metavar="NAME", help=f"{', '.join(NAMES)} (default: auto)")
    parser.add_argument(
        "--columns",
        default="",
        metavar="...",
        help="which columns hold what: prompt=...,model=...,score=...,cost=...,propensity=...,time=...",
    )
    parser.add_argument("--metric", metavar="NAME", help="Langfuse: the score that is read")
    parser.add_argument("--score-words", default="", metavar="good=1,bad=0,...", help="words that are scores")
    parser.add_argument("--encoding", default="", metavar="NAME", help="encoding of texts (default: UTF-8 or UTF-16)")
    parser.add_argument(
        "--on-bad", choices=("fail", "skip"), default="fail", help="rows that cannot be read (default: fail)"
    )
    parser.add_argument(
        "--sessions", choices=("fail", "first"), default="fail",
        help="requests of one session depend on each other: fail, or keep the first of each (default: fail)",
    )  # fmt: skip
    parser.add_argument(
        "--policies",
        default=",".join(POLICIES),
        metavar="A,B,...",
        help=f"of {', '.join(POLICIES)} (default: these), {LEARNING}",
    )
    parser.add_argument(
        "--V", type=runtime.number_list, default=[], metavar="V,V,...",
        help=f"{LEARNING}: weights of cost; more than three settings are tried on the first part, and the best are "
        "judged (default: 0.1, 1 and 10 over the range of the models' mean costs)",
    )  # fmt: skip
    parser.add_argument(
        "--c", type=runtime.number_list, default=[1.0], metavar="C,C,...",
        help=f"{LEARNING}: scales of exploration (default: 1)",
    )  # fmt: skip
    parser.add_argument(
        "--estimator", choices=ESTIMATORS, default="dr", help="how values are estimated (default: dr, doubly robust)"
    )
    parser.add_argument(
        "--interval", choices=tuple(KINDS), default="t",
        help=f"{'; '.join(f'{name}: {what}' for name, what in KINDS.items())} (default: t)",
    )  # fmt: skip
    parser.add_argument("--level", type=float, default=0.95, help="confidence of the limits (default: 0.95)")
    parser.add_argument(
        "--training", type=float, default=0.3, help="share of the requests that policies are made on (default: 0.3)"
    )
    parser.add_argument("--seed", type=runtime.whole_number(0), default=7, help="seed (default: 7)")
    parser.add_argument("--json", action="store_true", help="print the judgement as JSON and nothing else")
    parser.add_argument(
        "--out", type=Path, default=Path("results"), metavar="DIR", help="folder for the results (default: results)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Lint the log, judge the policies; a table, words, a figure, JSON and CSV."""
    for name in ("alpha", "level", "training"):
        if not 0.0 < getattr(args, name) < 1.0:
            raise ValueError(f"--{name}: expected a number between 0 and 1, found {getattr(args, name)}")
    runtime.out_dir(args.out)
    columns = parse_log_columns(args.columns) if args.columns else LogColumns({})
    chosen = Options(
        metric=args.metric,
        encoding=args.encoding,
        on_bad=args.on_bad,
        score_words=parse_words(args.score_words) if args.score_words else {},
    )
    log = read_log(args.path, args.format, columns, chosen)
    log = first_of_sessions(log) if args.sessions == "first" else log
    findings = lint_log(log)
    if errors := [each for each in findings if each.severity == "error"]:
        option = f": {errors[0].option}" if errors[0].option else ""
        raise ValueError(f"{log.source}: {errors[0].check}: {errors[0].message}{option}")
    settings = Settings(args.alpha, args.estimator, args.interval, args.level, args.training, args.seed)
    wanted = [name.strip() for name in args.policies.split(",") if name.strip()]
    grid = Grid(tuple(args.V), tuple(args.c))
    result = judge_policies(log, features_of(log), settings, wanted, grid)
    saved = write(result, log, findings, args.out)
    if args.json:
        print(json.dumps(as_json(result, log, findings), indent=1))
        return
    show(result, log, findings)
    print(f"wrote {', '.join(str(path) for path in saved)}")


def features_of(log: LoggedTrace) -> np.ndarray:
    """What is known of each request [N, d]: the columns that are named, or the hashed words of its prompt.

    Without either the features are empty: policies that look at requests then have nothing to look at.
    """
    if log.features is not None:
        spread = log.features.std(axis=0)
        return (log.features - log.features.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    if any(log.texts):
        return np.asarray(features.hashed_ngrams(log.texts, dim=DIM), np.float64)
    return np.zeros((len(log.action), 0))


def first_of_sessions(log: LoggedTrace) -> LoggedTrace:
    """The first request of each session, and every request without one."""
    if log.sessions is None:
        return log
    codes, names = log.sessions.codes()
    first = np.zeros(len(codes), bool)
    first[np.unique(codes, return_index=True)[1]] = True
    named = np.array([bool(name) for name in names])
    return log.take(np.flatnonzero(first | ~named[codes]))._replace(sessions=None)


def write(result: Judgement, log: LoggedTrace, findings: tuple[Finding, ...], folder: Path) -> list[Path]:
    """evaluation.json, evaluation.csv, pairs.csv, router.csv and the figure."""
    paths = [folder / name for name in ("evaluation.json", "evaluation.csv", "router.csv", "pairs.csv")]
    paths[0].write_text(json.dumps(as_json(result, log, findings), indent=1) + "\n", encoding="utf-8")
    paths[1].write_text(machine_output.as_csv(page.records(result)), encoding="utf-8")
    names = ("ratio", "cost", "satisfaction")
    rows = [dict(zip(names, map(float, row), strict=True)) for row in result.ratios]
    paths[2].write_text(machine_output.as_csv(rows), encoding="utf-8")
    paths[3].write_text(machine_output.as_csv(page.pair_records(result)), encoding="utf-8")
    drawn = page.figure(result, f"{log.source}, {result.judged:,} judged requests", log.cost_unit)
    return paths + plot.save(drawn, folder / "evaluation")


def as_json(result: Judgement, log: LoggedTrace, findings: tuple[Finding, ...]) -> dict[str, object]:
    """Everything that is printed, unrounded."""
    return {
        "log": log.source,
        "format": log.format,
        "models": list(log.models),
        "cost_unit": log.cost_unit,
        "propensities": log.method,
        "settings": result.settings._asdict(),
        "requests": {"logged": result.logged, "made_on": result.trained, "judged": result.judged},
        "lint": [each._asdict() for each in findings],
        "policies": page.records(result),
        "pairs": page.pair_records(result),
    }


def show(result: Judgement, log: LoggedTrace, findings: tuple[Finding, ...]) -> None:
    """What the log is, what stands in the way, the answer, the tables, and what the verdicts rest on."""
    print(
        f"{log.source}: a decision log ({log.format}), {len(log.action):,} requests, "
        f"{counted(len(log.models), 'model')}\n"
    )
    for each in findings:
        line = f"{each.severity}: {each.check}: {each.message}" + (f" ({each.option})" if each.option else "")
        print(textwrap.fill(line, 80, subsequent_indent="  "))
    if findings:
        print()
    _print_lines(page.answer(result, log.cost_unit))
    for table in (page.table(result, log.cost_unit), page.pairs_table(result, log.cost_unit)):
        runtime.console().print(table)
    _print_lines(page.reasons(result))


def _print_lines(lines: list[str]) -> None:
    for line in lines:
        print(textwrap.fill(line, 80, initial_indent="- ", subsequent_indent="  "))
