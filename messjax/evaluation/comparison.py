"""MESS+ compared with its baselines on one stream: every single model, uniform random, the best static mixture.

The result is one Dataset with a dimension `policy`, and a table of it. Baselines do not depend on V or c: their numbers
repeat along those dimensions, and the table shows them once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from rich.table import Table

from messjax import policies, results
from messjax.engine.grid_sweep import sweep
from messjax.types import Array, Controls, Policy, Predictor, Stream

MESS_PLUS, UNIFORM, MIXTURE = "MESS+", "uniform random", "LP mixture"
CURVES = ("satisfaction", "cost")
_CAPTION = (
    "cost per request in {} (full: exploration pays for all models); 95% intervals over streams; "
    "met for good: share of streams whose satisfaction stayed >= alpha, and the median request from which it did"
)


def contenders(
    predictor: Predictor, models: tuple[str, ...], cost: np.ndarray, accuracy: np.ndarray
) -> dict[str, Policy]:
    """MESS+ and its baselines by name.

    Args:
        predictor: The predictor of MESS+.
        models: Names of the models [M].
        cost: Average cost of each model [M], for the static mixture.
        accuracy: Average satisfaction of each model [M], for the static mixture.

    Returns:
        Policies by name: "MESS+", "only MODEL" for each model, "uniform random" and "LP mixture".
    """
    singles = {f"only {name}": policies.single(m) for m, name in enumerate(models)}
    others = {UNIFORM: policies.uniform(), MIXTURE: policies.mixture(cost, accuracy)}
    return {MESS_PLUS: policies.mess_plus(predictor)} | singles | others


def compare(
    key: Array,
    controls: Controls,
    *,
    stream: Stream,
    predictor: Predictor,
    models: tuple[str, ...],
    cost: np.ndarray,
    accuracy: np.ndarray,
    horizon: int,
    num_streams: int,
    cost_unit: str,
    checkpoints: int = 100,
    memory: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> xr.Dataset:
    """Run MESS+ and its baselines on the same requests and exploration draws.

    Args:
        key: Random key; stream i has fold_in(key, i).
        controls: Grid of controls, numbers or arrays.
        stream: The stream of requests.
        predictor: The predictor of MESS+.
        models: Names of the models [M].
        cost: Average cost of each model [M], for the static mixture.
        accuracy: Average satisfaction of each model [M], for the static mixture.
        horizon: Number of requests T per stream.
        num_streams: Number of independent streams.
        cost_unit: Unit of cost, for attributes and tables.
        checkpoints: Number of points of the curves, at most the horizon.
        memory: GiB that the run may take, as for `sweep`; by default half of what the machine has.
        progress: Called with (streams done, streams in all) as the run goes on.

    Returns:
        The Dataset of `sweep`, with a dimension `policy` and curves of satisfaction and cost.

    Raises:
        ValueError: As `sweep` raises.
    """
    return sweep(
        key,
        controls,
        policy=contenders(predictor, models, cost, accuracy),
        stream=stream,
        horizon=horizon,
        num_streams=num_streams,
        checkpoints=min(checkpoints, horizon),
        curves=CURVES,
        models=models,
        cost_unit=cost_unit,
        memory=memory,
        progress=progress,
    )


def rows(dataset: xr.Dataset) -> list[tuple[str, dict[str, Any]]]:
    """The rows of `table`: MESS+ for every V, alpha and c, a baseline for every alpha.

    Args:
        dataset: Result of `compare`.

    Returns:
        Pairs of a policy's name and the indices of its controls.
    """
    result = []
    for policy in dataset["policy"].values:
        swept = [d for d in ("alpha", "V", "c") if d in dataset.dims and (policy == MESS_PLUS or d == "alpha")]
        fixed = {d: 0 for d in ("V", "c") if d in dataset.dims and d not in swept}
        for index in np.ndindex(*(dataset.sizes[d] for d in swept)):
            result.append((str(policy), fixed | dict(zip(swept, index, strict=True))))
    return result


def table(dataset: xr.Dataset, title: str) -> Table:
    """A table of costs in both ledgers, satisfaction with interval, when alpha was met for good, and calls per model.

    Args:
        dataset: Result of `compare`.
        title: Title of the table.

    Returns:
        A `rich` table with one row per entry of `rows`.
    """
    summary = results.summary(dataset)
    out = Table(title=title, caption=_CAPTION.format(dataset.attrs["cost_unit"]))
    names = (
        "policy",
        "alpha",
        "V",
        "c",
        "cost, full",
        "cost, exploit",
        "satisfaction",
        "met for good",
        "calls",
    )
    for name in names:
        out.add_column(name, justify="left" if name == "policy" else "right", no_wrap=name == "policy")
    for policy, index in rows(dataset):
        one, mean = dataset.sel(policy=policy).isel(index), summary.sel(policy=policy, limit="mean").isel(index)
        own = policy == MESS_PLUS
        out.add_row(
            policy,
            f"{float(one['alpha']):g}",
            f"{float(one['V']):.3g}" if own else "",
            f"{float(one['c']):g}" if own else "",
            f"{float(mean['cost']):.4g}",
            f"{float(mean['cost_exploit']):.4g}",
            _interval(summary.sel(policy=policy).isel(index)["satisfaction"]),
            _met(one),
            " ".join(f"{share:.1%}" for share in mean["calls"].values / dataset.attrs["horizon"]),
        )
    return out


def _interval(limits: xr.DataArray) -> str:
    mean, lower, upper = (float(limits.sel(limit=name)) for name in ("mean", "lower", "upper"))
    return f"{mean:.4f}" if np.isnan(lower) else f"{mean:.4f} +- {(upper - lower) / 2:.4f}"


def _met(one: xr.Dataset) -> str:
    start, horizon = one["sla_from"].values, one.attrs["horizon"]
    met = start <= horizon
    if not met.any():
        return "never"
    return f"{met.mean():.0%}, from {int(np.median(start[met])):,}"


def curves(dataset: xr.Dataset, most: int = 3) -> tuple[list[tuple[str, xr.Dataset]], str]:
    """Curves for `plot.over_requests`: MESS+ at up to `most` values of V (first alpha and c), then the baselines.

    Args:
        dataset: Result of `compare`.
        most: Largest number of curves of MESS+.

    Returns:
        Pairs of a label and the summary over streams of a policy, and in words which points of the grid are left out.
    """
    summary = results.summary(dataset[[f"{name}_curve" for name in CURVES]])
    result = []
    for policy, index in rows(dataset):
        if any(index.get(d, 0) for d in ("alpha", "c")):
            continue
        one = summary.sel(policy=policy).isel(index)
        result.append((f"{policy}, V = {float(one['V']):.3g}" if policy == MESS_PLUS else policy, one))
    own = [pair for pair in result if pair[0].startswith(MESS_PLUS)]
    chosen = {round(i) for i in np.linspace(0, len(own) - 1, min(most, len(own)))}
    shown = [own[i] for i in sorted(chosen)] + [pair for pair in result if not pair[0].startswith(MESS_PLUS)]
    left = [f"{len(own) - len(chosen)} of {len(own)} V"] if len(chosen) < len(own) else []
    left += [
        f"{name} = {', '.join(f'{value:g}' for value in dataset[name].values[1:])}"
        for name in ("alpha", "c")
        if dataset.sizes.get(name, 1) > 1
    ]
    return shown, f"Not drawn: {'; '.join(left)}; they are in the table." if left else ""
