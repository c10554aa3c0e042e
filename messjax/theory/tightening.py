"""T10: asking for alpha + kappa so as to attain alpha. Proofs in docs/theory.md.

The bound that kappa has to meet depends on kappa: these are equations, solved to machine precision. The least solution
is looked for on `CELLS` cells; what is found is always enough, and the least one but for solutions that come and go
within a cell.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize.elementwise import find_root

from messjax.theory.arguments import Floats, floats, refuse
from messjax.theory.tail import T4_constants

CELLS = 1_000


def _least(right: Callable[[Floats], Floats], T: float, limit: float) -> float:
    """The least kappa in [0, limit) with kappa T >= right(kappa), inf where there is none."""

    def surplus(kappa: Floats) -> Floats:
        wanted = right(kappa)
        return np.where(np.isfinite(wanted), kappa * T - wanted, -1.0)

    if not limit > 0:
        return np.nan if np.isnan(limit) else np.inf
    grid = np.linspace(0.0, limit, CELLS, endpoint=False)
    enough = np.flatnonzero(surplus(grid) >= 0)
    if not len(enough):
        return np.inf
    first = enough[0]
    return float(find_root(surplus, (grid[first - 1], grid[first])).bracket[1]) if first else 0.0


def T10_kappa(right: Callable[[float], Any], T: float, beta: float, beta_M: float | None = None) -> float:
    """T10 (mean): the least kappa with kappa T >= right(kappa): then E[alpha - (1/T) sum s_t] <= 0 at alpha + kappa.

    right(kappa) bounds E[Q_{T+1}] - Q_1 of the algorithm that runs with alpha + kappa: `T1_queue` with gamma*, B, S_T
    of alpha + kappa and beta_M - kappa, say, or `T1_queue_slater`. kappa stays below beta and beta_M (beta unless
    given), both of alpha; inf where none there is enough. Where right is NaN or infinite it counts as not enough.
    Re-derived here; the hypotheses are those of the bound.
    """
    limit = beta if beta_M is None else np.minimum(beta, beta_M)
    return _least(np.vectorize(right, otypes=[np.float64]), T, limit)


def T10_cost(kappa: ArrayLike, dE: ArrayLike, beta: ArrayLike) -> Any:
    """T10 (mean): C*(alpha + kappa) - C*(alpha) <= kappa dE / beta, for 0 <= kappa <= beta, else infinite.

    Mixing kappa / beta of pi0 into an optimal policy attains alpha + kappa. Needs alpha attainable (A3). Re-derived
    here. Raises ValueError for a negative kappa.
    """
    kappa, dE, beta = floats(kappa, dE, beta)
    refuse("kappa", kappa, kappa < 0, "a non-negative tightening")
    silent = (beta <= 0) | (kappa > beta)
    return np.where(silent, np.inf, kappa * dE / np.where(silent, 1.0, beta))[()]


def T10_kappa_tail(
    zeta: ArrayLike,
    T: ArrayLike,
    alpha: ArrayLike,
    V: ArrayLike,
    dE: ArrayLike,
    beta: ArrayLike,
    ebar: ArrayLike = 0.0,
    beta_M: ArrayLike | None = None,
    delay: ArrayLike = 0.0,
) -> Any:
    """T10 (tail): the least kappa with kappa T >= log((1 + D)/zeta)/r: no violation with probability 1 - zeta.

    r and D are those of `T4_constants` at alpha + kappa, beta - kappa, beta_M - kappa. Hypotheses as there, at
    alpha + kappa, and complete feedback; any Q_1, as E[e^{r (Q_{T+1} - Q_1)}] <= 1 + D. inf where no kappa below beta
    and beta_M is enough. Constants re-derived here. Raises ValueError for zeta outside (0, 1].
    """
    (zeta,) = floats(zeta)
    refuse("zeta", zeta, ~((zeta > 0) & (zeta <= 1)), "a probability in (0, 1]")

    def solve(zeta: float, T: float, *known: float) -> float:
        alpha, V, dE, beta, ebar, beta_M, delay = known

        def right(kappa: Floats) -> Floats:
            at = T4_constants(alpha + kappa, V, dE, beta - kappa, ebar, beta_M - kappa, delay)
            with np.errstate(over="ignore"):
                return (np.logaddexp(0.0, at.log_D) - np.log(zeta)) / np.where(at.r == 0, 1.0, at.r)

        return _least(right, T, np.minimum(beta, beta_M))

    beta_M = beta if beta_M is None else beta_M
    return np.vectorize(solve, otypes=[np.float64])(zeta, T, alpha, V, dE, beta, ebar, beta_M, delay)[()]
