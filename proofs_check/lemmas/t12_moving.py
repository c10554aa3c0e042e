"""T12: laws that move do no harm above the largest price (N7), and what prices that move cost (N8).

Of one request: its law's dual at Q/V and at g, the largest price; A = max(0, Q - V g), x = E[alpha - mu_i].
"""

# ruff: noqa: SIM300 (inequalities stand as they do in the text)

from __future__ import annotations

from z3 import If, Implies, Reals

from proofs_check.lemmas.expressions import larger, zero
from proofs_check.lemmas.prover import Lemma, Wrong, without

SOURCE = "T12 in docs/theory.md"
Q, V, g, A, level, E, x, Delta, dual_Q, dual_g = Reals("Q V g A level E x Delta dual_Q dual_g")
falling = Implies(Q >= level, dual_Q <= dual_g)
above = Lemma(
    name="T12 above the largest price",
    source=f"{SOURCE}, 'beyond its own price a dual falls'",
    hypotheses=[
        *(V > 0, A == larger(zero(), Q - level), level == V * g, Delta >= 0),
        V * E + Q * x <= V * dual_Q + Delta,
        E + g * x >= dual_g,
        falling,
    ],
    claim=A * x <= Delta,
    wrong=(without(falling), without(E + g * x >= dual_g), Wrong("no loss", claim=A * x <= 0)),
    setting=(Q >= 0, g >= 0, E >= 0, x >= -1, x <= 1),
)

cost, C_t, p, E_all, X, beta, drift = Reals("cost C_t p E_all explored_queue beta_t drift")
one = Lemma(
    name="T12 one request",
    source=f"{SOURCE}, 'summed over t'",
    hypotheses=[
        *(V > 0, p >= 0, p <= 1, Q >= 0, dual_Q <= C_t, Delta >= 0),
        drift <= level + (1 - p) * Q * x - p * beta * Q,  # level: B0
        V * E + Q * x <= V * dual_Q + Delta,
        cost == (1 - p) * E + p * E_all,
    ],
    claim=V * (cost - C_t) + drift <= level + (1 - p) * Delta + p * V * (E_all - C_t) - p * beta * Q,
    wrong=(
        without(dual_Q <= C_t),
        Wrong(
            "exploration at C*_t",
            claim=V * (cost - C_t) + drift <= level + (1 - p) * Delta - p * beta * Q,
        ),
    ),
    setting=(level >= 0, E >= 0, E_all >= E, C_t >= 0, beta >= -1, beta <= 1),
)

h, delta, dual_h, g_t, alpha = Reals("h delta dual_h g_t alpha")
variation = Lemma(
    name="T12 price variation",
    source=f"{SOURCE}, 'slopes between alpha - 1 and alpha'",
    hypotheses=[
        delta == larger(alpha, 1 - alpha),
        Implies(g_t >= h, C_t - dual_h <= alpha * (g_t - h)),
        Implies(g_t <= h, C_t - dual_h <= (1 - alpha) * (h - g_t)),
    ],
    claim=C_t - dual_h <= delta * If(g_t >= h, g_t - h, h - g_t),
    wrong=(
        Wrong("half", claim=2 * (C_t - dual_h) <= delta * If(g_t >= h, g_t - h, h - g_t)),
        without(delta == larger(alpha, 1 - alpha)),
    ),
    setting=(alpha >= 0, alpha <= 1, g_t >= 0, h >= 0, C_t >= dual_h, delta >= 0),
)

LEMMAS = (above, one, variation)
