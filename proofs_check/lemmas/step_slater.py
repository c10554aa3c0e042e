"""Inequality (3) of docs/theory.md: the served model against a stationary policy pi0.

For one x: pi0 costs `cost` and satisfies `satisfaction` on average, dE = cost - min_m E_m, beta = satisfaction - alpha.
L5 against the mixture pi0, E_1 >= min_m E_m and V >= 0 give

    Q (alpha - mu_1) <= V dE - beta Q + 2 Q e;

the mean over x is (3).
"""

from __future__ import annotations

from z3 import Reals

from proofs_check.lemmas.prover import Lemma, Wrong, without

V, Q, alpha, e, dE, beta = Reals("V Q alpha e dE beta")
E_1, mu_1, E_min, cost, satisfaction = Reals("E_1 mu_1 E_min cost satisfaction")
L5 = V * E_1 + Q * (alpha - mu_1) <= V * cost + Q * (alpha - satisfaction) + 2 * Q * e

against_policy = Lemma(
    name="(3) served against pi0",
    source="(3) in docs/theory.md",
    hypotheses=[V >= 0, L5, E_min <= E_1, dE == cost - E_min, beta == satisfaction - alpha],
    claim=Q * (alpha - mu_1) <= V * dE - beta * Q + 2 * Q * e,
    wrong=(
        without(E_min <= E_1),
        without(L5),
        Wrong("without V dE", claim=Q * (alpha - mu_1) <= -beta * Q + 2 * Q * e),
    ),
    setting=(
        *(V > 0, Q >= 0, e >= 0, alpha >= 0, alpha <= 1, mu_1 >= 0, mu_1 <= 1, satisfaction >= 0, satisfaction <= 1),
        *(E_min >= 0, E_1 >= 0, dE >= 0),
    ),
)

LEMMAS = (against_policy,)
