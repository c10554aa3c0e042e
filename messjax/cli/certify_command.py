"""`messjax certify`: what one run of MESS+ on a recorded trace shows without knowing the distribution of requests."""

from __future__ import annotations

import argparse
from typing import NamedTuple

import jax
import numpy as np
import xarray as xr

from messjax import feedback, files, policies, runtime, streams
from messjax.cli import certificate_page, feature_options, grids, machine_output, options
from messjax.cli.certificate_page import Certified
from messjax.engine import simulation
from messjax.engine.grid_sweep import sweep
from messjax.evaluation import partitions
from messjax.meters import bounded_sum, folds, standard_meters
from messjax.numerics import compensated
from messjax.statistics.confidence_sequences import running_mean_of_conditional_means
from messjax.theory import certificates, optimum
from messjax.theory.certificates import OptimumLimit
from messjax.traces import Trace
from messjax.types import Array, Controls, Distribution, Step

TRAINING = 0.2  # share of the requests on which a partition is learned; the limits use the others
MOST_GROUPS = 64  # more cells than these leave every limit without content
FEWEST = 20  # labelled requests for the row "all labels", which chooses a price on a tenth of them
Optima = dict[str, dict[str, OptimumLimit]]  # by what the router knows, then by whose labels


class Labels(NamedTuple):
    """A run's requests in the order in which they were served, and which satisfactions are used."""

    x: np.ndarray
    cost: np.ndarray
    satisfaction: np.ndarray  # NaN where not used
    group: np.ndarray  # number of each request's group


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    options.add_trace_options(parser)
    grids.add_options(parser, "1 over the range of the models' mean costs")
    parser.add_argument("--f", type=float, default=1.0, help="probability that a request gives feedback (default: 1)")
    parser.add_argument(
        "--order", choices=("shuffled", "file"), default="shuffled", help="order of the requests (default: shuffled)"
    )
    feature_options.add_options(parser)
    parser.add_argument(
        "--cells",
        type=runtime.whole_number(2, 64),
        default=4,
        help="classes of predicted difficulty that a router may tell apart (default: 4)",
    )
    parser.add_argument("--level", type=float, default=0.95, help="confidence of each certificate (default: 0.95)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Run MESS+ once per point of the grid; print the certificates of each, write certificates.json."""
    if not 0.0 < args.level < 1.0:
        raise ValueError(f"--level: expected a probability strictly between 0 and 1, found {args.level}")
    if not 0.0 < args.f <= 1.0:
        raise ValueError(f"--f: expected a probability above 0 and at most 1, found {args.f}")
    runtime.out_dir(args.out)
    with machine_output.notes_to_errors(args.json):
        page = _certificates(args)
    if args.json:
        print(page)


def _certificates(args: argparse.Namespace) -> str:
    """Print the page and write the files; the page as JSON."""
    trace = options.read_trace(args)
    x = feature_options.features_of(args, trace)
    runs, rows = _served(args, trace, x)
    groups = np.unique(np.array(list(trace.groups)), return_inverse=True)[1]
    everything = Labels(x[rows], trace.cost[rows], trace.satisfaction[rows], groups[rows])
    certified = [each for c in range(len(args.c)) for each in _certify(args, runs.isel(c=c, stream=0), everything)]
    certificate_page.show(certified, trace, level=args.level, f=args.f, share=TRAINING)
    path = args.out / "certificates.json"
    about = {"trace": trace.source, "requests": len(x), "cost_unit": trace.cost_unit, "seed": args.seed, "f": args.f}
    text = machine_output.as_json(about | {"runs": [certificate_page.plain(each) for each in certified]})
    files.write(path, text + "\n")
    table = files.write(args.out / "table.csv", machine_output.as_csv(certificate_page.records(certified)))
    print(f"wrote {path}, {table}")
    return text


def _served(args: argparse.Namespace, trace: Trace, x: np.ndarray) -> tuple[xr.Dataset, np.ndarray]:
    """One run per point of the grid, and the rows of the trace in the order in which they were served."""
    stream = streams.replay(x, trace.satisfaction, trace.cost, order=args.order)
    spread = float(np.ptp(trace.cost.mean(axis=0))) or 1.0
    meter = folds.zip_meters(
        standard_meters.standard(trace.paid),
        bounded_sum.bounded_mean("observed", _observed, *_range(args.f)),
        folds.latest("labelled", _not_yet, _labelled),
        folds.fold("prediction_errors", _none, _prediction_errors),
    )
    key = jax.random.key(args.seed)
    runs = sweep(
        key,
        Controls(
            V=np.array(args.V if args.V is not None else [1.0 / spread]),
            alpha=np.array(args.alpha), c=np.array(args.c), a=args.a, f=args.f,
        ),
        policy=policies.mess_plus(grids.predictor(args, stream, x.shape[1], trace.satisfaction.shape[1])),
        stream=stream,
        feedback=feedback.complete if args.f == 1.0 else feedback.sparse,
        horizon=len(x),
        num_streams=1,
        meter=meter,
        checkpoints=len(x),
        curves=("labelled",),
        models=trace.models,
        cost_unit=trace.cost_unit,
    )  # fmt: skip
    key_stream = simulation.component_keys(jax.random.fold_in(key, 0))[0]
    return runs, np.asarray(stream.init(jax.random.fold_in(key_stream, 0)))


def _observed(step: Step) -> Array:
    """1/2 + (s_t - 1/2) / f where feedback arrives, else 1/2: its conditional mean is that of s_t."""
    received = step.feedback.feedback_received
    return 0.5 + jax.numpy.where(received, step.feedback.served_satisfaction - 0.5, 0.0) / step.controls.f


def _range(f: float) -> tuple[float, float]:
    """What `_observed` lies between."""
    return 0.5 - 0.5 / f, 0.5 + 0.5 / f


def _not_yet(num_models: int) -> Array:
    del num_models
    return jax.numpy.zeros((), bool)


def _labelled(step: Step) -> Array:
    """Whether the satisfactions of all models were observed."""
    return step.feedback.outcome.observed.all()


def _none(num_models: int) -> compensated.Sum:
    zeros = jax.numpy.zeros(num_models, jax.numpy.float32)
    return compensated.Sum(zeros, zeros)


def _prediction_errors(total: compensated.Sum, step: Step) -> compensated.Sum:
    """Q_t {(s_m - s_hat_m) - (s_i - s_hat_i)} of every model m, i served, over exploited requests."""
    error = step.request.satisfaction - step.decision.s_hat
    served = jax.numpy.sum(jax.numpy.where(step.decision.served_mask, error, 0.0))
    lost = jax.numpy.where(step.decision.explore, 0.0, step.queue.to_float() * (error - served))
    return compensated.add(total, lost)


def _certify(args: argparse.Namespace, runs: xr.Dataset, everything: Labels) -> list[Certified]:
    """The certificates of every alpha and V at one c."""
    labelled = runs["labelled_curve"].isel(V=0, alpha=0).values.astype(bool)  # depends on neither
    explored = everything._replace(satisfaction=np.where(labelled[:, None], everything.satisfaction, np.nan))
    result = []
    for i, alpha in enumerate(args.alpha):
        by_labels = {
            name: _optima(labels, alpha, args.cells, args.level)
            for name, labels in (("explored", explored), ("recorded", everything))
        }
        optima = {
            knows: {name: limits[knows] for name, limits in by_labels.items() if knows in limits}
            for knows in by_labels["recorded"]
        }
        averages = Distribution(
            np.ones(1), everything.cost.mean(axis=0)[None], everything.satisfaction.mean(axis=0)[None]
        )
        blind = optimum.solve(averages, alpha).mixture[0] if alpha <= optimum.largest_alpha(averages) else None
        result += [_certified(args, runs.isel(V=v, alpha=i), alpha, blind, optima) for v in range(runs.sizes["V"])]
    return result


def _certified(
    args: argparse.Namespace, run: xr.Dataset, alpha: float, blind: np.ndarray | None, optima: Optima
) -> Certified:
    num, f = run.sizes["t"], args.f
    value = {name: float(run[name]) for name in ("V", "c", "cost", "satisfaction", "queue_last")}
    path = certificates.path_satisfaction(Q_last=value["queue_last"], T=num, alpha=alpha, f=f, level=args.level)
    sequence = running_mean_of_conditional_means(
        run["observed_sum"].values, run["observed_spread"].values, num, *_range(f), args.level
    )
    sequence = sequence._replace(lower=np.maximum(sequence.lower, 0.0), upper=np.minimum(sequence.upper, 1.0))
    lost = np.inf
    if blind is not None and value["V"] > 0:
        lost = float(blind @ run["prediction_errors"].values) / (value["V"] * num)
    return Certified(**value, alpha=alpha, path=float(path), sequence=sequence, prediction_errors=lost, optima=optima)


def _optima(labels: Labels, alpha: float, num_cells: int, level: float) -> dict[str, OptimumLimit]:
    """Lower limits of C* by what the router knows."""
    x, cost, scores, group = labels
    known = cost[:1] if (cost == cost[:1]).all() else None  # one price per model

    def limit(cells: np.ndarray, rows: slice, num: int) -> OptimumLimit:
        price = None if known is None else np.repeat(known, num, axis=0)
        return certificates.partition_optimum(
            cells[rows], cost[rows], scores[rows], alpha, num_cells=num, cell_cost=price, level=level
        )

    training, everyone = max(1, int(TRAINING * len(x))), slice(None)
    cells = partitions.by_difficulty(x, scores[:, 0], num_cells, training=training)
    result = {"no feature": limit(np.zeros(len(x), int), everyone, 1)}
    result["difficulty"] = limit(cells, slice(training, None), num_cells)
    if 1 < (num := int(group.max()) + 1) <= MOST_GROUPS:
        result["group"] = limit(group, everyone, num)
    if (~np.isnan(scores).any(axis=1)).sum() >= FEWEST:
        result["all labels"] = certificates.clairvoyant_optimum(cost, scores, alpha, level=level)
    return result
