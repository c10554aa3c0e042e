"""MESS+ compared with its baselines on one stream: every single model, uniform random, the best static mixture.

Further policies may be compared beside them: routers trained beforehand, and policies of the user's own.

The result is one Dataset with a dimension `policy`. Baselines do not depend on V or c: their numbers repeat along those
dimensions, and tables (`comparison_table`) show them once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from messjax import feedback as _feedback
from messjax import policies, results
from messjax.engine.grid_sweep import sweep
from messjax.meters import standard_meters
from messjax.types import Array, Controls, Policy, Predictor, Stream

MESS_PLUS, UNIFORM, MIXTURE = "MESS+", "uniform random", "LP mixture"
CALLS = "calls "  # before a model's name in a record: the share of requests that query it
ONLY = "only "  # before a model's name: that model alone
MOST_SINGLES, LONGEST = 4, 32  # single models in a figure, characters of a label
CURVES = ("satisfaction", "cost")


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
    singles = {f"{ONLY}{name}": policies.single(m) for m, name in enumerate(models)}
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
    more: Mapping[str, Policy] | None = None,
    paid: str = "sum",
    feedback: Any = _feedback.complete,
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
        more: Further policies by name.
        paid: What a request costs that asks several models, as `meters.ledger` has it.
        feedback: Which outcomes come back; by default all of them.
        checkpoints: Number of points of the curves, at most the horizon.
        memory: GiB that the run may take, as for `sweep`; by default half of what the machine has.
        progress: Called with (streams done, streams in all) as the run goes on.

    Returns:
        The Dataset of `sweep`, with a dimension `policy` and curves of satisfaction and cost.

    Raises:
        ValueError: As `sweep` raises, or a further policy with the name of a baseline.
    """
    everyone = contenders(predictor, models, cost, accuracy)
    if taken := sorted(everyone.keys() & (more or {}).keys()):
        raise ValueError(f"compare: found a further policy named {taken[0]!r}, expected another name")
    dataset = sweep(
        key,
        controls,
        policy=everyone | dict(more or {}),
        stream=stream,
        horizon=horizon,
        num_streams=num_streams,
        meter=standard_meters.standard(paid),
        checkpoints=min(checkpoints, horizon),
        feedback=feedback,
        curves=CURVES,
        models=models,
        cost_unit=cost_unit,
        memory=memory,
        progress=progress,
    )
    dataset.attrs["paid"] = paid
    return dataset


def rows(dataset: xr.Dataset) -> list[tuple[str, dict[str, Any]]]:
    """The rows of a table: MESS+ for every V, alpha and c, the mixture for every alpha, single models once.

    A further policy has a row for every alpha, and for every V and c if they change its numbers.

    Args:
        dataset: Result of `compare`.

    Returns:
        Pairs of a policy's name and the indices of its controls.
    """
    result = []
    for policy in map(str, dataset["policy"].values):
        swept = [d for d in reads(dataset, policy) if d in dataset.dims]
        fixed = {d: 0 for d in ("alpha", "V", "c") if d in dataset.dims and d not in swept}
        for index in np.ndindex(*(dataset.sizes[d] for d in swept)):
            result.append((policy, fixed | dict(zip(swept, index, strict=True))))
    return result


def reads(dataset: xr.Dataset, policy: str) -> list[str]:
    """The controls that a policy's numbers depend on.

    Args:
        dataset: Result of `compare`.
        policy: Name of the policy.

    Returns:
        Some of alpha, V and c.
    """
    if policy == MESS_PLUS:
        return ["alpha", "V", "c"]
    if fixed_model(policy):
        return []
    if policy == MIXTURE:
        return ["alpha"]
    numbers = dataset[["cost", "satisfaction"]].sel(policy=policy)
    changed = {
        d
        for d in ("V", "c")
        if d in numbers.dims and not bool((numbers == numbers.isel({d: 0})).all().to_array().all())
    }
    return ["alpha", *(d for d in ("V", "c") if d in changed)]


def fixed_model(policy: str) -> bool:
    """Whether a policy is a single model or uniform random, which no control changes.

    Args:
        policy: Name of the policy.

    Returns:
        Whether its numbers are the same at every alpha.
    """
    return policy == UNIFORM or policy.startswith(ONLY)


def dominated(dataset: xr.Dataset) -> list[str]:
    """Single models that another one beats: at no higher cost it satisfies no less, and one of the two strictly.

    Args:
        dataset: Result of `compare`.

    Returns:
        Names of their policies.
    """
    names = [str(name) for name in dataset["policy"].values if str(name).startswith(ONLY)]
    first = {d: 0 for d in ("alpha", "V", "c") if d in dataset.dims}
    at = dataset[["cost", "satisfaction"]].sel(policy=names).isel(first).mean("stream")
    cost, accuracy = at["cost"].values, at["satisfaction"].values
    worse = (cost[:, None] >= cost) & (accuracy[:, None] <= accuracy)
    strictly = (cost[:, None] > cost) | (accuracy[:, None] < accuracy)
    return [name for name, beaten in zip(names, np.any(worse & strictly, axis=1).tolist(), strict=True) if beaten]


