"""Streams one after another: at given times the distribution of requests changes abruptly. Breaks A1."""

from __future__ import annotations

import operator
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax.components import expect
from messjax.streams.calibration import calibrated
from messjax.streams.switching import Rule, switched, with_laws
from messjax.theory.laws import Laws, scheduled_laws
from messjax.types import Array, Distribution, Stream


def chain(*parts: tuple[Stream, int], shown: bool = False) -> Stream:
    """Each stream for its number of requests, one after the other: `chain((first, 1172), (second, 2376))`.

    The stream ends with its last part. Its `distribution` is that of the whole chain, the parts' distributions weighted
    by their numbers of requests: C* is the optimum of the whole by a policy that sees the part. A part draws what it
    would draw alone, with the same keys, so that runs can be compared in pairs. The numbers of requests may change
    without recompiling.

    Args:
        *parts: Pairs of a stream and its number of requests.
        shown: Whether the part is appended to the features, one-hot [S].

    Returns:
        The stream.

    Raises:
        ValueError: No parts, a number below one or beyond a recorded part, or shapes that differ.
    """
    counts = [_count("chain", f"part {i}", stream, n) for i, (stream, n) in enumerate(parts)]
    if sum(counts) >= 2**31 - 1:
        raise ValueError(f"chain: expected less than 2^31 - 1 requests in all, found {sum(counts)}")
    total = max(1, sum(counts))
    ends = jnp.asarray(np.cumsum(counts)[:-1], jnp.int32)
    shares = np.array(counts) / total
    streams = [stream for stream, _ in parts]
    stream = switched("chain", streams, passed(ends), shares=shares, shown=shown, length=total)
    return with_laws(stream, streams, Partial(_laws, np.cumsum(counts)[:-1]))


def change(before: Stream, after: Stream, at: int, *, shown: bool = False) -> Stream:
    """`before` until request `at` - 1, and `after` from request `at` >= 1 on, without end.

    It has no `distribution`: C* is that of `before` first and of `after` later, and that of a run depends on its
    horizon (`chain` has one).

    Args:
        before: The first stream.
        after: The second stream, with the same shapes.
        at: Number of the first request from `after`.
        shown: Whether the part is appended to the features, one-hot [2].

    Returns:
        The stream.

    Raises:
        ValueError: `at` below one, a recorded `before` that is too short, or shapes that differ.
    """
    for name, part in (("before", before), ("after", after)):
        expect(f"change: {name}", part, Stream, "a Stream, such as streams.types(distribution) or zoo.stream()")
    if operator.index(at) < 1:
        raise ValueError(f"change: at is {at}, expected a request number >= 1")
    if at > 1:
        _count("change", "before", before, at - 1)
    ends = jnp.asarray([at - 1], jnp.int32)
    length = None if after.length is None else at - 1 + after.length
    stream = switched("change", [before, after], passed(ends), shown=shown, length=length)
    return with_laws(stream, [before, after], Partial(_laws, np.array([at - 1])))


def benchmarks(
    cost: np.ndarray, accuracy: np.ndarray, requests: np.ndarray, *, shown: bool = False, **options: Any
) -> Stream:
    """The benchmarks of a zoo one after another, each calibrated to its costs and mean accuracies.

    With the published numbers of the zoo "llama3", `benchmarks(zoo.cost, zoo.accuracy, zoo.requests)` has 13,528
    requests in the order of the tables of [M25]. One seed gives one set of directions: what makes a request hard is the
    same in all benchmarks, and how hard they are and what they cost differs.

    Args:
        cost: Cost per request on each of K benchmarks [K, M], in cost units.
        accuracy: Mean accuracy on each benchmark [K, M], strictly in (0, 1).
        requests: Number of requests of each benchmark [K].
        shown: Whether the benchmark is appended to the features, one-hot [K].
        **options: Options of `calibrated`, the same for all.

    Returns:
        The stream.

    Raises:
        ValueError: As `chain` and `calibrated` raise, or for numbers of rows that differ.
    """
    cost, accuracy = np.atleast_2d(cost), np.atleast_2d(accuracy)
    if not len(cost) == len(accuracy) == np.size(requests):
        raise ValueError(
            f"benchmarks: found {len(cost)} rows of cost, {len(accuracy)} of accuracy and {np.size(requests)} numbers "
            "of requests, expected one of each per benchmark"
        )
    rows = zip(cost, accuracy, np.atleast_1d(requests), strict=True)
    return chain(*((calibrated(c, a, **options), int(n)) for c, a, n in rows), shown=shown)


def passed(ends: Array) -> Rule:
    """The rule that moves to the next part after given requests, and leaves the part its key.

    Args:
        ends: The last request of each part but the last [S - 1].

    Returns:
        The rule.
    """
    return Rule(Partial(_start), Partial(_passed, ends))


def _start(key: Array) -> tuple[()]:
    del key
    return ()


def _passed(ends: Array, key: Array, hidden: tuple, t: Array) -> tuple[Array, tuple, Array]:
    return jnp.sum(t > ends).astype(jnp.int32), hidden, key


def _laws(ends: np.ndarray, T: int, parts: list[Distribution]) -> Laws:
    which = np.searchsorted(ends, np.arange(1, T + 1))
    return scheduled_laws(parts, np.eye(len(parts))[which])


def _count(who: str, which: str, stream: Stream, number: int) -> int:
    expect(f"{who}: {which}", stream, Stream, "a Stream, such as streams.types(distribution) or zoo.stream()")
    if operator.index(number) < 1:
        raise ValueError(f"{who}: {which} has {number} requests, expected at least one")
    if stream.length is not None and number > stream.length:
        raise ValueError(f"{who}: {which} is a trace of {stream.length} requests, found {number}")
    return operator.index(number)
