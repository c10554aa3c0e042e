"""Options of every command that reads a trace: format, costs, what is done about its faults."""

from __future__ import annotations

import argparse
from pathlib import Path

from messjax import traces
from messjax.traces import Choices, CostRule, Finding, Recording, Trace
from messjax.traces.costs import make_costs
from messjax.traces.linter import CELL_CHECKS, SCORE_CHECKS
from messjax.traces.options import parse_words
from messjax.traces.preparation import handles
from messjax.traces.readers.plain_columns import parse_columns
from messjax.traces.selection import fits, names_of

PATH_HELP = "a recorded trace: a file or folder in a published format, or a Parquet file that `trace convert` wrote"
_OWN = (
    *("--metric", "--filter", "--columns", "--cost", "--prices", "--parameters", "--cost-unit"),
    *("--models", "--exclude", "--models-with-data", "--score-words", "--encoding"),
)


def add_trace_options(parser: argparse.ArgumentParser, *, path: bool = True) -> None:
    """All of them; `path`: also the argument PATH."""
    if path:
        parser.add_argument("path", type=Path, metavar="PATH", help=PATH_HELP)
    add_reading_options(parser)
    parser.add_argument(
        "--missing",
        default="fail",
        metavar="HOW",
        help="what is done where a score or cost is missing: fail, drop the request, or zero (default: fail)",
    )
    parser.add_argument(
        "--scores",
        default="fail",
        metavar="HOW",
        help="scores outside [0, 1]: fail, clip, rescale, rescale=LOW:HIGH or threshold=NUMBER (default: fail)",
    )
    parser.add_argument(
        "--repeats",
        default="keep",
        metavar="HOW",
        help="repeats: keep a model's first answer to a request, mean of its answers, or drop questions that came "
        "before (default: keep)",
    )


def add_reading_options(parser: argparse.ArgumentParser) -> None:
    """What is read and how, which models, and what they cost."""
    parser.add_argument(
        "--format", default="auto", metavar="NAME", help=f"format of PATH: {', '.join(traces.NAMES)} (default: auto)"
    )
    parser.add_argument(
        "--metric", metavar="NAME", help="the score to read where a format records several, for example acc_norm"
    )
    parser.add_argument("--filter", metavar="NAME", help="lm-evaluation-harness only: the filter whose rows are read")
    parser.add_argument(
        "--columns", default="", metavar="...", help="format plain only: which columns hold what, ROLE=COLUMN,..."
    )
    parser.add_argument(
        "--score-words", default="", metavar="C=1,I=0,...", help="words that are scores: correct=1,incorrect=0"
    )
    parser.add_argument(
        "--encoding", default="", metavar="NAME", help="encoding of texts, such as cp1252 (default: UTF-8 or UTF-16)"
    )
    parser.add_argument(
        "--on-bad",
        choices=("fail", "skip"),
        default="fail",
        help="rows and cells that cannot be read: fail, or skip them with a warning (default: fail)",
    )
    parser.add_argument(
        "--models", default="", metavar="A,B,...", help="use these models only; names, or patterns such as gpt-*"
    )
    parser.add_argument("--exclude", default="", metavar="A,B,...", help="leave out these models")
    parser.add_argument(
        "--models-with-data",
        action="store_true",
        help="leave out models without a single score or, where costs are recorded, without a single cost",
    )
    parser.add_argument(
        "--cost",
        metavar="KIND",
        help="how costs are made: recorded, tokens, parameters, constant, latency, latency-in-turn "
        "(default: what the options imply)",
    )
    parser.add_argument(
        "--prices",
        default="",
        metavar="MODEL=USD,...",
        help="USD per 1M tokens of each model: one number, INPUT/OUTPUT, INPUT/CACHED/OUTPUT, or a JSON or CSV file; "
        "part of a name is enough",
    )
    parser.add_argument(
        "--parameters",
        default="",
        metavar="MODEL=BILLIONS,...",
        help="size of each model in 1e9 parameters, for --cost parameters",
    )
    parser.add_argument(
        "--cost-unit", default="", metavar="UNIT", help="unit of --cost constant (default: USD per 1M tokens)"
    )


def add_judge(parser: argparse.ArgumentParser, what: str) -> None:
    """`--judge`; `what` is done with it."""
    parser.add_argument(
        "--judge", type=Path, metavar="OTHER",
        help=f"the same requests as another judge scored them, read with the same options: {what}",
    )  # fmt: skip


