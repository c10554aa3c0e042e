"""Options of every command that reads a trace: format, costs, what is done about its faults."""

from __future__ import annotations

import argparse
from pathlib import Path

from messjax import traces
from messjax.traces import Choices, CostRule, Finding, Recording, Trace
from messjax.traces.costs import make_costs
from messjax.traces.readers.plain import parse_columns

PATH_HELP = "a recorded trace: a file or folder in a published format, or a Parquet file that `trace convert` wrote"
_OWN = (
    *("--metric", "--filter", "--columns", "--cost", "--prices", "--parameters", "--cost-unit"),
    *("--models", "--exclude", "--models-with-data"),
)


def add_trace_options(parser: argparse.ArgumentParser, *, path: bool = True) -> None:
    """All of them; `path`: also the argument PATH."""
    if path:
        parser.add_argument("path", type=Path, metavar="PATH", help=PATH_HELP)
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
        help="how costs are made: recorded, tokens, parameters or constant (default: what the other options imply)",
    )
    parser.add_argument(
        "--prices",
        default="",
        metavar="MODEL=USD,...",
        help="USD per 1M tokens of each model, one number or INPUT/OUTPUT, or a JSON file; part of a name is enough",
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
        help="what is done with repeated questions: keep, or drop all but the first (default: keep)",
    )


def given(args: argparse.Namespace) -> list[str]:
    """The trace options that the command line has, other than PATH and --format, --prices first."""
    values = {name: getattr(args, name[2:].replace("-", "_")) for name in _OWN}
    names = [name for name, value in values.items() if value]
    names += [name for name in ("--missing", "--scores") if getattr(args, name[2:]) != "fail"]
    names += ["--repeats"] if args.repeats != "keep" else []
    return sorted(names, key=lambda name: name != "--prices")


def read_recording(args: argparse.Namespace) -> Recording:
    """What the file or folder holds, unchanged, of the models that the options choose."""
    columns = parse_columns(args.columns) if args.columns else {}
    recording = traces.read(args.path, args.format, traces.Options(args.metric, args.filter, columns))
    return traces.select(recording, args.models, args.exclude, with_data=args.models_with_data)


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
    if not given(args) and args.format in ("auto", "messjax") and traces.is_messjax(args.path):
        trace = traces.read_parquet(args.path)
        show_notes(trace)
        return trace
    recording = read_recording(args)
    cost = rule(args, recording)
    trace = traces.prepare(recording, cost, choices(args))
    show_notes(trace)
    findings = traces.lint(recording, make_costs(recording, cost)[0])
    show_warnings(tuple(handled(finding, args) for finding in findings), args.path)
    return trace


def show_notes(trace: Trace) -> None:
    """What was done to scores, costs and missing cells, a line each."""
    for note in trace.notes:
        print(f"note: {note}")


def handled(finding: Finding, args: argparse.Namespace) -> Finding:
    """An error or warning that an option given deals with is "handled"."""
    named = finding.option.split(" or ")
    done = {f"--missing {args.missing}", f"--repeats {args.repeats}"} & set(named)
    scores = args.scores != "fail" and finding.severity == "error" and "--scores" in finding.option
    return finding._replace(severity="handled") if done or scores else finding


def show_warnings(findings: tuple[Finding, ...], path: Path) -> None:
    """What no option has dealt with, a line each."""
    shown = [finding for finding in findings if finding.severity in ("error", "warning")]
    for finding in shown:
        print(f"lint: {finding.check} ({finding.times:,}): {finding.message}")
    if shown:
        print(f"lint: `messjax trace lint {path}` shows where, and what handles it")
