"""T1, sharp form: only what lies above V g has to be bounded.

    E[Q_{T+1}] <= V g + sqrt(max(0, Q_1 - V g)^2 + 2 B T + 4 S_T + 2 R_T),   g = gamma*.

Of one request: level = V g, above = max(0, Q - level), x = E[alpha - mu_i] on an exploit step, E = E[E_i], e its error.
Of the run: Z = E[above_{T+1}^2], z = E[above_{T+1}].
"""

# ruff: noqa: SIM300 (inequalities stand as they do in the text)

from __future__ import annotations

from z3 import Reals

from proofs_check.lemmas.expressions import larger, zero
from proofs_check.lemmas.prover import Lemma, Wrong, without

SOURCE = "T1 in docs/theory.md"
Q, Q_next, above, above_next, level, step = Reals("Q Q_next above above_next level step")
V, g, E, x, e, p, C_star, beta_M = Reals("V g E x e p C_star beta_M")
B, T, Z, z, y, S_T, R_T, start, drift = Reals("B T Z z y S_T R_T start drift")
pull, Qe, lift = Reals("pull Qe lift")

is_above = above == larger(zero(), Q - level)
next_above = above_next == larger(zero(), Q_next - level)
square = Lemma(
    name="T1 square of what is above",
    source=f"{SOURCE}, 'max(0, y + x)^2 is at most'; step = alpha - s",
    hypotheses=[level >= 0, is_above, Q_next == larger(zero(), Q + step), next_above],
    claim=above_next**2 <= above**2 + 2 * above * step + step**2,
    wrong=(
        without(level >= 0),
        without(is_above),
        Wrong("without the square of the step", claim=above_next**2 <= above**2 + 2 * above * step),
        Wrong("with Q in place of what is above", claim=above_next**2 <= above**2 + 2 * Q * step + step**2),
    ),
    setting=(Q >= 0, step >= -1, step <= 1, above >= 0),
)

exploit = Lemma(
    name="T1 exploit step above",
    source=f"{SOURCE}, 'above V g the exploit step'",
    hypotheses=[
        *(V >= 0, e >= 0, Q >= 0, level == V * g, is_above),
        V * E + Q * x <= V * C_star + 2 * Q * e,  # (2)
        E + g * x >= C_star,
    ],
    claim=above * x <= 2 * Q * e,
    wrong=(
        without(E + g * x >= C_star),
        without(V * E + Q * x <= V * C_star + 2 * Q * e),
        Wrong("Q e in place of 2 Q e", claim=above * x <= Q * e),
    ),
    setting=(V > 0, g >= 0, E >= 0, C_star >= 0, x >= -1, x <= 1, e <= 1),
)

explored = Lemma(
    name="T1 explored step above",
    source=f"{SOURCE}, 'an explored one'; lift = max(0, -beta_M) Q",
    hypotheses=[Q >= 0, level >= 0, is_above, lift == larger(zero(), -beta_M) * Q],
    claim=-beta_M * above <= lift,
    wrong=(
        without(level >= 0),
        Wrong("never lifted", claim=-beta_M * above <= 0),
    ),
    setting=(beta_M >= -1, beta_M <= 1, above >= 0),
)

bounded = Z <= start + 2 * B * T + 4 * S_T + 2 * R_T
summed = Lemma(
    name="T1 sum above, one request more",
    source=f"{SOURCE}, 'Summed'; drift = E[above_(t+1)^2 - above_t^2], pull = E[above (alpha - mu_i)]",
    hypotheses=[
        *(p >= 0, p <= 1, lift >= 0, Qe >= 0),
        drift <= 2 * B + 2 * (1 - p) * pull + 2 * p * lift,
        pull <= 2 * Qe,
        bounded,
    ],
    claim=Z + drift <= start + 2 * B * (T + 1) + 4 * (S_T + (1 - p) * Qe) + 2 * (R_T + p * lift),
    wrong=(
        without(p <= 1),
        without(bounded),
        Wrong("S_T forgotten", claim=Z + drift <= start + 2 * B * (T + 1) + 4 * S_T + 2 * (R_T + p * lift)),
        Wrong("R_T forgotten", claim=Z + drift <= start + 2 * B * (T + 1) + 4 * (S_T + (1 - p) * Qe) + 2 * R_T),
    ),
    setting=(Z >= 0, start >= 0, B > 0, T >= 0, S_T >= 0, R_T >= 0),
)

root = Reals("root")[0]
taken = Lemma(
    name="T1 root of what is above",
    source=f"{SOURCE}, 'take the root' of the sharp form; y = E[Q_(T+1)]",
    hypotheses=[z >= 0, z**2 <= Z, Z <= root**2, root >= 0, y <= level + z],
    claim=y <= level + root,
    wrong=(without(root >= 0), without(y <= level + z), Wrong("less the level", claim=y <= root)),
    setting=(y >= 0, level >= 0),
)

old, P_T = Reals("old P_T")
implies = Lemma(
    name="T1 sharp form below the first",
    source=f"{SOURCE}, 'below the first form wherever'",
    hypotheses=[
        *(level >= 0, P_T >= 0, beta_M >= 0),
        start == larger(zero(), Q - level) ** 2,  # Q_1 = Q
        old == (level - Q) ** 2 + 2 * B * T + 2 * level * beta_M * P_T + 4 * S_T + 2 * R_T,
    ],
    claim=start + 2 * B * T + 4 * S_T + 2 * R_T <= old,
    wrong=(without(beta_M >= 0), Wrong("strictly", claim=start + 2 * B * T + 4 * S_T + 2 * R_T < old)),
    setting=(Q >= 0, B > 0, T >= 1, S_T >= 0, R_T >= 0, beta_M >= -1, beta_M <= 1),
)

LEMMAS = (square, exploit, explored, summed, taken, implies)
