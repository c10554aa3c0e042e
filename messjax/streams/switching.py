"""A stream made of streams: each request comes from one of several parts, by a rule. Shared by all changing streams.

The rule says which part request t comes from; the part then draws as if it were alone, with its own count: its n-th
request is its own request n. A part may be anything: types, continuous features, a recorded trace, or again such a
stream.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax.components import as_pytree, equal_components, expect
from messjax.theory.laws import Laws
from messjax.types import Array, Distribution, Kind, PyTree, Request, Stream


class Rule(NamedTuple):
    """Which part a request comes from.

    Attributes:
        start: key -> state H of the rule.
        pick: (key of this request, H, t) -> (part [] int32, H, key for the part).
    """

    start: Partial
    pick: Partial


class State(NamedTuple):
    """State of a stream of S parts.

    Attributes:
        hidden: State of the rule.
        parts: States of the S parts.
        met: Number of requests so far from each part, [S] int32.
    """

    hidden: PyTree
    parts: tuple
    met: Array


def switched(
    who: str, parts: Sequence[Stream], rule: Rule, *, shares: Any = None, shown: bool = False, length: int | None = None
) -> Stream:
    """The stream whose requests come from `parts` by `rule`.

    With shown=False x does not contain the part. `Request.mean` is that of its part all the same; an oracle exists
    (`mean`) only where all parts agree on mu(x). With shown=True x ends with the part, one-hot [S], and the oracle uses
    it.

    Args:
        who: Name of the caller, for error messages.
        parts: S streams of the same shapes.
        rule: Which part a request comes from.
        shares: Share of each part [S] in `distribution`, whose x contains the part: C* is that of a policy that sees
            the part, and a lower bound for one that does not. None: no `distribution`.
        shown: Whether the part is appended to the features.
        length: Number of requests after which the stream ends; None: never.

    Returns:
        The stream.

    Raises:
        ValueError: No parts, or shapes that differ; names `who` and the part.
    """
    for i, part in enumerate(parts):
        expect(f"{who}: part {i}", part, Stream, "a Stream, such as streams.types(distribution) or zoo.stream()")
    parts = [as_pytree(part) for part in parts]
    _check(who, parts)
    draw = Partial(_draw_visible if shown else _draw, rule.pick, tuple(part.draw for part in parts))
    distributions = tuple(part.distribution for part in parts)
    return Stream(
        init=Partial(_init, rule.start, tuple(part.init for part in parts)),
        draw=draw,
        mean=_mean_of(parts, shown),
        distribution=None
        if shares is None or None in distributions
        else Partial(_distribution, np.asarray(shares, np.float64), distributions),
        length=length,
        kind=Kind("not_iid"),
        description=parts[0].description if len({part.description for part in parts}) == 1 else None,
    )


def with_laws(stream: Stream, parts: Sequence[Stream], laws: Partial) -> Stream:
    """The stream with the law of each request (T12, T13), where every part is i.i.d. with a known distribution.

    Args:
        stream: Made of the parts.
        parts: S streams.
        laws: (horizon T, S distributions) -> `theory.Laws`, on the host.

    Returns:
        The stream; as it was where a part's law is not known.
    """
    distributions = tuple(part.distribution for part in parts)
    known = None not in distributions and all(part.kind.name == "iid" for part in parts)
    return stream._replace(laws=Partial(_laws, laws, distributions)) if known else stream


def _laws(laws: Callable, distributions: tuple, T: int) -> Laws:
    result: Laws = laws(T, [distribution() for distribution in distributions])
    return result


def _check(who: str, parts: Sequence[Stream]) -> None:
    if not parts:
        raise ValueError(f"{who}: expected at least one stream, found none")
    key = jax.random.key(0)
    one = jax.ShapeDtypeStruct((), jnp.int32)
    drawn = [jax.eval_shape(p.draw, key, jax.eval_shape(p.init, key), one)[1] for p in parts]
    for i, request in enumerate(drawn):
        for name in ("available", "latency", "judged"):
            if (getattr(request, name) is None) != (getattr(drawn[0], name) is None):
                which = (i, 0) if getattr(request, name) is None else (0, i)
                raise ValueError(
                    f"{who}: part {which[0]} has no Request.{name}, expected one as part {which[1]} has; give it to "
                    "all parts, or to the whole stream"
                )
    forms = [[x.shape for x in jax.tree.leaves(request)] for request in drawn]
    for i, form in enumerate(forms):
        if form != forms[0]:
            wanted, result = ((f"features {f[0]} and costs {f[1]}") for f in (forms[0], form))
            raise ValueError(f"{who}: part {i} has {result}, expected {wanted} as part 0 has")


def _init(start: Callable, inits: tuple, key: Array) -> State:
    keys = jax.random.split(key, 1 + len(inits))
    states = tuple(init(key) for init, key in zip(inits, keys[1:], strict=True))
    return State(start(keys[0]), states, jnp.zeros(len(inits), jnp.int32))


def _draw(pick: Callable, draws: tuple, key: Array, state: State, t: Array) -> tuple[State, Request]:
    return draw_part(pick, draws, key, state, t)[:2]


def _draw_visible(pick: Callable, draws: tuple, key: Array, state: State, t: Array) -> tuple[State, Request]:
    state, request, part = draw_part(pick, draws, key, state, t)
    label = jax.nn.one_hot(part, len(draws), dtype=request.features.dtype)
    return state, request._replace(features=jnp.concatenate([request.features, label]))


def draw_part(pick: Callable, draws: tuple, key: Array, state: State, t: Array) -> tuple[State, Request, Array]:
    """A request, and the part it comes from.

    Args:
        pick: The rule's `pick`.
        draws: The parts' `draw` functions.
        key: Random key of this request.
        state: State of the stream.
        t: Request number [], from 1 on.

    Returns:
        The state, the request, and the part [] int32.
    """
    part, hidden, key = pick(key, state.hidden, t)
    met = state.met + (jnp.arange(len(draws)) == part).astype(jnp.int32)

    def of(i: int) -> Callable[[tuple], tuple[tuple, Request]]:
        def draw(states: tuple) -> tuple[tuple, Request]:
            after, request = draws[i](key, states[i], met[i])
            return (*states[:i], after, *states[i + 1 :]), request

        return draw

    states, request = jax.lax.switch(part, [of(i) for i in range(len(draws))], state.parts)
    return State(hidden, states, met), request, part


def _mean_of(parts: Sequence[Stream], shown: bool) -> Partial | None:
    means = tuple(part.mean for part in parts)
    if None in means:
        return None
    if shown:
        return Partial(_mean_visible, means)
    return means[0] if all(equal_components(means[0], mean) for mean in means[1:]) else None  # type: ignore[return-value]


def _mean_visible(means: tuple, features: Array) -> Array:
    x, label = features[: -len(means)], features[-len(means) :]
    return jnp.matmul(label, jnp.stack([mean(x) for mean in means]), precision=jax.lax.Precision.HIGHEST)


def _distribution(shares: np.ndarray, distributions: tuple) -> Distribution:
    result = [distribution() for distribution in distributions]
    weight = np.concatenate([share * distribution.weight for share, distribution in zip(shares, result, strict=True)])
    kinds = [distribution.kind for distribution in result if distribution.kind != "exact"]
    cost, mean = (np.concatenate([distribution[i] for distribution in result]) for i in (1, 2))
    return Distribution(weight / weight.sum(), cost, mean, kinds[0] if kinds else "exact")
