"""The structure of a recorded trace, whatever file it came from, and the check that every preparation ends with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

TABLES = ("satisfaction", "cost", "judged")  # [N, M], without gaps
OPTIONAL = ("input_tokens", "output_tokens", "latency", "cached_tokens", "reasoning_tokens")


class Trace(NamedTuple):
    """N recorded requests, each answered by and scored for all M models.

    Models are ordered by mean cost, cheapest first, so that the last is the one [M25] calls M. It need not be the best
    one: that is an assumption to be checked, not a property of traces.

    Attributes:
        models: Names [M], all different.
        prompts: Texts [N].
        groups: Labels [N], for example the subject of a benchmark.
        satisfaction: [N, M] float64 in [0, 1].
        cost: [N, M] float64 >= 0, in `cost_unit` per request.
        cost_unit: Unit of the costs.
        source: Base name of the file or folder that was read.
        ids: Identifiers [N]; empty: none.
        input_tokens: [N, M] float64 >= 0, NaN where unknown, or None.
        output_tokens: [N, M] float64 in `token_unit`, or None.
        token_unit: "token", or "word" for formats without token counts.
        latency: [N, M] float64 in seconds, or None.
        provenance: Format, files, and the choices of `prepare`.
        notes: What was done to scores and missing cells, for display.
        cached_tokens: [N, M] float64, those of the input tokens that came from a cache, or None.
        reasoning_tokens: [N, M] float64, those of the output tokens that are not part of the answer, or None.
        choices: What routers of the user's own chose, by name: numbers of models [N] int32, -1 where none is known.
        router_scores: Scores that such routers gave the requests, by name: [N] float64, NaN where none is known.
        judged: [N, M] float64 in [0, 1], scores of a second judge (`with_judge`), or None.
    """

    models: tuple[str, ...]
    prompts: Sequence[str]
    groups: Sequence[str]
    satisfaction: np.ndarray
    cost: np.ndarray
    cost_unit: str
    source: str
    ids: Sequence[str] = ()
    input_tokens: np.ndarray | None = None
    output_tokens: np.ndarray | None = None
    token_unit: str = "token"
    latency: np.ndarray | None = None
    provenance: Mapping[str, str] = {}
    notes: tuple[str, ...] = ()
    cached_tokens: np.ndarray | None = None
    reasoning_tokens: np.ndarray | None = None
    choices: Mapping[str, np.ndarray] = {}
    router_scores: Mapping[str, np.ndarray] = {}
    judged: np.ndarray | None = None

    @property
    def paid(self) -> str:
        """What a request costs that asks several models: the "sum", or the "largest" where costs are times."""
        return "largest" if self.provenance.get("cost") == "latency" else "sum"


def check_trace(trace: Trace) -> None:
    """Check everything that the rest of messjax relies on in a trace. The order of the models is not checked.

    Args:
        trace: The trace.

    Raises:
        ValueError: No model, a model named twice, no request, shapes that disagree, satisfaction outside [0, 1] or NaN,
            cost negative, infinite or NaN, tokens or latency infinite. Names the place (requests count from 0), what
            was found and what was expected.
    """
    where = f"trace {trace.source!r}"
    if not trace.models:
        raise ValueError(f"{where} has no model, expected at least one")
    for m, model in enumerate(trace.models):
        if model in trace.models[:m]:
            raise ValueError(f"{where} has two models named {model!r}, expected different names")
    if not len(trace.prompts):
        raise ValueError(f"{where} is empty, expected at least one request")
    if len(trace.groups) != len(trace.prompts):
        raise ValueError(f"{where} has {len(trace.groups)} groups, expected {len(trace.prompts)}, one per prompt")
    if len(trace.ids) not in (0, len(trace.prompts)):
        raise ValueError(f"{where} has {len(trace.ids)} ids, expected {len(trace.prompts)}, one per prompt, or none")
    shape = (len(trace.prompts), len(trace.models))
    for name in (*TABLES, *OPTIONAL):
        values = getattr(trace, name)
        if np.shape(values) != shape and not (name in ("judged", *OPTIONAL) and values is None):
            raise ValueError(f"{where}: {name} has shape {np.shape(values)}, expected {shape} (requests, models)")
    _check_routers(trace, shape)
    _check_scores(trace)
    cost = np.asarray(trace.cost)
    _refuse(trace, "cost", cost, (cost >= 0.0) & (cost < np.inf), "a finite number >= 0")
    for name, values in _optional(trace).items():
        _refuse(trace, name, values, ~np.isinf(values), "a finite number, or NaN where unknown")


def _check_scores(trace: Trace) -> None:
    """Refuse scores outside [0, 1], of either judge."""
    for name in ("satisfaction", "judged"):
        if (given := getattr(trace, name)) is not None:
            scores = np.asarray(given)
            _refuse(trace, name, scores, (scores >= 0.0) & (scores <= 1.0), "a number in [0, 1]")


def _check_routers(trace: Trace, shape: tuple[int, int]) -> None:
    """Refuse choices and scores of routers of another shape or range."""
    where = f"trace {trace.source!r}"
    for name, chosen in trace.choices.items():
        if np.shape(chosen) != shape[:1] or np.any((chosen < -1) | (chosen >= shape[1])):
            raise ValueError(f"{where}: choices of {name!r} are not {shape[0]} numbers of models, or -1")
    for name, scores in trace.router_scores.items():
        if np.shape(scores) != shape[:1] or np.isinf(scores).any():
            raise ValueError(f"{where}: scores of {name!r} are not {shape[0]} finite numbers, or NaN")


def order_by_cost(trace: Trace) -> Trace:
    """The trace with its models by mean cost, cheapest first; models of equal mean cost keep their order.

    Args:
        trace: The trace.

    Returns:
        The trace with its models reordered.
    """
    order = np.argsort(np.mean(trace.cost, axis=0), kind="stable")
    tables = {name: getattr(trace, name) for name in (*TABLES, *OPTIONAL)}
    moved: dict[str, Any] = {
        name: np.ascontiguousarray(table[:, order]) for name, table in tables.items() if table is not None
    }
    number = np.append(np.argsort(order), -1).astype(np.int32)  # the last is that of -1
    moved["choices"] = {router: number[chosen] for router, chosen in trace.choices.items()}
    return trace._replace(models=tuple(trace.models[m] for m in order), **moved)


def rows_of(trace: Trace, rows: np.ndarray) -> Trace:
    """Some requests of a trace.

    Args:
        trace: The trace.
        rows: Their numbers [k].

    Returns:
        The trace of those requests, in that order; the models keep theirs.
    """

    def taken(values: Any) -> Any:
        return values.take(rows) if hasattr(values, "take") else [values[int(n)] for n in rows]

    tables = {name: values[rows] for name, values in _optional(trace).items()}
    return trace._replace(
        prompts=taken(trace.prompts),
        groups=taken(trace.groups),
        ids=taken(trace.ids) if len(trace.ids) else (),
        satisfaction=trace.satisfaction[rows],
        cost=trace.cost[rows],
        choices={name: chosen[rows] for name, chosen in trace.choices.items()},
        router_scores={name: scores[rows] for name, scores in trace.router_scores.items()},
        judged=None if trace.judged is None else trace.judged[rows],
        **tables,
    )


def _optional(trace: Trace) -> dict[str, np.ndarray]:
    """Those of OPTIONAL that the trace has."""
    return {name: np.asarray(values) for name in OPTIONAL if (values := getattr(trace, name)) is not None}


def _refuse(trace: Trace, name: str, values: np.ndarray, good: np.ndarray, expected: str) -> None:
    """Names the first entry that is not good; comparisons with NaN are false, so NaN is refused as well."""
    if good.all():
        return
    n, m = np.argwhere(~good)[0]
    raise ValueError(
        f"trace {trace.source!r}, request {n}, model {trace.models[m]!r}: {name} is {values[n, m]}, expected {expected}"
    )
