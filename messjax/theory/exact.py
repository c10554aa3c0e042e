"""Exact values on small worlds: the virtual queue as a Markov chain on a lattice, without sampling.

Where labels are 0 or 1, predictions do not change and alpha = n/N is rational, Q moves by n/N or by n/N - 1: the law of
Q_t is a vector of probabilities, and every expectation of docs/theory a sum. `transient` has them for T requests,
`stationary` for a queue that has settled, both to about 1e-10. They are what bounds and estimates are tested against.
Host code, NumPy float64. Proofs of what is exact here: "Exact values" in docs/theory.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from messjax.theory.arguments import Floats
from messjax.theory.lattice_chain import MOST_STATES, ROWS, Chain, lattice
from messjax.theory.laws import Laws
from messjax.types import Distribution

__all__ = ["Stationary", "Transient", "lattice", "stationary", "transient"]


class Transient(NamedTuple):
    """Expectations of T requests. Arrays [T] are of each request; their sums are the terms of I1 to I4.

    Attributes:
        queue: [T + 1] E[Q_t], t = 1, ..., T + 1, in requests.
        queue_square: [T + 1] E[Q_t^2].
        cost: [T] expected cost, full ledger, in cost units.
        satisfaction: [T] E[s_t].
        p: [T] probability of exploration.
        loss: [T] (1 - p_t) E[E_i - g mu_i - min_m (E_m - g mu_m)] at the price g, in cost units: its sum is L.
        decision_loss: [T] (1 - p_t) E[Delta_t]: its sum is D.
        dual: [T] (1 - p_t) E[V Dual_t(Q_t / V)].
        noise: [T] E[(alpha - s_t)^2] / 2: its sum is W.
        reflection: [T] E[U_t], what max(0, .) adds to the queue.
        reflection_square: [T] E[U_t^2] / 2: its sum is U2.
        error: [T] (1 - p_t) E[Q_t e_t]: its sum is S_T.
        explored_queue: [T] p_t E[Q_t]: its sum is X.
        decision_loss_above: [T] decision_loss while Q_t > V g.
        price: g, the price of `loss` and of the level V g; gamma* of the average law if none was given.
        states: [n] values of Q.
        probability: [n] P(Q_{T+1} = states).
        exploited: [n] sum_t (1 - p_t) P(Q_t = states): with it, any sum over exploited requests of a function of Q_t.
    """

    queue: Floats
    queue_square: Floats
    cost: Floats
    satisfaction: Floats
    p: Floats
    loss: Floats
    decision_loss: Floats
    dual: Floats
    noise: Floats
    reflection: Floats
    reflection_square: Floats
    error: Floats
    explored_queue: Floats
    decision_loss_above: Floats
    price: float
    states: Floats
    probability: Floats
    exploited: Floats


class Stationary(NamedTuple):
    """Expectations of a settled queue, per request. Where Q visits its lattice in a cycle they are averages over time.

    Attributes:
        queue: E[Q], in requests.
        spread: Standard deviation of Q.
        cost: Expected cost, full ledger, in cost units.
        satisfaction: E[s].
        violation: alpha - E[s].
        loss: (1 - p) E[E_i - g mu_i - min_m (E_m - g mu_m)] at the price g: the adjusted regret of exploited requests.
        decision_loss: (1 - p) E[Delta].
        dual: (1 - p) E[V Dual(Q / V)].
        reflection: E[U].
        price: g, gamma* of the average law if none was given.
        states: [n] values of Q.
        probability: [n] their probabilities.
    """

    queue: float
    spread: float
    cost: float
    satisfaction: float
    violation: float
    loss: float
    decision_loss: float
    dual: float
    reflection: float
    price: float
    states: Floats
    probability: Floats


def transient(
    world: Distribution | Laws,
    *,
    V: float,
    alpha: float,
    T: int,
    s_hat: Any = None,
    p: ArrayLike = 0.0,
    Q_1: float = 0.0,
    price: float | None = None,
) -> Transient:
    """Exact expectations of MESS+ with predictions that do not change, on T requests with complete feedback.

    Scores within rounding of one another are a tie, which goes to the model of lowest number; a simulation in float32
    may break a tie otherwise, which moves the queue by no more than a step of the lattice. Labels are 0 or 1: labels in
    between have the same means but other moments.

    Args:
        world: A `Distribution`, or `Laws` that move.
        V: Weight of cost against satisfaction, in 1 / cost unit.
        alpha: SLA target n/N with N at most 1,000.
        T: Requests.
        s_hat: Predictions [K, M], or one such array per part of `Laws`; None: an oracle's.
        p: Probabilities of exploration, a number or [T].
        Q_1: The queue at the start, a multiple of 1/N.
        price: g of `loss` and of the level V g; None: gamma* of the average law (NaN where alpha is out of reach).

    Returns:
        The expectations.

    Raises:
        ValueError: alpha or Q_1 is not on a lattice, T < 1, V < 0, predictions or p of another shape, or a lattice of
            more than 2,000,000 states.

    Example:
        >>> import numpy as np
        >>> from messjax.types import Distribution
        >>> two_models = Distribution(np.ones(1), np.array([[0.0, 1.0]]), np.array([[0.3, 0.8]]))
        >>> run = transient(two_models, V=10.0, alpha=0.5, T=2_000)
        >>> print(f"E[Q] = {run.queue[-1]:.6f}, cost per request {run.cost.mean():.6f}")
        E[Q] = 20.017667, cost per request 0.380357
    """
    chain = Chain(world, V, alpha, T, s_hat, price)
    p = np.broadcast_to(np.asarray(p, np.float64), (T,))
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"p contains {p[~((p >= 0) & (p <= 1))][0]:g}, expected probabilities in [0, 1].")
    state = np.zeros((chain.hidden, start := chain.index(Q_1) + 1))
    state[:, -1] = chain.laws.stationary if chain.hidden > 1 else 1.0
    rows = np.empty((T, len(ROWS)))
    queue, square, exploited = np.empty(T + 1), np.empty(T + 1), np.zeros(0)
    queue[0], square[0] = (start - 1) / chain.N, ((start - 1) / chain.N) ** 2
    for t in range(T):
        exploited = _widened(exploited, state.shape[1])
        exploited[: state.shape[1]] += (1.0 - p[t]) * state.sum(axis=0)
        rows[t], state = chain.step(state, t, float(p[t]))
        Q, marginal = np.arange(state.shape[1]) / chain.N, state.sum(axis=0)
        queue[t + 1], square[t + 1] = marginal @ Q, marginal @ Q**2
    parts, width = dict(zip(ROWS, rows.T, strict=True)), max(len(exploited), state.shape[1])
    return Transient(
        queue=queue, queue_square=square, p=p, explored_queue=p * queue[:-1], price=chain.price,
        states=np.arange(width) / chain.N, probability=_widened(state.sum(axis=0), width),
        exploited=_widened(exploited, width), **parts,
    )  # fmt: skip


def _widened(law: Floats, width: int) -> Floats:
    """A law on the lattice, with zeros above."""
    return law if len(law) >= width else np.concatenate([law, np.zeros(width - len(law))])


def stationary(
    world: Distribution | Laws,
    *,
    V: float,
    alpha: float,
    s_hat: Any = None,
    p: float = 0.0,
    price: float | None = None,
) -> Stationary:
    """Exact expectations of a queue that has settled: the stationary law of the chain of `transient`.

    It is the law of the closed class that an empty queue reaches. Q mod 1 has a period (10 at alpha = .7), so that
    E[Q_t] at single t need not tend to `queue`, but its average over time does.

    Args:
        world: A `Distribution`, or `Laws` that a Markov chain selects.
        V: Weight of cost against satisfaction, in 1 / cost unit.
        alpha: SLA target n/N with N at most 1,000.
        s_hat: Predictions as in `transient`; None: an oracle's.
        p: Probability of exploration, the same at every request.
        price: As in `transient`.

    Returns:
        The expectations.

    Raises:
        ValueError: As `transient`; `Laws` by a schedule; or a queue that does not settle: what is served where it is
            long satisfies no more than alpha.

    Example:
        >>> import numpy as np
        >>> from messjax.types import Distribution
        >>> two_models = Distribution(np.ones(1), np.array([[0.0, 1.0]]), np.array([[0.3, 0.8]]))
        >>> settled = stationary(two_models, V=10.0, alpha=0.5)
        >>> print(f"E[Q] = {settled.queue:.6f}, cost {settled.cost:.6f}")
        E[Q] = 20.041667, cost 0.400000
    """
    if isinstance(world, Laws) and world.transition is None:
        raise ValueError("stationary: found laws by a schedule, expected a Distribution or laws by a Markov chain")
    if not 0 <= p <= 1:
        raise ValueError(f"p is {p:g}, expected a probability in [0, 1].")
    chain = Chain(world, V, alpha, 1, s_hat, price)
    chain.refuse_unsettled(p)
    size = chain.first_size()
    while (law := chain.stationary(size, p)) is None:
        size *= 2
        if size > MOST_STATES:
            raise ValueError(f"stationary: found more than {MOST_STATES:,} states, expected a smaller V or denominator")
    row, _ = chain.step(law, 0, p)
    values, Q, marginal = dict(zip(ROWS, row, strict=True)), np.arange(law.shape[1]) / chain.N, law.sum(axis=0)
    mean = float(marginal @ Q)
    names = ("cost", "satisfaction", "loss", "decision_loss", "dual", "reflection")
    return Stationary(
        queue=mean, spread=float(np.sqrt(marginal @ (Q - mean) ** 2)), price=chain.price, states=Q,
        violation=float(alpha - values["satisfaction"]), probability=marginal,
        **{name: float(values[name]) for name in names},
    )  # fmt: skip
