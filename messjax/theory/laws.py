"""Requests whose law changes with t: by a schedule, or with a hidden Markov chain. What T12, T13 and `exact` are told.

The distribution of requests is fixed in T1 to T6. Here it is one of S parts, each a `Distribution`: at request t part z
with probability `shares[t - 1, z]`, independently of the past, or by a Markov chain that moves after every request.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from messjax.components import expect
from messjax.theory.arguments import Floats
from messjax.theory.optimum import check_distribution
from messjax.types import Distribution

ROUNDING = 1e-9  # how far from one the rows of shares and of the transition matrix may sum


@dataclasses.dataclass(frozen=True, eq=False)  # compared by identity: what is computed from one is kept
class Laws:
    """The laws of requests whose distribution changes, made by `scheduled_laws` or `markov_laws`.

    Attributes:
        parts: S distributions with the same number of models.
        shares: [T, S] probabilities of the parts at each request, or None.
        transition: [S, S] transition matrix of the hidden state, which starts from its stationary law, or None.
        stationary: [S] average share of each part: over the requests, or of the stationary law.
    """

    parts: tuple[Distribution, ...]
    shares: Floats | None
    transition: Floats | None
    stationary: Floats

    @property
    def average(self) -> Distribution:
        """The average law: of the type and the part, which a router that sees both would be told."""
        weight = np.concatenate([share * part.weight for share, part in zip(self.stationary, self.parts, strict=True)])
        cost, mean = (np.concatenate([part[field] for part in self.parts]) for field in (1, 2))
        return Distribution(weight / weight.sum(), cost, mean)

    def first(self, T: int) -> Laws:
        """The same, of the first T requests only.

        Args:
            T: Number of requests, at most those of the schedule.

        Returns:
            The laws, these themselves where T is the whole of them or a Markov chain moves them.

        Raises:
            ValueError: The schedule is shorter.
        """
        if self.shares is None or len(self.shares) == T:
            return self
        if not 1 <= T < len(self.shares):
            raise ValueError(f"laws: T is {T}, expected at most {len(self.shares)}, the requests of the schedule")
        return scheduled_laws(self.parts, self.shares[:T])


def scheduled_laws(parts: Sequence[Distribution], shares: ArrayLike) -> Laws:
    """Laws by a schedule: request t comes from part z with probability shares[t - 1, z].

    Args:
        parts: S distributions with the same number of models.
        shares: [T, S] probabilities, every row sums to one.

    Returns:
        The laws.

    Raises:
        ValueError: Parts that disagree or are invalid, or shares that are no probabilities.

    Example:
        >>> import numpy as np
        >>> from messjax.types import Distribution
        >>> easy = Distribution(np.ones(1), np.array([[0.0, 1.0]]), np.array([[0.8, 0.9]]))
        >>> hard = Distribution(np.ones(1), np.array([[0.0, 1.0]]), np.array([[0.2, 0.9]]))
        >>> scheduled_laws([easy, hard], np.repeat(np.eye(2), [300, 100], axis=0)).stationary
        array([0.75, 0.25])
    """
    checked, shares = _checked_parts("scheduled_laws", parts), np.asarray(shares, np.float64)
    if shares.ndim != 2 or not len(shares) or shares.shape[1] != len(checked):
        raise ValueError(
            f"scheduled_laws: shares has shape {shares.shape}, expected [T, {len(checked)}]: a column per part"
        )
    _refuse_rows("scheduled_laws: shares", shares)
    return Laws(checked, shares, None, shares.mean(axis=0))


def markov_laws(parts: Sequence[Distribution], transition: ArrayLike) -> Laws:
    """Laws that a hidden Markov chain selects, as in `streams.modulated`: stationary at the first request.

    Args:
        parts: S distributions with the same number of models.
        transition: [S, S] probabilities, every row sums to one.

    Returns:
        The laws.

    Raises:
        ValueError: Parts that disagree or are invalid, or a matrix that is not stochastic or has more than one closed
            class.
    """
    checked, transition = _checked_parts("markov_laws", parts), np.asarray(transition, np.float64)
    if transition.shape != (len(checked), len(checked)):
        raise ValueError(
            f"markov_laws: transition has shape {transition.shape}, expected [{len(checked)}, {len(checked)}]"
        )
    _refuse_rows("markov_laws: transition", transition)
    return Laws(checked, None, transition, stationary_law(transition))


def stationary_law(transition: ArrayLike) -> Floats:
    """The stationary law pi = pi P of a transition matrix.

    Args:
        transition: P [S, S], rows sum to one.

    Returns:
        pi [S].

    Raises:
        ValueError: There is more than one.
    """
    P = np.asarray(transition, np.float64)
    size = len(P)
    if np.linalg.matrix_rank(P.T - np.eye(size), tol=ROUNDING) < size - 1:
        raise ValueError("the transition matrix has more than one stationary distribution, expected one closed class")
    system = np.concatenate([P.T - np.eye(size), np.ones((1, size))])
    pi = np.linalg.lstsq(system, np.append(np.zeros(size), 1.0), rcond=None)[0].clip(min=0.0)
    return pi / pi.sum()


def _checked_parts(who: str, parts: Sequence[Distribution]) -> tuple[Distribution, ...]:
    if not parts:
        raise ValueError(f"{who}: found no parts, expected at least one distribution")
    for i, part in enumerate(parts):
        expect(f"{who}: part {i}", part, Distribution, "a Distribution, such as stream.distribution()")
    checked = tuple(check_distribution(part) for part in parts)
    models = [part.cost.shape[1] for part in checked]
    if len(set(models)) > 1:
        raise ValueError(f"{who}: parts have {', '.join(map(str, models))} models, expected the same number in each")
    return checked


def _refuse_rows(name: str, rows: Any) -> None:
    if not (np.isfinite(rows).all() and (rows >= 0).all()):
        raise ValueError(f"{name} has negative entries or NaN, expected probabilities")
    if (bad := np.flatnonzero(np.abs(rows.sum(axis=1) - 1.0) > ROUNDING)).size:
        raise ValueError(f"{name}: row {bad[0]} sums to {rows[bad[0]].sum():.12g}, expected 1")
