"""What `replay` and `simulate` share: a grid of controls, a predictor, MESS+ beside its baselines, what is written."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import xarray as xr

from messjax import plot, predictors, results, runtime
from messjax.cli import machine_output
from messjax.evaluation import comparison, comparison_table
from messjax.predictors import learning
from messjax.types import Controls, Predictor, Stream


def add_options(parser: argparse.ArgumentParser, default_V: str) -> None:
    """The options of a grid; `default_V` says in words which V are tried when none is given."""
    parser.add_argument(
        "--alpha",
        type=runtime.number_list,
        required=True,
        help="required mean satisfaction, one number or several: 0.6,0.7",
    )
    parser.add_argument(
        "--V",
        type=runtime.number_list,
        default=None,
        help=f"weights of cost against satisfaction, one or several (default: {default_V})",
    )
    parser.add_argument(
        "--c",
        type=runtime.number_list,
        default=[0.1],
        help="scales of exploration in p_t = min(1, c t^-a), one or several (default: 0.1)",
    )
    parser.add_argument(
        "--a", type=float, default=0.25, help="exponent of exploration (default: 0.25; the workshop paper uses 0.333)"
    )
    parser.add_argument(
        "--predictor",
        choices=("linear", "mlp", "oracle"),
        default="linear",
        help="what predicts satisfactions (default: linear)",
    )
    parser.add_argument(
        "--learning-rate",
        type=float,
        default=0.06,
        help="learning rate of the predictor's SGD with momentum 0.9 (default: 0.06)",
    )
    parser.add_argument(
        "--seed", type=runtime.whole_number(0), default=7, help="seed of all random numbers (default: 7)"
    )
    parser.add_argument(
        "--memory",
        type=runtime.gibibytes,
        default=None,
        metavar="SIZE",
        help="memory that the run may take besides the program itself, such as 4GiB (default: half of the machine's)",
    )
    machine_output.add_json(parser, "the tables")
    parser.add_argument(
        "--all", action="store_true", help="show every single model and every setting, however many there are"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("results"), metavar="DIR", help="folder for the results (default: results)"
    )


def predictor(args: argparse.Namespace, stream: Stream, num_features: int, num_models: int) -> Predictor:
    """The predictor that the options ask for."""
    if args.predictor == "oracle":
        return predictors.oracle(stream)
    if not (args.learning_rate > 0 and np.isfinite(args.learning_rate)):
        raise ValueError(f"--learning-rate: expected a finite number > 0, found {args.learning_rate}")
    make = predictors.linear if args.predictor == "linear" else predictors.mlp
    return make(num_features, num_models, tx=learning.sgd(args.learning_rate))


def run(
    args: argparse.Namespace, *, num_streams: int, V: list[float], models: tuple[str, ...], **parts: Any
) -> xr.Dataset:
    """`comparison.compare` over the grid that the options give, with progress; `parts` are its other arguments."""
    runtime.out_dir(args.out)
    controls = Controls(
        V=np.array(args.V if args.V is not None else V), alpha=np.array(args.alpha), c=np.array(args.c), a=args.a
    )
    memory = None if args.memory is None else args.memory / jax.local_device_count()  # of one device
    with runtime.progress(num_streams * parts["horizon"], "requests") as report:
        dataset = comparison.compare(
            jax.random.key(args.seed), controls, num_streams=num_streams, models=models, memory=memory,
            progress=report, **parts,
        )  # fmt: skip
    for alpha in args.alpha:
        if alpha > (best := float(np.max(parts["accuracy"]))):
            print(f"note: alpha {alpha:g} is above the best single model ({best:.4f}): only routing can meet it")
    return dataset


def about(dataset: xr.Dataset, title: str) -> dict[str, Any]:
    """What a table is about, for JSON."""
    optimal = {
        name: np.atleast_1d(dataset[name].values) for name in ("alpha", "optimal_cost", "gamma") if name in dataset
    }
    sizes = {"requests": dataset.attrs["horizon"], "streams": dataset.sizes["stream"]}
    return {"title": title, "cost_unit": dataset.attrs["cost_unit"]} | sizes | {"optimum": optimal}


def per_alpha(dataset: xr.Dataset, name: str) -> str:
    """A metric that depends on alpha only, as text."""
    values = zip(np.atleast_1d(dataset["alpha"].values), np.atleast_1d(dataset[name].values), strict=True)
    return ", ".join(f"{value:.4g} at alpha {alpha:g}" for alpha, value in values)


def finish(
    args: argparse.Namespace, dataset: xr.Dataset, title: str, stem: str, more: Sequence[dict[str, Any]] = ()
) -> list[dict[str, Any]]:
    """Write the Dataset, print the table, draw the curves, say what was written; `more`: records of other policies.

    Returns:
        The records of the table.
    """
    left_out = ("run", "command", "fresh", "config", "config_text", "report")
    dataset.attrs["command"] = (
        f"messjax {stem} {' '.join(f'{k}={v}' for k, v in vars(args).items() if k not in left_out)}"
    )
    dataset.attrs["config"] = args.config_text
    saved = [results.save(dataset, args.out / f"{stem}.nc")]
    records = [*comparison.records(dataset), *more]
    saved.append(args.out / "table.csv")
    saved[-1].write_text(machine_output.as_csv(records), encoding="utf-8")
    console = runtime.console()
    console.print(comparison_table.table(dataset, title, everything=args.all, more=more, width=console.width))
    alpha = float(np.atleast_1d(dataset["alpha"].values)[0])
    curves, omitted = comparison.curves(dataset)
    cost_unit = str(dataset.attrs["cost_unit"])
    figure = plot.over_requests(
        curves, alpha=alpha, title=f"{title}; 95% intervals", cost_unit=cost_unit, omitted=omitted
    )
    saved += plot.save(figure, args.out / stem)
    print(f"wrote {', '.join(str(path) for path in saved)}")
    return records
