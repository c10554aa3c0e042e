"""T10: tightening, running with alpha + kappa.

    C*(alpha + kappa) - C*(alpha) <= kappa dE/beta,   violation of alpha = violation of alpha + kappa, less kappa.

Mix kappa/beta of pi0 into an optimal policy: cost C* and satisfaction at least alpha against cost0 = E_min + dE and
alpha + beta, where E_min = E[min_m E_m] is less than any policy pays.
"""

from __future__ import annotations

from z3 import And, Reals

from proofs_check.lemmas.prover import Lemma, Wrong, without

SOURCE = "T10 in docs/theory.md"
alpha, kappa, beta, dE, C_star, E_min, cost0 = Reals("alpha kappa beta dE C_star E_min cost0")
share, satisfaction, mixed_cost, mixed_satisfaction = Reals("share satisfaction mixed_cost mixed_satisfaction")

mixture = Lemma(
    name="T10 cost of tightening",
    source=f"{SOURCE}, 'since mixing kappa/beta of pi0'",
    hypotheses=[
        *(kappa >= 0, kappa <= beta, beta > 0),
        share == kappa / beta,
        satisfaction >= alpha,
        C_star >= E_min,
        cost0 == E_min + dE,
        mixed_cost == (1 - share) * C_star + share * cost0,
        mixed_satisfaction == (1 - share) * satisfaction + share * (alpha + beta),
    ],
    claim=And(
        *(share >= 0, share <= 1),  # a mixture
        mixed_satisfaction >= alpha + kappa,
        mixed_cost - C_star <= kappa * dE / beta,
    ),
    wrong=(
        without(kappa <= beta),
        without(C_star >= E_min),
        Wrong("half the price", claim=mixed_cost - C_star <= kappa * dE / (2 * beta)),
        Wrong("kappa of pi0", drop=(share == kappa / beta,), instead=(share == kappa,)),
    ),
    setting=(kappa > 0, alpha >= 0, alpha + beta <= 1, satisfaction <= 1, E_min >= 0, dE >= 0, C_star >= 0, dE <= 5),
)

T, right_side, violation, tightened = Reals("T right_side violation tightened")
enough = Lemma(
    name="T10 no violation",
    source=f"{SOURCE}, 'at most zero in expectation as soon as'",
    hypotheses=[T > 0, tightened <= right_side / T, violation == tightened - kappa, kappa * T >= right_side],
    claim=violation <= 0,
    wrong=(
        without(kappa * T >= right_side),
        Wrong("half the kappa", drop=(kappa * T >= right_side,), instead=(2 * kappa * T >= right_side,)),
    ),
    setting=(T >= 1, kappa >= 0, right_side >= 0, tightened <= 1),
)

# tail = e^{-r kappa T}; D and zeta as in T4 and T10.
tail, D, zeta, probability = Reals("tail D zeta probability")
high_probability = Lemma(
    name="T10 with probability 1 - zeta",
    source=f"{SOURCE}, 'kappa = log((1 + D)/zeta)/(r T)'",
    hypotheses=[zeta > 0, D >= 0, tail == zeta / (1 + D), probability <= (1 + D) * tail],
    claim=probability <= zeta,
    wrong=(
        Wrong("kappa = log(1/zeta)/(r T)", drop=(tail == zeta / (1 + D),), instead=(tail == zeta,)),
        without(probability <= (1 + D) * tail),
    ),
    setting=(D >= 1, zeta < 1, probability >= 0, probability <= 1),
)

LEMMAS = (mixture, enough, high_probability)