def folded(dataset: xr.Dataset) -> list[str]:
    """Single models that tables leave out: those that another one beats, unless it is one only.

    Args:
        dataset: Result of `compare`.

    Returns:
        Names of their policies.
    """
    beaten = dominated(dataset)
    return beaten if len(beaten) > 1 else []


def clipped(summary: xr.Dataset) -> xr.Dataset:
    """Intervals within what the numbers can be: satisfactions in [0, 1], costs at least 0.

    Student's t of two streams is symmetric and knows no range.

    Args:
        summary: Result of `results.summary`.

    Returns:
        The summary with limits clipped.
    """
    changed = {}
    for name in summary.data_vars:
        base = str(name).removesuffix("_curve")
        if base in ("satisfaction", "cost", "cost_exploit"):
            changed[name] = summary[name].clip(0.0, 1.0 if base == "satisfaction" else None, keep_attrs=True)
    return summary.assign(changed)


def records(dataset: xr.Dataset) -> list[dict[str, Any]]:
    """The numbers of `comparison_table.table` for every row, as records for CSV and JSON.

    Args:
        dataset: Result of `compare`.

    Returns:
        One dict per entry of `rows`.
    """
    summary, result = clipped(results.summary(dataset)), []
    for policy, index in rows(dataset):
        at, limits = dataset.sel(policy=policy).isel(index), summary.sel(policy=policy).isel(index)
        row: dict[str, Any] = {"policy": policy}
        row |= {name: float(at[name]) for name in ("alpha", "V", "c")}
        for name in ("cost", "cost_exploit", "satisfaction"):
            mean, lower, upper = (float(limits[name].sel(limit=limit)) for limit in ("mean", "lower", "upper"))
            row |= {name: mean, f"{name}_lower": lower, f"{name}_upper": upper}
        row["met_for_good"] = float((at["sla_from"] <= dataset.attrs["horizon"]).mean())
        row["explored"] = float(at["explored"].mean())
        share = at["calls"].mean("stream").values / dataset.attrs["horizon"]
        row |= {f"{CALLS}{name}": float(value) for name, value in zip(at["model"].values, share, strict=True)}
        result.append(row)
    return result


def curves(dataset: xr.Dataset, most: int = 3) -> tuple[list[tuple[str, xr.Dataset]], str]:
    """Curves for `plot.over_requests`: MESS+ at up to `most` values of V (first alpha and c), then the baselines.

    Args:
        dataset: Result of `compare`.
        most: Largest number of curves of MESS+.

    Returns:
        Pairs of a label and the summary over streams of a policy, and in words which points of the grid are left out.
    """
    summary = clipped(results.summary(dataset[[f"{name}_curve" for name in CURVES]]))
    result: list[tuple[str, xr.Dataset]] = []
    for policy, index in rows(dataset):
        if any(index.get(d, 0) for d in ("alpha", "c")):
            continue
        one = summary.sel(policy=policy).isel(index)
        result.append((f"{policy}, V = {float(one['V']):.3g}" if "V" in reads(dataset, policy) else policy, one))
    beaten = set(dominated(dataset))
    singles = [name for name in map(str, dataset["policy"].values) if name.startswith(ONLY)]
    useful = [name for name in singles if name not in beaten or len(singles) <= MOST_SINGLES]
    drawn = {useful[round(i)] for i in np.linspace(0, len(useful) - 1, min(MOST_SINGLES, len(useful)))}
    result = [(_shortened(name), one) for name, one in result if name not in singles or name in drawn]
    own = [pair for pair in result if pair[0].startswith(MESS_PLUS)]
    chosen = {round(i) for i in np.linspace(0, len(own) - 1, min(most, len(own)))}
    shown = [own[i] for i in sorted(chosen)] + [pair for pair in result if not pair[0].startswith(MESS_PLUS)]
    left = [f"{len(own) - len(chosen)} of {len(own)} V"] if len(chosen) < len(own) else []
    left += [f"{len(singles) - len(drawn)} of {len(singles)} single models"] if len(drawn) < len(singles) else []
    left += [
        f"{name} = {', '.join(f'{value:g}' for value in dataset[name].values[1:])}"
        for name in ("alpha", "c")
        if dataset.sizes.get(name, 1) > 1
    ]
    return shown, f"Not drawn: {'; '.join(left)}; they are in the table." if left else ""


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 12]}...{text[-9:]}"
