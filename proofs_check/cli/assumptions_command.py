"""`messjax-proofs assumptions TRACE`: a table, DIR/assumptions.json and DIR/assumptions.png."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

from messjax import plot, runtime, traces
from messjax.cli import options
from messjax.traces import CostRule, Trace
from proofs_check import report
from proofs_check.assumptions import figure
from proofs_check.assumptions.report import conclusions, table, verdicts
from proofs_check.assumptions.trace import check_trace, learn, shuffled


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("path", type=Path, metavar="TRACE", help="a file or folder in any format messjax reads")
    options.add_reading_options(parser)
    parser.add_argument("--scores", default=None, metavar="HOW", help="clip, rescale, ... (as they are recorded)")
    parser.add_argument("--alpha", type=float, default=None, help="satisfaction agreed in the SLA, which A3 needs")
    parser.add_argument("--shuffle", action="store_true", help="check the requests in a random order")
    parser.add_argument("--seed", type=runtime.whole_number(0), default=0, help="all randomness follows from it (0)")
    parser.add_argument("--out", type=Path, default=Path("results"), metavar="DIR", help="where to write (results)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Check the trace, print the table, write it and draw it.

    Raises:
        ValueError: As `read` raises, or alpha is no satisfaction.
    """
    trace = read(args)
    trace = shuffled(trace, args.seed) if args.shuffle else trace
    checks = check_trace(trace, args.alpha, args.seed)
    out = runtime.out_dir(args.out)
    header = {"trace": trace.source, "alpha": args.alpha, "seed": args.seed, "shuffled": args.shuffle,
             "command": report.command(args.words)}  # fmt: skip
    lines = conclusions(checks, width=10**6).split("\n")
    report.write_json(
        out / "assumptions.json", header | {"verdicts": verdicts(checks), "conclusions": lines, "checks": checks}
    )
    runtime.console().print(table(checks))
    print(conclusions(checks))
    saved = plot.save(figure.draw(checks, trace, learn(trace, args.seed), args.alpha), out / "assumptions")
    written = ", ".join(str(path) for path in (out / "assumptions.json", *saved))
    print(f"written to: {written}\ncommand: {header['command']}")


def unpriced(models: Sequence[str]) -> CostRule:
    """Costs that are missing (NaN) for every request."""
    return CostRule("constant", {model: (math.nan,) for model in models}, "no costs")


def read(args: argparse.Namespace) -> Trace:
    """The trace of a file or folder as it was recorded, its faults included.

    Raises:
      ValueError: no known format, anything its reader cannot take, options that do not fit it.
    """
    path = args.path
    stored = args.format == "messjax" or (args.format == "auto" and not args.columns and traces.is_messjax(path))
    if stored and not (args.models or args.exclude or args.models_with_data):
        if args.cost or args.prices or args.parameters or args.cost_unit or args.scores:
            given = "--cost, --prices, --parameters, --cost-unit, --scores"
            raise ValueError(f"{given}: {path} has its costs and scores, expected none of these")
        return traces.read_parquet(path)
    recording = options.read_recording(args)
    given = args.cost or args.prices or args.parameters or args.cost_unit
    if recording.cost is None and not given:  # what needs no costs is checked
        return traces.unchecked(recording, unpriced(recording.models), args.scores)
    return traces.unchecked(recording, options.rule(args, recording), args.scores)
