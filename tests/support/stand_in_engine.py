"""A stand-in for `sweep` in NumPy, for tests of what commands print and write: it compiles nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from messjax import results
from messjax.evaluation import comparison
from messjax.types import Controls, Policy, Stream


def sweep(
    key: Any,
    controls: Controls,
    *,
    policy: Mapping[str, Policy],
    stream: Stream,
    horizon: int,
    num_streams: int,
    models: tuple[str, ...],
    cost_unit: str,
    **others: Any,
) -> xr.Dataset:
    """What `sweep` returns, of single models as they are and of other policies that choose at random.

    MESS+ asks all models with probability min(1, c t^-a) and chooses one of the first eight otherwise.
    """
    assert stream.distribution is not None
    rng, law = np.random.default_rng(0), stream.distribution()
    axes = {name: np.asarray(getattr(controls, name), np.float64) for name in ("V", "alpha", "c", "a", "f")}
    points = [values.size for values in axes.values() if values.ndim]
    t = np.arange(1, horizon + 1)
    kinds = rng.choice(len(law.weight), (num_streams, horizon), p=law.weight)
    satisfied = rng.random((num_streams, horizon, 1)) < law.mean[kinds]  # [stream, t, M]
    cost = law.cost[kinds]
    found = {}
    for name in policy:
        shape, few = (num_streams, *points, horizon), min(8, len(models))
        served = rng.integers(few if name == comparison.MESS_PLUS else len(models), size=shape)
        if name.startswith(comparison.ONLY):
            served[:] = models.index(name.removeprefix(comparison.ONLY))
        explored = rng.random(shape) < (name == comparison.MESS_PLUS) * np.minimum(1.0, 0.1 * t**-0.25)
        at = np.arange(num_streams).reshape(-1, *(1 for _ in shape[1:])), t - 1, served
        met, exploit = satisfied[at].astype(np.float64), cost[at]
        paid = np.where(explored, cost.sum(-1).reshape(num_streams, *(1 for _ in points), horizon), exploit)
        calls = [np.where(explored, True, served == m).sum(-1) for m in range(len(models))]
        ledgers = {"cost": paid, "cost_exploit": exploit, "satisfaction": met}
        means = {each: np.cumsum(values, -1) / t for each, values in ledgers.items()}
        below = means["satisfaction"] < axes["alpha"].min()
        first = np.where(below.any(-1), horizon + 1 - np.argmax(below[..., ::-1], axis=-1), 1)
        final = {each: values[..., -1] for each, values in means.items()}
        final |= {"calls": np.stack(calls, -1), "explored": explored.sum(-1), "sla_from": first}
        curve = {each: means[each] for each in comparison.CURVES}
        one = results.to_dataset(final, curve, axes, times=t, horizon=horizon, models=models, cost_unit=cost_unit)
        found[name] = results.with_optimum(one, law)
    kinds_of = json.dumps({name: "other" for name in policy})  # no router of the theory
    return results.concat(found).assign_attrs(policy_kinds=kinds_of, feedback_kind="complete", stream_kind="iid")