def with_judge(args: argparse.Namespace, trace: Trace) -> Trace:
    """The trace with the scores of the judge that `--judge` names, where it names one; prints how far they agree.

    Raises:
      ValueError: as `read_trace` and `traces.with_judge`.
    """
    if args.judge is None:
        return trace
    result = traces.with_judge(trace, read_trace(argparse.Namespace(**vars(args) | {"path": args.judge})))
    print(f"note: {result.notes[-1]}")
    return result


def given(args: argparse.Namespace) -> list[str]:
    """The trace options that the command line has, other than PATH and --format, --prices first."""
    values = {name: getattr(args, name[2:].replace("-", "_")) for name in _OWN}
    names = [name for name, value in values.items() if value]
    names += [name for name in ("--missing", "--scores") if getattr(args, name[2:]) != "fail"]
    names += ["--repeats"] if args.repeats != "keep" else []
    names += ["--on-bad"] if args.on_bad != "fail" else []
    return sorted(names, key=lambda name: name != "--prices")


def words(args: argparse.Namespace) -> list[str]:
    """The trace options of a command line with their values, as words of another command line."""
    found = ["--format", args.format] if args.format != "auto" else []
    for name in sorted(given(args)):
        value = getattr(args, name[2:].replace("-", "_"))
        found += [name] if value is True else [name, str(value)]
    return found


def read_recording(args: argparse.Namespace, *, report: bool = False) -> Recording:
    """What the file or folder holds, unchanged, of the models that the options choose.

    With `report` cells and rows that cannot be read are left out, and are errors among the findings.
    """
    chosen = traces.Options(
        metric=args.metric,
        filter=args.filter,
        columns=parse_columns(args.columns) if args.columns else {},
        encoding=args.encoding,
        on_bad="report" if report else args.on_bad,
        score_words=parse_words(args.score_words) if args.score_words else {},
        leave_out=tuple(names_of(args.exclude, "--exclude")) if args.exclude else (),
    )
    recording = traces.read(args.path, args.format, chosen)
    recording = traces.averaged(recording) if getattr(args, "repeats", "keep") == "mean" else recording
    exclude = args.exclude
    if "*" in args.columns:  # such columns were not even read
        exclude = ",".join(f'"{name}"' for name in chosen.leave_out if fits(name, recording.models))
    return traces.select(recording, args.models, exclude, with_data=args.models_with_data)


def rule(args: argparse.Namespace, recording: Recording) -> CostRule:
    """How the options say that costs are made."""
    return traces.parse_rule(args.cost, args.prices, args.parameters, args.cost_unit, recording)


def choices(args: argparse.Namespace) -> Choices:
    """What the options say is to be done about faults."""
    return Choices(missing=args.missing, scores=args.scores, repeats=args.repeats)


def read_trace(args: argparse.Namespace) -> Trace:
    """The trace that the options ask for; prints what was done to it and, in short, what `trace lint` finds.

    Raises:
      ValueError: as `traces.read`, `traces.parse_rule` and `traces.prepare`.
    """
    recording = read_recording(args)
    if not given(args) and recording.format == "messjax":  # prepared already: as it is
        trace, table, accepted = traces.read_parquet(args.path), recording.cost, frozenset[str]()
    else:
        cost = rule(args, recording)
        trace, table = traces.prepare(recording, cost, choices(args)), make_costs(recording, cost)[0]
        accepted = handles(recording, table, choices(args))
    show_notes(trace)
    show_warnings(handled(traces.lint(recording, table), args, accepted), args.path)
    return trace


def show_notes(trace: Trace) -> None:
    """What was done to scores, costs and missing cells, a line each."""
    for note in trace.notes:
        print(f"note: {note}")


def handled(findings: tuple[Finding, ...], args: argparse.Namespace, accepted: frozenset[str]) -> tuple[Finding, ...]:
    """The findings; an error or warning that the options given deal with is "handled".

    `accepted` is what `preparation.handles` says of these options, so that what is called handled is accepted.
    """

    def is_handled(finding: Finding) -> bool:
        if finding.severity == "error" and finding.check in SCORE_CHECKS:
            return "scores" in accepted
        if finding.severity == "error" and finding.check in CELL_CHECKS:
            return "missing" in accepted
        given = {f"--repeats {args.repeats}", f"--on-bad {args.on_bad}"}
        return bool(given & set(finding.option.split(" or ")))

    return tuple(each._replace(severity="handled") if is_handled(each) else each for each in findings)


def show_warnings(findings: tuple[Finding, ...], path: Path) -> None:
    """What no option has dealt with, a line each."""
    shown = [finding for finding in findings if finding.severity in ("error", "warning")]
    for finding in shown:
        print(f"lint: {finding.check} ({finding.times:,}): {finding.message}")
    if shown:
        print(f"lint: `messjax trace lint {path}` shows where, and what handles it")
