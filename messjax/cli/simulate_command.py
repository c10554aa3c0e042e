"""`messjax simulate`: MESS+ and its baselines on a stream calibrated to a zoo."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from messjax import results, runtime, theory
from messjax.cli import chosen_policies, grids, machine_output, zoo_files
from messjax.evaluation import comparison, trained_routers


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--zoo", required=True, help=zoo_files.HELP)
    grids.add_options(parser, "1,10,100")
    parser.add_argument(
        "--horizon", type=runtime.whole_number(1), default=20_000, help="requests per stream (default: 20000)"
    )
    parser.add_argument(
        "--streams", type=runtime.whole_number(1), default=1024, help="number of independent streams (default: 1024)"
    )
    parser.add_argument(
        "--labels",
        default="independent",
        help="dependence of the labels of one request: independent or comonotone (default: independent)",
    )
    chosen_policies.add_options(parser, prefix=False)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Simulate; a table, a Dataset and a figure."""
    with machine_output.notes_to_errors(args.json):
        page = _simulated(args)
    if args.json:
        print(machine_output.as_json(page))


def _simulated(args: argparse.Namespace) -> dict[str, Any]:
    """What `run` prints, and the same for JSON."""
    wanted = chosen_policies.parse(args.policies, (*chosen_policies.ALWAYS, *trained_routers.NAMES))
    chosen = zoo_files.get(args.zoo)
    cost, accuracy = chosen.mean_cost(), chosen.mean_accuracy()
    stream = chosen.stream(labels=args.labels)
    prefix = None
    if set(wanted.names) & set(trained_routers.NAMES):
        prefix = chosen_policies.drawn_prefix(stream, args.seed)
        print(f"note: routers are trained on {chosen_policies.PREFIX:,} further requests")
    dataset = grids.run(
        args,
        stream=stream,
        predictor=grids.predictor(args, stream, stream.num_features, len(cost)),
        models=chosen.models,
        cost=cost,
        accuracy=accuracy,
        horizon=args.horizon,
        num_streams=args.streams,
        cost_unit=chosen.cost_unit,
        V=[1.0, 10.0, 100.0],
        more=chosen_policies.beside(wanted, prefix, args.alpha[0], (stream.num_features, len(cost))),
    )
    optimal, gamma = (grids.per_alpha(dataset, name) for name in ("optimal_cost", "gamma"))
    print(f"C* (knows mu of every request): {optimal}; gamma*: {gamma}")
    largest = float(np.max(dataset["V"]) * dataset["gamma"].max())
    ratio = f", ratio {args.horizon / largest:.0f}" if largest > 0 else ""
    print(f"T should be far above V gamma*: T = {args.horizon:,}, largest V gamma* = {largest:,.0f}{ratio}")
    title = f"{chosen.name}, {dataset.sizes['stream']:,} calibrated streams of {args.horizon:,} requests"
    rows = grids.finish(args, dataset, title, "simulate")
    if stream.distribution is not None:
        router = dataset.sel(policy=[comparison.MESS_PLUS])  # the statements are about no other row
        path = results.save(theory.judge(router, stream.distribution()), args.out / "verdicts.nc")
        print(f"wrote {path}: bounds of the theory beside what was measured")
    return grids.about(dataset, title) | {"rows": rows}
