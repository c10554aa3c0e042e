"""One exploited request with its decision loss Delta in place of 2 Q e, as T1', T2', T3' and T6' use it.

    Delta = V E_i + Q (alpha - mu_i) - min_m {V E_m + Q (alpha - mu_m)} >= 0

of the model i that would be exploited. In the mean over x: E = E[E_i], x = E[alpha - mu_i].
"""

# ruff: noqa: SIM300 (inequalities stand as they do in the text)

from __future__ import annotations

from z3 import Reals

from proofs_check.lemmas.expressions import larger, zero
from proofs_check.lemmas.prover import Lemma, Wrong, without

SOURCE = "T2' in docs/theory.md"
V, Q, alpha, E_i, E_m, mu_i, mu_m, s_i, s_m, e_i, e_m = Reals("V Q alpha E_i E_m mu_i mu_m s_i s_m e_i e_m")
g, E, x, Delta, dual, C_star, level, above = Reals("g E x Delta dual C_star level above")
V_dE, beta, E_0, E_least, x_0 = Reals("V_dE beta E_0 E_least x_0")

scores = V * E_i + Q * (alpha - s_i) <= V * E_m + Q * (alpha - s_m)
lost = V * E_i + Q * (alpha - mu_i) - (V * E_m + Q * (alpha - mu_m))
pair = Lemma(
    name="T2' decision loss of a pair",
    source=f"{SOURCE}, 'the errors of the two models compared'",
    hypotheses=[Q >= 0, scores, s_i - mu_i <= e_i, mu_m - s_m <= e_m],
    claim=lost <= Q * (e_i + e_m),
    wrong=(
        without(Q >= 0),
        without(mu_m - s_m <= e_m),
        Wrong("the larger of the two", claim=lost <= Q * larger(e_i, e_m)),
    ),
    setting=(V > 0, E_i >= 0, E_m >= 0, alpha >= 0, alpha <= 1, mu_i >= 0, mu_i <= 1, mu_m >= 0, mu_m <= 1, e_i >= 0,
             e_m >= 0),
)  # fmt: skip

best = V * E + Q * x == V * dual + Delta
numbers = (V > 0, g >= 0, E >= 0, C_star >= 0, x >= -1, x <= 1, Delta >= 0, Q >= 0)
optimum = Lemma(
    name="T2' exploited request",
    source=f"{SOURCE}, 'in place of (2)'",
    hypotheses=[V >= 0, best, dual <= C_star],
    claim=V * E + Q * x <= V * C_star + Delta,
    wrong=(without(dual <= C_star), Wrong("half of the loss", claim=V * E + Q * x <= V * C_star + Delta / 2)),
    setting=numbers,
)

above_level = Lemma(
    name="T1' exploited request above V g",
    source="T1' in docs/theory.md, 'above V g'",
    hypotheses=[
        *(V >= 0, Delta >= 0, level == V * g, above == larger(zero(), Q - level)),
        *(best, dual <= C_star, E + g * x >= C_star),
    ],
    claim=above * x <= Delta,
    wrong=(
        without(E + g * x >= C_star),
        without(dual <= C_star),
        Wrong("half of the loss", claim=above * x <= Delta / 2),
    ),
    setting=numbers,
)

around = Lemma(
    name="T6' exploited request around V g",
    source="T6' in docs/theory.md, 'an exploit step'",
    hypotheses=[V >= 0, level == V * g, best, E + g * x >= C_star],
    claim=(Q - level) * x <= V * (dual - C_star) + Delta,
    wrong=(without(E + g * x >= C_star), Wrong("without the dual", claim=(Q - level) * x <= Delta / 2)),
    setting=numbers,
)

slater = Lemma(
    name="T3' exploited request",
    source="T3' in docs/theory.md, 'in place of (3)'",
    hypotheses=[
        *(V * E + Q * x <= V * E_0 + Q * x_0 + Delta, x_0 == -beta, V_dE == V * (E_0 - E_least)),
        *(E >= E_least, V >= 0),
    ],
    claim=Q * x <= V_dE - beta * Q + Delta,
    wrong=(without(E >= E_least), Wrong("half of the loss", claim=Q * x <= V_dE - beta * Q + Delta / 2)),
    setting=(*numbers, E_least >= 0, E_0 >= E_least, beta <= 1),
)

LEMMAS = (pair, optimum, above_level, around, slater)
