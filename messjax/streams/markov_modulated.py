"""Markov-modulated difficulty: a hidden state moves by a transition matrix and selects the distribution. Breaks A1."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax.streams.switching import Rule, switched, with_laws
from messjax.theory.laws import Laws, markov_laws, stationary_law
from messjax.types import Array, Distribution, Stream

ROUNDING = 1e-9  # of rows that sum to one, and of what counts as zero


def modulated(parts: Sequence[Stream], transition: np.ndarray, *, shown: bool = False) -> Stream:
    """In hidden state i requests come from `parts[i]`; after each request the state moves to j with probability P_ij.

    The first state is drawn from the stationary distribution pi = pi P: every request by itself has the distribution of
    the mixture by pi, which is the stream's `distribution` (exact if the parts' are), and only the dependence of one
    request on the next breaks A1. A recorded part ends the stream where it might run out.

    Args:
        parts: S streams of the same shapes.
        transition: P [S, S], rows sum to one.
        shown: Whether the state is appended to the features, one-hot [S].

    Returns:
        The stream.

    Raises:
        ValueError: A matrix that is not stochastic, has another size than the parts, or has more than one stationary
            distribution (use one of its closed classes instead).
    """
    P = _checked(np.asarray(transition, np.float64), len(parts))
    pi = stationary_law(P)
    lengths = [part.length for part in parts if part.length is not None]
    tables = tuple(jnp.asarray(np.cumsum(rows, axis=-1)[..., :-1], jnp.float32) for rows in (pi, P))
    rule = Rule(Partial(_start, tables[0]), Partial(_moved, tables[1]))
    length = min(lengths) if lengths else None
    stream = switched("modulated", parts, rule, shares=pi, shown=shown, length=length)
    return with_laws(stream, parts, Partial(_laws, P))


def _laws(P: np.ndarray, T: int, parts: list[Distribution]) -> Laws:
    del T
    return markov_laws(parts, P)


def _checked(transition: np.ndarray, size: int) -> np.ndarray:
    if transition.shape != (size, size):
        raise ValueError(f"modulated: transition has shape {transition.shape}, expected [{size}, {size}], one per part")
    if not (np.isfinite(transition).all() and (transition >= 0).all()):
        raise ValueError("modulated: expected probabilities >= 0 in the transition matrix, found negative ones or NaN")
    sums = transition.sum(axis=1)
    if (bad := np.flatnonzero(np.abs(sums - 1.0) > ROUNDING)).size:
        raise ValueError(f"modulated: row {bad[0]} of the transition matrix sums to {sums[bad[0]]:.12g}, expected 1")
    return transition


def _start(cumulative: Array, key: Array) -> Array:
    return _drawn(cumulative, key)


def _moved(cumulative: Array, key: Array, hidden: Array, t: Array) -> tuple[Array, Array, Array]:
    del t
    own, rest = jax.random.fold_in(key, 1), jax.random.fold_in(key, 2)
    return hidden, _drawn(cumulative[hidden], own), rest


def _drawn(cumulative: Array, key: Array) -> Array:
    """A number 0, ..., S - 1 from its cumulative probabilities [S - 1]."""
    return jnp.sum(jax.random.uniform(key, dtype=jnp.float32) >= cumulative).astype(jnp.int32)
