"""`messjax replay`: MESS+ and its baselines on a recorded trace."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from messjax import features, shell, streams
from messjax.commands import grids, options


def add(commands: Any) -> None:
    """The command and its options."""
    parser = commands.add_parser("replay", help="MESS+ and its baselines on a recorded trace")
    options.add_trace_options(parser)
    grids.add_options(parser, "0.1, 1 and 10 over the spread of costs")
    parser.add_argument("--seeds", type=shell.whole(1), default=8, help="orders of the trace (8)")
    parser.add_argument("--dim", type=shell.whole(1, 65_536), default=256, help="buckets of the hashed n-grams (256)")
    parser.set_defaults(run=run)


def run(asked: argparse.Namespace) -> None:
    """Replay the trace in shuffled orders; a table, a Dataset and a figure."""
    trace = options.read_trace(asked)
    x = features.hashed_ngrams(trace.prompts, dim=asked.dim)
    cost, accuracy = trace.cost.mean(axis=0), trace.satisfaction.mean(axis=0)
    spread = float(np.ptp(cost)) or 1.0
    num, num_models = trace.satisfaction.shape
    stream = streams.replay(x, trace.satisfaction, trace.cost)
    print(
        f"{trace.source}: {num:,} requests, {len(set(trace.groups))} groups, {num_models} models, {asked.dim} features"
    )
    dataset = grids.run(
        asked,
        stream=stream,
        predictor=grids.predictor(asked, stream, asked.dim, num_models),
        models=trace.models,
        cost=cost,
        accuracy=accuracy,
        horizon=num,
        num_streams=asked.seeds,
        cost_unit=trace.cost_unit,
        V=[0.1 / spread, 1.0 / spread, 10.0 / spread],
    )
    best, seeds = grids.per_alpha(dataset, "optimal_cost"), dataset.sizes["stream"]
    print(f"clairvoyant optimum (knows every label): cost {best}. The LP mixture knows each model's two averages.")
    if seeds > 1:
        print(f"Intervals are over {seeds} orders of this one trace and the router's coins, not over other requests.")
    grids.finish(asked, dataset, f"replay of {trace.source}, {num:,} requests, orders: {seeds}", "replay")
