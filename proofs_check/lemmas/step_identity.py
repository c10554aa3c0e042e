"""I1 to I4: the drift as an identity, and what an exploited request adds to it.

Of one request: reflection U = Q_{t+1} - (Q_t + alpha - s), level = V g. Of an exploited one in the mean: E = E[E_i],
x = E[alpha - mu_i], Delta its decision loss, gap = C* - Dual(Q/V), loss what it loses at the price g.
"""

# ruff: noqa: SIM300 (inequalities stand as they do in the text)

from __future__ import annotations

from z3 import Reals

from proofs_check.lemmas.expressions import larger, zero
from proofs_check.lemmas.prover import Lemma, Wrong, without

Q, Q_next, alpha, s, U, level = Reals("Q Q_next alpha s U level")
V, g, E, x, Delta, dual, C_star, gap, regret, loss = Reals("V g E x Delta dual C_star gap regret loss")
E_all, beta_M = Reals("E_all beta_M")

reflected = [Q_next == larger(zero(), Q + alpha - s), U == Q_next - (Q + alpha - s)]
setting = (Q >= 0, level >= 0, alpha >= 0, alpha <= 1, s >= 0, s <= 1)
square = Q_next**2 - Q**2
drift = Lemma(
    name="I1 drift is an identity",
    source="I1 in docs/theory.md, 'expand'",
    hypotheses=reflected,
    claim=square == 2 * Q * (alpha - s) + (alpha - s) ** 2 - U**2,
    wrong=(
        Wrong("without the reflection", claim=square == 2 * Q * (alpha - s) + (alpha - s) ** 2),
        Wrong("with the square added", claim=square == 2 * Q * (alpha - s) + (alpha - s) ** 2 + U**2),
    ),
    setting=setting,
)

distance = (Q_next - level) ** 2 - (Q - level) ** 2
around = Lemma(
    name="I2 distance from V g is an identity",
    source="I2 in docs/theory.md, 'I1 plus V g times I4'",
    hypotheses=reflected,
    claim=distance == 2 * (Q - level) * (alpha - s) + (alpha - s) ** 2 - U**2 - 2 * level * U,
    wrong=(
        Wrong("without 2 V g U", claim=distance == 2 * (Q - level) * (alpha - s) + (alpha - s) ** 2 - U**2),
        without(U == Q_next - (Q + alpha - s)),
    ),
    setting=setting,
)

exploit = [V * E + Q * x == V * dual + Delta, gap == C_star - dual]
cost = Lemma(
    name="I1 exploited request",
    source="I1 in docs/theory.md, 'An exploited request'",
    hypotheses=exploit,
    claim=V * (E - C_star) + Q * x == Delta - V * gap,
    wrong=(Wrong("gap of the dual forgotten", claim=V * (E - C_star) + Q * x == Delta), without(*exploit[1:])),
    setting=(V > 0, Delta >= 0, gap >= 0, Q >= 0, x >= -1, x <= 1),
)

adjusted = [regret == E + g * x - C_star, level == V * g]
at_price = Lemma(
    name="I2 exploited request",
    source="I2 in docs/theory.md, 'An exploited request'",
    hypotheses=[*exploit, *adjusted],
    claim=V * regret + (Q - level) * x == Delta - V * gap,
    wrong=(
        Wrong("gap of the dual forgotten", claim=V * regret + (Q - level) * x == Delta),
        without(level == V * g),
    ),
    setting=(V > 0, g >= 0, Delta >= 0, gap >= 0, Q >= 0, x >= -1, x <= 1),
)

lost = Lemma(
    name="I3 exploited request",
    source="I3 in docs/theory.md; loss = E + g x - Dual(g), Dual(g) = C*",
    hypotheses=[loss == E + g * x - dual, dual == C_star, regret == E + g * x - C_star],
    claim=regret == loss,
    wrong=(without(dual == C_star), Wrong("half of it", claim=2 * regret == loss)),
    setting=(g >= 0, loss >= 0, E >= 0, x >= -1, x <= 1),
)

explored = Lemma(
    name="I3 explored request",
    source="I3 in docs/theory.md, 'An explored one'",
    hypotheses=[x == -beta_M, regret == E_all + g * x - C_star],
    claim=regret == E_all - C_star - g * beta_M,
    wrong=(without(x == -beta_M), Wrong("its satisfaction forgotten", claim=regret == E_all - C_star)),
    setting=(g >= 0, E_all >= 0, beta_M >= -1, beta_M <= 1),
)

one = Lemma(
    name="I4 one request",
    source="I4 in docs/theory.md",
    hypotheses=reflected,
    claim=alpha - s == Q_next - Q - U,
    wrong=(
        without(U == Q_next - (Q + alpha - s)),
        Wrong("without the reflection", claim=alpha - s == Q_next - Q),
    ),
    setting=setting,
)

LEMMAS = (drift, cost, around, at_price, lost, explored, one)
