"""Models that come and go while a stream runs, and how long they take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax.components import as_pytree, expect
from messjax.streams.float32 import simulated
from messjax.types import OTHER, Array, Kind, PyTree, Request, Stream

FOREVER = 2**31 - 1  # no request has this number


def with_availability(
    stream: Stream, start: Sequence[int] | np.ndarray, end: Sequence[int | None] | np.ndarray | None = None
) -> Stream:
    """The stream whose model m is available for the requests start_m <= t < end_m.

    Requests, labels and costs are those of the stream, key by key, so that runs can be compared in pairs. Policies that
    do not follow availability (`Traits.follows_availability`) are refused by the engine. The stream has no
    `distribution`: C* depends on which models are there (`optimum.solve` of the available columns, per phase).

    Args:
        stream: The stream of requests.
        start: Number of the first request that each model is available for [M]; 1 or less: from the beginning.
        end: Number of the first request that it is no longer available for [M], None for one that stays; by default
            all stay.

    Returns:
        The stream. The times may change without recompiling.

    Raises:
        ValueError: Numbers that are not whole, of another shape than [M], or a request for which no model is available.
    """
    expect("stream", stream, Stream, "a Stream, such as streams.types(distribution) or zoo.stream()")
    first, last = _times("start", start, stream), _times("end", end, stream)
    moments = np.unique(np.clip(np.concatenate([[1], first, last]), 1, FOREVER - 1))
    for t in moments:  # availability changes at these alone
        if not ((first <= t) & (t < last)).any() and (stream.length is None or t <= stream.length):
            raise ValueError(f"with_availability: found no model available for request {t}, expected at least one")
    stream = as_pytree(stream)
    return stream._replace(
        draw=Partial(_draw_available, stream.draw, jnp.asarray(first, jnp.int32), jnp.asarray(last, jnp.int32)),
        distribution=None, laws=None, kind=Kind("not_iid") if stream.kind.name == "iid" else OTHER,
    )  # fmt: skip


def with_latency(stream: Stream, latency: np.ndarray) -> Stream:
    """The stream with a second cost of each model: how long it takes. Only meters read it (`meters.latency`).

    Args:
        stream: The stream of requests; all else is as it was.
        latency: Time of each model [M], finite and >= 0, in any unit of time.

    Returns:
        The stream.

    Raises:
        ValueError: Times of another shape than [M], negative or not finite.
    """
    expect("stream", stream, Stream, "a Stream, such as streams.types(distribution) or zoo.stream()")
    latency = simulated("latency", np.asarray(latency, np.float64))
    if latency.shape != (stream.num_models,) or not (np.isfinite(latency).all() and (latency >= 0).all()):
        raise ValueError(
            f"with_latency: expected {stream.num_models} finite times >= 0, found {np.asarray(latency).tolist()}"
        )
    stream = as_pytree(stream)
    return stream._replace(draw=Partial(_draw_timed, stream.draw, jnp.asarray(latency, jnp.float32)))


def _times(name: str, given: Any, stream: Stream) -> np.ndarray:
    each = [None] * stream.num_models if given is None else np.asarray(given, object).tolist()
    times = np.asarray([FOREVER if time is None else time for time in each])
    if times.shape != (stream.num_models,) or times.dtype.kind not in "iu":
        raise ValueError(
            f"with_availability: {name} is {each}, expected a whole number for each of the {stream.num_models} models"
        )
    return np.clip(times.astype(np.int64), 1, FOREVER)


def _draw_available(
    inner: Partial, first: Array, last: Array, key: Array, state: PyTree, t: Array
) -> tuple[PyTree, Request]:
    state, request = inner(key, state, t)
    available = (first <= t) & (t < last)
    return state, request._replace(available=available if request.available is None else available & request.available)


def _draw_timed(inner: Partial, latency: Array, key: Array, state: PyTree, t: Array) -> tuple[PyTree, Request]:
    state, request = inner(key, state, t)
    return state, request._replace(latency=latency)
