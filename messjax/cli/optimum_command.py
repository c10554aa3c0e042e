"""`messjax optimum`: C*, gamma* and the optimal mixture of a zoo or a trace."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from rich.table import Table

from messjax import runtime
from messjax.cli import options, zoo_files
from messjax.theory import optimum
from messjax.types import Distribution


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--zoo", help=zoo_files.HELP)
    source.add_argument("--trace", type=Path, dest="path", metavar="PATH", help=options.PATH_HELP)
    options.add_trace_options(parser, path=False)
    parser.add_argument(
        "--alpha",
        type=runtime.number_list,
        required=True,
        help="required mean satisfaction, one number or several: 0.6,0.7",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print one table per alpha."""
    if args.zoo is not None:
        if given := options.given(args):
            raise ValueError(f"{given[0]} are for --trace; a zoo has its own costs")
        chosen = zoo_files.get(args.zoo)
        distribution, models, unit, kinds = chosen.distribution(), chosen.models, chosen.cost_unit, chosen.benchmarks
        metric = "knows each request's benchmark"
    else:
        trace = options.read_trace(args)
        distribution = Distribution(
            np.full(len(trace.prompts), 1.0 / len(trace.prompts)), trace.cost, trace.satisfaction, "labels"
        )
        models, unit, kinds, metric = trace.models, trace.cost_unit, (), "clairvoyant: knows every label"
    averages = Distribution(
        np.ones(1), (distribution.weight @ distribution.cost)[None], (distribution.weight @ distribution.mean)[None]
    )
    metrics = {"static mixture: knows the averages": averages, metric: distribution}
    console = runtime.console()
    each = "\n" if console.width < runtime.NARROW else ", "  # between the models of a mixture
    tables = [_table(metrics, alpha, models, unit, kinds, each) for alpha in args.alpha]
    for table in tables:
        console.print(table)


def _table(
    metrics: dict[str, Distribution],
    alpha: float,
    models: tuple[str, ...],
    unit: str,
    kinds: tuple[str, ...],
    each: str,
) -> Table:
    out = Table(title=f"alpha = {alpha:g}; cost in {unit.removesuffix(' per request')} per request")
    for name in ("policy", "C*", "gamma*", "satisfaction", "models used"):
        number = name not in ("policy", "models used")  # a number is never broken, however narrow the terminal
        out.add_column(name, justify="right" if number else "left", overflow="fold", no_wrap=number)
    for label, distribution in metrics.items():
        last = distribution is list(metrics.values())[-1]
        if not last and alpha > (largest := optimum.largest_alpha(distribution)):
            out.add_row(label, "out of reach", "", f"<= {largest:.4f}")
            continue
        best = optimum.solve(distribution, alpha)
        shares = _used(models, distribution.weight @ best.mixture, each)
        out.add_row(label, f"{best.cost:.6g}", f"{best.gamma:.6g}", f"{best.satisfaction:.4f}", shares)
    if len(kinds) > 1:
        for kind, row in zip(kinds, best.mixture, strict=True):
            out.add_row(f"  of which {kind}", "", "", "", _used(models, row, each))
    return out


def _used(models: tuple[str, ...], share: np.ndarray, each: str) -> str:
    """The models of a mixture that are used, the largest share first."""
    order = [int(m) for m in np.argsort(-share, kind="stable") if share[m] > 0]
    return each.join(f"{models[m]} {share[m]:.2%}" for m in order)
