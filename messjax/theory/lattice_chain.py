"""One request of MESS+ as a map of probabilities on the lattice of Q, and its stationary law: the engine of `exact`."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from messjax.theory import optimum
from messjax.theory.arguments import Floats
from messjax.theory.laws import Laws, scheduled_laws
from messjax.types import Distribution

LARGEST_DENOMINATOR = 1_000  # of alpha: a finer lattice costs memory and time in proportion
MOST_STATES = 2_000_000  # of the lattice
NOTHING = 1e-30  # probability that is left out at the upper end of the lattice
TIE = 1e-12  # relative difference of scores that is rounding
CELLS = 4_000_000  # numbers of one intermediate array
ROWS = (  # what `Chain.step` sums, fields of Transient
    "cost", "satisfaction", "loss", "decision_loss", "dual", "noise", "reflection", "reflection_square", "error",
    "decision_loss_above",
)  # fmt: skip


def lattice(alpha: float) -> Fraction:
    """alpha = n/N as a fraction: Q moves on multiples of 1/N.

    Args:
        alpha: SLA target, in [0, 1].

    Returns:
        The fraction.

    Raises:
        ValueError: alpha is outside [0, 1], or not a fraction with a denominator of at most 1,000.

    Example:
        >>> lattice(0.7)
        Fraction(7, 10)
    """
    value = optimum.check_alpha(alpha)
    result = Fraction(value).limit_denominator(LARGEST_DENOMINATOR)
    if abs(float(result) - value) > 1e-12:
        raise ValueError(
            f"alpha is {value!r}, expected a fraction n/N with N at most {LARGEST_DENOMINATOR:,}: only then the queue "
            f"moves on a lattice (the nearest such alpha is {result.numerator}/{result.denominator})."
        )
    return result


class Chain:
    """MESS+ with fixed predictions on the lattice of Q, for the arguments of `exact.transient`.

    Args:
        world: A `Distribution`, or `Laws`.
        V: Weight of cost against satisfaction, in 1 / cost unit.
        alpha: SLA target n/N.
        T: Requests.
        s_hat: Predictions [K, M], or one such array per part; None: an oracle's.
        price: The price g of loss and level; None: gamma* of the average law.

    Raises:
        ValueError: As `exact.transient`.
    """

    def __init__(
        self, world: Distribution | Laws, V: float, alpha: float, T: int, s_hat: Any, price: float | None
    ) -> None:
        fraction = lattice(alpha)
        self.up, self.N, self.V, self.alpha = fraction.numerator, fraction.denominator, float(V), float(alpha)
        if not 0 <= self.V < np.inf:
            raise ValueError(f"V is {V:g}, expected a finite number of at least 0.")
        if T < 1:
            raise ValueError(f"T is {T}, expected at least one request.")
        laws = world if isinstance(world, Laws) else scheduled_laws([world], np.ones((1, 1)))
        self.fixed = len(laws.parts) == 1
        self.laws = laws if self.fixed else laws.first(T)
        self.hidden = 1 if self.laws.transition is None else len(self.laws.parts)
        self.s_hat = self._predictions(s_hat, isinstance(world, Laws))
        average = self.laws.average
        reached = optimum.largest_alpha(average) + optimum.ROUNDING >= alpha
        self.price = float(price) if price is not None else optimum.solve(average, alpha).gamma if reached else np.nan
        parts = self.laws.parts
        self.E_all = np.array([part.weight @ part.cost.sum(axis=1) for part in parts])
        self.mean_last = np.array([part.weight @ part.mean[:, -1] for part in parts])
        self.error = np.array(
            [part.weight @ np.abs(s - part.mean).max(axis=1) for part, s in zip(parts, self.s_hat, strict=True)]
        )
        self.table = np.empty((len(parts), 5, 0))

    def _predictions(self, s_hat: Any, many: bool) -> list[Floats]:
        """Predictions [K, M] of each part."""
        parts = self.laws.parts
        given: Sequence[Any] = [part.mean for part in parts] if s_hat is None else s_hat if many else [s_hat]
        if len(given) != len(parts):
            raise ValueError(f"s_hat has {len(given)} parts, expected one array [K, M] for each of {len(parts)}.")
        result = [np.asarray(each, np.float64) for each in given]
        for each, part in zip(result, parts, strict=True):
            if each.shape != part.mean.shape:
                raise ValueError(f"s_hat has shape {each.shape}, expected {part.mean.shape}, types and models.")
        return result

    def index(self, Q: float) -> int:
        """The state of a queue.

        Args:
            Q: The queue, in requests.

        Returns:
            Its place on the lattice, N Q.

        Raises:
            ValueError: It is not on the lattice.
        """
        place = round(Q * self.N)
        if Q < 0 or abs(place - Q * self.N) > 1e-9:
            raise ValueError(f"Q_1 is {Q:g}, expected a multiple of 1/{self.N} of at least 0, as alpha = n/{self.N}.")
        return place

    def first_size(self) -> int:
        """States to begin with: V gamma* and a few standard deviations.

        Returns:
            Their number.
        """
        level = self.V * (self.price if np.isfinite(self.price) else 1.0)
        return int(np.ceil((level + 40.0 + 12.0 * np.sqrt(self.V)) * self.N)) + 1

    def refuse_unsettled(self, p: float) -> None:
        """Refuse a queue that does not shrink on average where it is long.

        Args:
            p: Probability of exploration.

        Raises:
            ValueError: It does not.
        """
        served = [
            part.weight @ np.take_along_axis(part.mean, s.argmax(axis=1)[:, None], 1)[:, 0]
            for part, s in zip(self.laws.parts, self.s_hat, strict=True)
        ]
        long = self.laws.stationary @ ((1.0 - p) * np.array(served) + p * self.mean_last)
        if long <= self.alpha + 1e-9:
            raise ValueError(
                f"stationary: a long queue is served with satisfaction {long:.6g}, expected more than alpha = "
                f"{self.alpha:g}: it does not settle."
            )

    def tabulated(self, size: int) -> Floats:
        """Means over types at every state of Q, of the model chosen there.

        Args:
            size: Number of states, from an empty queue on.

        Returns:
            Cost, satisfaction, loss, Delta and V Dual [parts, 5, size].

        Raises:
            ValueError: Too many states.
        """
        known = self.table.shape[2]
        if size > MOST_STATES:
            raise ValueError(
                f"the lattice has more than {MOST_STATES:,} states, expected fewer requests or a smaller N."
            )
        if size > known:
            grown = max(size, min(2 * known, MOST_STATES), 64)
            new = [self._rows(z, np.arange(known, grown) / self.N) for z in range(len(self.laws.parts))]
            self.table = np.concatenate([self.table, np.stack(new)], axis=2)
        return self.table[:, :, :size]

    def _rows(self, z: int, Q: Floats) -> Floats:
        weight, cost, mean, _ = self.laws.parts[z]
        s_hat, at_price = self.s_hat[z], cost - self.price * mean
        rows, step = np.empty((5, len(Q))), max(1, CELLS // cost.size)
        for begin in range(0, len(Q), step):
            q = Q[begin : begin + step, None, None]
            score = self.V * cost + q * (self.alpha - s_hat)
            tied = score <= score.min(axis=2, keepdims=True) + TIE * (self.V * cost.max() + q)
            choice = tied.argmax(axis=2)  # [states, K]
            true, kind = self.V * cost + q * (self.alpha - mean), np.arange(len(weight))
            least = true.min(axis=2)
            own = np.take_along_axis(true, choice[:, :, None], 2)[:, :, 0]
            loss = at_price[kind, choice] - at_price.min(axis=1)
            parts = (cost[kind, choice], mean[kind, choice], loss, own - least, least)
            rows[:, begin : begin + step] = [part @ weight for part in parts]
        return rows

    def step(self, state: Floats, t: int, p: float) -> tuple[list[float], Floats]:
        """One request.

        Args:
            state: Probabilities [hidden states, states of Q].
            t: Number of the request, from 0 on.
            p: Probability that it is explored.

        Returns:
            The numbers of `ROWS` of this request, and the probabilities after it.
        """
        width, N, up, alpha = state.shape[1], self.N, self.up, self.alpha
        table = self.tabulated(width)
        E_all, mean_last, error = self.E_all, self.mean_last, self.error
        if self.laws.shares is not None and not self.fixed:
            share = self.laws.shares[t]
            table = np.tensordot(share, table, 1)[None]
            E_all, mean_last, error = ((share @ each)[None] for each in (E_all, mean_last, error))
        q, hidden = np.arange(width) / N, state.sum(axis=1)
        cost, _, loss, delta, dual = ((1.0 - p) * (state * row).sum(axis=0) for row in table.transpose(1, 0, 2))
        success = state * ((1.0 - p) * table[:, 1] + p * mean_last[:, None])
        failure = state - success
        good, down = success.sum(axis=0), N - up
        low = good[: min(down, width)]
        U = (down - np.arange(len(low))) / N
        satisfied = float(good.sum())
        above = q > self.V * self.price
        sums = [
            float(cost.sum() + p * (hidden @ E_all)), satisfied, float(loss.sum()), float(delta.sum()),
            float(dual.sum()), 0.5 * (satisfied * (1 - alpha) ** 2 + float(failure.sum()) * alpha**2),
            float(low @ U), 0.5 * float(low @ U**2), (1.0 - p) * float((state @ q) @ error), float(delta[above].sum()),
        ]  # fmt: skip
        return sums, self._moved(success, failure, down)

    def _moved(self, success: Floats, failure: Floats, down: int) -> Floats:
        width = success.shape[1]
        new = np.zeros((len(success), width + self.up))
        new[:, self.up :] = failure
        new[:, 0] += success[:, : down + 1].sum(axis=1)
        if width > down + 1:
            new[:, 1 : width - down] += success[:, down + 1 :]
        if self.hidden > 1:
            assert self.laws.transition is not None
            new = self.laws.transition.T @ new
        kept = np.flatnonzero(new.max(axis=0) > NOTHING)[-1] + 1
        return new[:, :kept]

    def stationary(self, size: int, p: float) -> Floats | None:
        """The stationary law.

        Args:
            size: Number of states of Q.
            p: Probability of exploration.

        Returns:
            Its probabilities [hidden states, size]; None where the lattice is too short for it.

        Raises:
            ValueError: An empty queue reaches more than one closed class.
        """
        from scipy.sparse import coo_matrix, csgraph, identity  # a tenth of a second that only this needs
        from scipy.sparse.linalg import splu

        good = (1.0 - p) * self.tabulated(size)[:, 1] + p * self.mean_last[:, None]  # [parts, size]
        P = np.ones((1, 1)) if self.hidden == 1 else self.laws.transition
        assert P is not None
        here = np.arange(size)
        rise, fall = np.minimum(here + self.up, size - 1), np.maximum(here - (self.N - self.up), 0)
        rows, columns, values = [], [], []
        for z, y in zip(*np.nonzero(P), strict=True):
            rows += [z * size + here] * 2
            columns += [y * size + rise, y * size + fall]
            values += [P[z, y] * (1.0 - good[z]), P[z, y] * good[z]]
        shape = (len(P) * size,) * 2
        moves = coo_matrix((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape).tocsr()
        moves.eliminate_zeros()
        inside = _closed_class(moves, csgraph, int(np.argmax(self.laws.stationary)) * size)
        within = moves[inside][:, inside]
        centre = int(np.argmin(np.abs(inside % size - np.nan_to_num(self.V * self.price) * self.N)))
        others = np.delete(np.arange(len(inside)), centre)
        result = np.zeros(shape[0])
        result[inside[centre]] = 1.0
        if len(others):
            system = (identity(len(others), format="csc") - within[others][:, others].T).tocsc()
            result[inside[others]] = splu(system).solve(within[[centre]][:, others].toarray()[0])
        law = np.maximum(result, 0.0).reshape(len(P), size) / result.sum()
        return law if law[:, -self.N - 1 :].sum() < 1e-15 else None


def _closed_class(moves: Any, csgraph: Any, start: int) -> np.ndarray:
    """The states of the closed class that is reached from `start`."""
    reached = csgraph.breadth_first_order(moves, start, return_predecessors=False)
    _, label = csgraph.connected_components(moves[reached][:, reached], directed=True, connection="strong")
    inner = moves[reached][:, reached].tocoo()
    leaving = np.unique(label[inner.row[label[inner.row] != label[inner.col]]])
    closed = np.setdiff1d(np.unique(label), leaving)
    if len(closed) > 1:
        raise ValueError("stationary: the queue settles in more than one way, expected one closed class of states")
    return np.sort(reached[label == closed[0]])
