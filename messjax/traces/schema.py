"""What a recorded trace is, whatever file it came from, and the check that every reader ends with."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Trace(NamedTuple):
    """N recorded requests, each answered and judged for all M models.

    Models are ordered by mean cost, cheapest first, so that the last is the one [M25] calls M. It need not be the
    best one: that is an assumption to be checked, not a property of traces.
    """

    models: tuple[str, ...]  # M names, all different
    prompts: tuple[str, ...]  # N texts
    groups: tuple[str, ...]  # N labels, e.g. the subject of a benchmark
    satisfaction: np.ndarray  # [N, M] float64 in [0, 1]
    cost: np.ndarray  # [N, M] float64 >= 0, in `cost_unit` per request
    cost_unit: str
    source: str  # the base name of the file or folder that was read


def check_trace(trace: Trace) -> None:
    """Checks everything the rest of messjax relies on in a trace. The order of the models is not checked.

    Raises:
      ValueError: no model, a model named twice, no request, shapes that disagree, satisfaction outside [0, 1] or NaN,
        cost negative, infinite or NaN. It says where (the request counts from 0), what was found and what expected.
    """
    where = f"trace {trace.source!r}"
    if not trace.models:
        raise ValueError(f"{where} has no model, expected at least one")
    for m, model in enumerate(trace.models):
        if model in trace.models[:m]:
            raise ValueError(f"{where} has two models named {model!r}, expected different names")
    if not trace.prompts:
        raise ValueError(f"{where} is empty, expected at least one request")
    if len(trace.groups) != len(trace.prompts):
        raise ValueError(f"{where} has {len(trace.groups)} groups, expected {len(trace.prompts)}, one per prompt")
    shape = (len(trace.prompts), len(trace.models))
    for name, values in (("satisfaction", trace.satisfaction), ("cost", trace.cost)):
        if np.shape(values) != shape:
            raise ValueError(f"{where}: {name} has shape {np.shape(values)}, expected {shape} (requests, models)")
    satisfaction, cost = np.asarray(trace.satisfaction), np.asarray(trace.cost)
    _refuse(trace, "satisfaction", satisfaction, (satisfaction >= 0.0) & (satisfaction <= 1.0), "a number in [0, 1]")
    _refuse(trace, "cost", cost, (cost >= 0.0) & (cost < np.inf), "a finite number >= 0")


def order_by_cost(trace: Trace) -> Trace:
    """The trace with its models by mean cost, cheapest first; models of equal mean cost keep their order."""
    order = np.argsort(np.mean(trace.cost, axis=0), kind="stable")
    return trace._replace(
        models=tuple(trace.models[m] for m in order),
        satisfaction=np.ascontiguousarray(trace.satisfaction[:, order]),
        cost=np.ascontiguousarray(trace.cost[:, order]),
    )


def _refuse(trace: Trace, name: str, values: np.ndarray, good: np.ndarray, expected: str) -> None:
    """Names the first entry that is not good; comparisons with NaN are false, so NaN is refused as well."""
    if good.all():
        return
    n, m = np.argwhere(~good)[0]
    raise ValueError(
        f"trace {trace.source!r}, request {n}, model {trace.models[m]!r}: {name} is {values[n, m]}, expected {expected}"
    )
