"""`messjax-proofs rates`: measure every rate and T8's sweep, print both tables, draw three figures."""

from __future__ import annotations

import argparse
from pathlib import Path

from messjax import plot, runtime
from proofs_check import rates, report


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("--quick", action="store_true", help="fewer streams and shorter horizons")
    parser.add_argument("--seed", type=runtime.whole_number(0), default=0, help="all randomness follows from it (0)")
    parser.add_argument("--out", type=Path, default=Path("results"), metavar="DIR", help="where to write (results)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Measure, print both tables and draw the figures."""
    out = runtime.out_dir(args.out)
    with runtime.progress(len(rates.PARTS), "kinds of rate") as progress:
        measured = rates.measure_rates(args.quick, args.seed, progress)
    with runtime.progress(8, "sweeps of a") as progress:
        sweeps = rates.measure_exponents(args.quick, args.seed, progress, measured)
    for table in (rates.table(measured), rates.exponent_table(sweeps)):
        runtime.console().print(table)
    figures = rates.figures(measured, sweeps)
    saved = [str(path) for name, figure in figures.items() for path in plot.save(figure, out / name)]
    print(f"written to: {', '.join(saved)}\ncommand: {report.command(args.words)}")
