"""Streams one after another: at times that are given, the law changes at once. Breaks A1."""

from __future__ import annotations

import operator
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax.streams.calibration import calibrated
from messjax.streams.switching import Rule, switched
from messjax.types import Array, Stream


def chain(*parts: tuple[Stream, int], shown: bool = False) -> Stream:
    """Each stream for its number of requests, one after the other: `chain((first, 1172), (second, 2376))`.

    It ends with its last part. Its `law` is that of the whole chain, the parts' laws weighted by their requests: C* is
    the optimum of the whole by a policy that sees the part. `shown` appends the part to x (`among`). A part draws what
    it would draw alone, by the same keys: pairs of runs stay pairs. The numbers of requests may change without
    recompiling. ValueError for none, a number below one or beyond a recorded part, shapes that differ.
    """
    counts = [_count("chain", f"part {i}", stream, n) for i, (stream, n) in enumerate(parts)]
    if sum(counts) >= 2**31 - 1:
        raise ValueError(f"chain: expected less than 2^31 - 1 requests in all, found {sum(counts)}")
    total = max(1, sum(counts))
    ends = jnp.asarray(np.cumsum(counts)[:-1], jnp.int32)
    shares = np.array(counts) / total
    return switched("chain", [stream for stream, _ in parts], passed(ends), shares=shares, shown=shown, length=total)


def change(before: Stream, after: Stream, at: int, *, shown: bool = False) -> Stream:
    """`before` until request `at` - 1 and `after` from request `at` >= 1 on, without end.

    No law: C* is that of the one first and of the other then, and a run's is the mixture of its own horizon (`chain`).
    ValueError for `at` below one, for a recorded `before` that is too short, shapes that differ.
    """
    if operator.index(at) < 1:
        raise ValueError(f"change: at is {at}, expected a request number >= 1")
    if at > 1:
        _count("change", "before", before, at - 1)
    ends = jnp.asarray([at - 1], jnp.int32)
    length = None if after.length is None else at - 1 + after.length
    return switched("change", [before, after], passed(ends), shown=shown, length=length)


def benchmarks(
    cost: np.ndarray, accuracy: np.ndarray, requests: np.ndarray, *, shown: bool = False, **options: Any
) -> Stream:
    """The benchmarks of a zoo one after another, each calibrated to its costs and mean accuracies.

    cost [K, M], accuracy [K, M], requests [K]; `options` are those of `calibrated`, the same for all. With the
    published numbers, which the zoo "llama3" has: `benchmarks(zoo.cost, zoo.accuracy, zoo.requests)`, 13,528 requests
    in the order of the tables of [M25]. One seed, one set of directions: what makes a request hard is the same
    everywhere, and how hard benchmarks are and what they cost is not. ValueError as `chain` and `calibrated` do, or for
    numbers of rows that differ.
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
    """The rule that moves on after requests `ends` [S - 1], and leaves the part its key."""
    return Rule(Partial(_start), Partial(_passed, ends))


def _start(key: Array) -> tuple[()]:
    del key
    return ()


def _passed(ends: Array, key: Array, hidden: tuple, t: Array) -> tuple[Array, tuple, Array]:
    return jnp.sum(t > ends).astype(jnp.int32), hidden, key


def _count(who: str, which: str, stream: Stream, number: int) -> int:
    if operator.index(number) < 1:
        raise ValueError(f"{who}: {which} has {number} requests, expected at least one")
    if stream.length is not None and number > stream.length:
        raise ValueError(f"{who}: {which} is a trace of {stream.length} requests, found {number}")
    return operator.index(number)
