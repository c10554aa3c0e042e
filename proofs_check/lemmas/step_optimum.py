"""Inequality (2) of docs/theory.md: the served model against the optimum.

For one x, with the price g = Q/V and model 1 served under L4,

    V E_1 + Q (alpha - mu_1) <= V min_m {E_m + g (alpha - mu_m)} + 2 Q e;

its mean over x is V Dual(Q/V) + 2 Q E[e], and Dual(Q/V) <= C* (weak duality, shown in t5_weak_duality).
"""

from __future__ import annotations

from z3 import And, Reals

from proofs_check.lemmas.expressions import per_model, smaller
from proofs_check.lemmas.prover import Lemma, Wrong, without

V, Q, g, alpha, e = Reals("V Q g alpha e")


def cheapest_at_its_price(M: int) -> Lemma:
    """The first inequality for one x, from L5 against each of M models."""
    E, mu = per_model("E", M), per_model("mu", M)
    served = V * E[0] + Q * (alpha - mu[0])
    price = [E[m] + g * (alpha - mu[m]) for m in range(M)]
    return Lemma(
        name=f"(2) served against the best, M = {M}",
        source="(2) in docs/theory.md, first inequality",
        M=M,
        hypotheses=[
            V > 0,
            g * V == Q,
            *(served <= V * E[m] + Q * (alpha - mu[m]) + 2 * Q * e for m in range(M)),
        ],
        claim=served <= V * smaller(*price) + 2 * Q * e,
        wrong=(
            without(g * V == Q),
            without(served <= V * E[M - 1] + Q * (alpha - mu[M - 1]) + 2 * Q * e),
            Wrong("Q e in place of 2 Q e", claim=served <= V * smaller(*price) + Q * e),
        ),
        setting=(
            Q >= 0,
            e >= 0,
            alpha >= 0,
            alpha <= 1,
            *(cost >= 0 for cost in E),
            *(And(m >= 0, m <= 1) for m in mu),
        ),
    )


served, dual, C_star, Qe = Reals("served dual C_star Qe")
against_optimum = Lemma(
    name="(2) against C*",
    source="(2) in docs/theory.md, second inequality",
    hypotheses=[V >= 0, served <= V * dual + 2 * Qe, dual <= C_star],
    claim=served <= V * C_star + 2 * Qe,
    wrong=(without(dual <= C_star), Wrong("Q e in place of 2 Q e", claim=served <= V * C_star + Qe)),
    setting=(Qe >= 0,),
)

LEMMAS = (*(cheapest_at_its_price(M) for M in range(2, 6)), against_optimum)
