"""`messjax optimum`: C*, gamma* and the optimal mixture of a zoo or a trace."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from messjax import optimum, shell, zoo
from messjax.commands import options
from messjax.types import Law


def add(commands: Any) -> None:
    """The command and its options."""
    parser = commands.add_parser("optimum", help="C*, gamma* and the optimal mixture of a zoo or a trace")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--zoo", help=f"{', '.join(zoo.PRESETS)}; or one benchmark of it: llama3/ARC-C")
    source.add_argument("--trace", type=Path, dest="path", metavar="PATH", help=options.PATH_HELP)
    options.add_trace_options(parser, path=False)
    parser.add_argument(
        "--alpha", type=shell.numbers, required=True, help="agreed satisfaction, one or several: 0.6,0.7"
    )
    parser.set_defaults(run=run)


def run(asked: argparse.Namespace) -> None:
    """Print one table per alpha."""
    if asked.zoo is not None:
        if given := options.given(asked):
            raise ValueError(f"{given[0]} are for --trace; a zoo has its own costs")
        chosen = zoo.get(asked.zoo)
        law, models, unit, kinds = chosen.law(), chosen.models, chosen.cost_unit, chosen.benchmarks
        reading = "knows each request's benchmark"
    else:
        trace = options.read_trace(asked)
        law = Law(np.full(len(trace.prompts), 1.0 / len(trace.prompts)), trace.cost, trace.satisfaction, "labels")
        models, unit, kinds, reading = trace.models, trace.cost_unit, (), "clairvoyant: knows every label"
    averages = Law(np.ones(1), (law.weight @ law.cost)[None], (law.weight @ law.mean)[None])
    readings = {"static mixture: knows the averages": averages, reading: law}
    tables = [_table(readings, alpha, models, unit, kinds) for alpha in asked.alpha]
    for table in tables:
        shell.console().print(table)


def _table(readings: dict[str, Law], alpha: float, models: tuple[str, ...], unit: str, kinds: tuple[str, ...]) -> Table:
    out = Table(title=f"alpha = {alpha:g}; cost in {unit.removesuffix(' per request')} per request")
    for name in ("policy", "C*", "gamma*", "satisfaction", *models):
        out.add_column(name, justify="left" if name == "policy" else "right")
    for label, law in readings.items():
        last = law is list(readings.values())[-1]
        if not last and alpha > (largest := optimum.largest_alpha(law)):
            out.add_row(label, "out of reach", "", f"<= {largest:.4f}")
            continue
        best = optimum.solve(law, alpha)
        shares = (f"{share:.2%}" for share in law.weight @ best.mixture)
        out.add_row(label, f"{best.cost:.6g}", f"{best.gamma:.6g}", f"{best.satisfaction:.4f}", *shares)
    if len(kinds) > 1:
        for kind, row in zip(kinds, best.mixture, strict=True):
            out.add_row(f"  of which {kind}", "", "", "", *(f"{share:.2%}" for share in row))
    return out
