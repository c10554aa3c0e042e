"""`messjax optimum`: C*, gamma* and the optimal mixture of a zoo or a trace."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from messjax import runtime
from messjax.cli import machine_output, options, zoo_files
from messjax.theory import optimum
from messjax.types import Distribution

SHARE = "share "  # before a model's name in a record


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
    machine_output.add_json(parser, "the optima")
    machine_output.add_csv(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print one table per alpha, or JSON."""
    with machine_output.notes_to_errors(args.json):
        rows, about = _optima(args)
        machine_output.write_csv(args.csv, rows)
    if args.json:
        print(machine_output.as_json(about | {"rows": rows}))


def _optima(args: argparse.Namespace) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Print the tables; their records, and what they are about."""
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
    frames = {alpha: _records(metrics, alpha, models, kinds) for alpha in args.alpha}  # raises before it prints
    for alpha, rows in frames.items():
        console.print(_table(rows, alpha, unit, each))
    return [row for rows in frames.values() for row in rows], {"models": models, "cost_unit": unit}


def _records(
    metrics: dict[str, Distribution], alpha: float, models: tuple[str, ...], kinds: tuple[str, ...]
) -> list[dict[str, Any]]:
    """The optimum of every policy at alpha, then the mixture of each benchmark."""
    rows = []
    for label, distribution in metrics.items():
        row: dict[str, Any] = {"policy": label, "alpha": alpha}
        last = distribution is list(metrics.values())[-1]
        if not last and alpha > (largest := optimum.largest_alpha(distribution)):
            rows.append(row | {"reached": False, "C_star": None, "gamma_star": None, "satisfaction": largest})
            continue
        best = optimum.solve(distribution, alpha)
        row |= {"reached": True, "C_star": best.cost, "gamma_star": best.gamma, "satisfaction": best.satisfaction}
        rows.append(row | _shares(models, distribution.weight @ best.mixture))
    if len(kinds) > 1:
        for kind, mixture in zip(kinds, best.mixture, strict=True):
            rows.append({"policy": label, "alpha": alpha, "benchmark": kind} | _shares(models, mixture))
    return rows


def _shares(models: tuple[str, ...], share: np.ndarray) -> dict[str, float]:
    return {f"{SHARE}{name}": float(part) for name, part in zip(models, share, strict=True)}


def _table(rows: list[dict[str, Any]], alpha: float, unit: str, each: str) -> Table:
    out = Table(title=f"alpha = {alpha:g}; cost in {unit.removesuffix(' per request')} per request")
    for name in ("policy", "C*", "gamma*", "satisfaction", "models used"):
        number = name not in ("policy", "models used")  # a number is never broken, however narrow the terminal
        most = 12 if name == "policy" and each == "\n" else None  # leaves room for names of models
        out.add_column(name, justify="right" if number else "left", overflow="fold", no_wrap=number, max_width=most)
    for row in rows:
        if "benchmark" in row:
            out.add_row(f"  of which {row['benchmark']}", "", "", "", _used(row, each))
        elif row["reached"]:
            numbers = (f"{row['C_star']:.6g}", f"{row['gamma_star']:.6g}", f"{row['satisfaction']:.4f}")
            out.add_row(row["policy"], *numbers, _used(row, each))
        else:
            out.add_row(row["policy"], "out of reach", "", f"<= {row['satisfaction']:.4f}")
    return out


def _used(row: dict[str, Any], each: str) -> str:
    """The models of a mixture that are used, the largest share first."""
    shares = {name.removeprefix(SHARE): part for name, part in row.items() if name.startswith(SHARE) and part > 0}
    return each.join(f"{name} {part:.2%}" for name, part in sorted(shares.items(), key=lambda pair: -pair[1]))
