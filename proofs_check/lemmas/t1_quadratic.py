"""T1, first form: the algebra of its proof.

    E[Q_{T+1}] <= V g + sqrt((V g - Q_1)^2 + 2 B T + 2 V g beta_M P_T + 4 S_T + 2 R_T),   g = gamma*.

Expectations enter as numbers. Of one request: E = E[E_i], x = E[alpha - mu_i] on an exploit step, Qx = E[Q (alpha -
mu_i)], Qe = E[Q_t e_t], q = E[Q_t], half_drift = E[Q_{t+1}^2 - Q_t^2] / 2. Of the run: exploited = sum (1 - p_t) x_t,
shortfall = sum E[alpha - s_t], Z = E[Q_{T+1}^2], y = E[Q_{T+1}].
"""

# ruff: noqa: SIM300 (inequalities stand as they do in the text)

from __future__ import annotations

from z3 import And, Real, Reals, RealVal

from proofs_check.lemmas.expressions import larger, zero
from proofs_check.lemmas.prover import Lemma, Wrong, without

SOURCE = "T1 in docs/theory.md"
V, g, B, T, p, beta_M, q = Reals("V g B T p beta_M q")
E, x, Qx, Qe, C_star, half_drift = Reals("E x Qx Qe C_star half_drift")
Q_1, Z, y, P_T, S_T, R_T, exploited, shortfall = Reals("Q_1 Z y P_T S_T R_T exploited shortfall")

exploit = Lemma(
    name="T1 exploit step",
    source=f"{SOURCE}, 'Subtract V E[E_i] from (2)'",
    hypotheses=[V >= 0, V * E + Qx <= V * C_star + 2 * Qe, E + g * x >= C_star],
    claim=Qx <= V * g * x + 2 * Qe,
    wrong=(
        without(E + g * x >= C_star),
        Wrong("Qe in place of 2 Qe", claim=Qx <= V * g * x + Qe),
        Wrong("g in place of V g", claim=Qx <= g * x + 2 * Qe),
    ),
    setting=(V > 0, g >= 0, E >= 0, C_star >= 0, Qe >= 0, x >= -1, x <= 1),
)

R_step = larger(zero(), -beta_M) * p * q
summed = Lemma(
    name="T1 sum, one request more",
    source=f"{SOURCE}, 'Insert this into (1) and sum'",
    hypotheses=[
        p <= 1,
        half_drift <= B + (1 - p) * Qx + R_step,
        Qx <= V * g * x + 2 * Qe,
        Z - Q_1**2 <= 2 * B * T + 2 * V * g * exploited + 4 * S_T + 2 * R_T,
    ],
    claim=(Z + 2 * half_drift) - Q_1**2
    <= 2 * B * (T + 1) + 2 * V * g * (exploited + (1 - p) * x) + 4 * (S_T + (1 - p) * Qe) + 2 * (R_T + R_step),
    wrong=(
        without(p <= 1),
        without(Z - Q_1**2 <= 2 * B * T + 2 * V * g * exploited + 4 * S_T + 2 * R_T),
        Wrong(
            "R_T forgotten",
            claim=(Z + 2 * half_drift) - Q_1**2
            <= 2 * B * (T + 1) + 2 * V * g * (exploited + (1 - p) * x) + 4 * (S_T + (1 - p) * Qe) + 2 * R_T,
        ),
    ),
    setting=(V > 0, g >= 0, T >= 0, B > 0, p >= 0, q >= 0, Z >= 0, Q_1 >= 0, S_T >= 0, R_T >= 0, Qe >= 0),
)

s_mean = Real("s_mean")  # E[alpha - s_t], exploration included
exploit_sum = Lemma(
    name="T1 exploit steps alone, one request more",
    source=f"{SOURCE}, 'The exploit steps contribute'",
    hypotheses=[exploited == shortfall + beta_M * P_T, s_mean == (1 - p) * x - p * beta_M],
    claim=exploited + (1 - p) * x == (shortfall + s_mean) + beta_M * (P_T + p),
    wrong=(
        without(exploited == shortfall + beta_M * P_T),
        Wrong("beta_M forgotten", claim=exploited + (1 - p) * x == (shortfall + s_mean) + beta_M * P_T),
    ),
    setting=(p >= 0, p <= 1, P_T >= 0, beta_M >= -1, beta_M <= 1, x >= -1, x <= 1),
)

radicand = (V * g - Q_1) ** 2 + 2 * B * T + 2 * V * g * beta_M * P_T + 4 * S_T + 2 * R_T
quadratic = Lemma(
    name="T1 quadratic",
    source=f"{SOURCE}, last display of the proof",
    hypotheses=[
        V >= 0,
        g >= 0,
        Z - 2 * y * y + y**2 >= 0,  # E[(Q_{T+1} - y)^2] >= 0
        Z - Q_1**2 <= 2 * B * T + 2 * V * g * exploited + 4 * S_T + 2 * R_T,
        exploited == shortfall + beta_M * P_T,
        shortfall <= y - Q_1,  # L1
    ],
    claim=(y - V * g) ** 2 <= radicand,
    wrong=(
        without(g >= 0),
        without(shortfall <= y - Q_1),
        Wrong("without beta_M P_T", claim=(y - V * g) ** 2 <= radicand - 2 * V * g * beta_M * P_T),
        Wrong("2 S_T in place of 4 S_T", claim=(y - V * g) ** 2 <= radicand - 2 * S_T),
    ),
    setting=(V > 0, B > 0, T >= 1, P_T >= 0, P_T <= T, S_T >= 0, R_T >= 0, Q_1 >= 0, y >= 0, beta_M >= -1, beta_M <= 1),
)

root, level = Reals("root level")
solved = Lemma(
    name="T1 root",
    source=f"{SOURCE}, 'take the root'; level = V g, root = sqrt(...)",
    hypotheses=[root >= 0, (y - level) ** 2 <= root**2],
    claim=y <= level + root,
    wrong=(without(root >= 0), Wrong("less the level", claim=y <= root)),
    setting=(y >= 0, level >= 0),
)

bound = Real("bound")
violation = Lemma(
    name="T1 violation",
    source=f"{SOURCE}, 'and by L1'",
    hypotheses=[T > 0, shortfall <= y - Q_1, y <= bound],
    claim=shortfall / T <= (bound - Q_1) / T,
    wrong=(without(y <= bound), Wrong("Q_1 taken twice", claim=shortfall / T <= (bound - 2 * Q_1) / T)),
    setting=(T >= 1, Q_1 >= 0, y >= 0, bound >= 0, shortfall <= T),
)

t, Q, Q_next, S, alpha, e = Reals("t Q Q_next S alpha e")
example = [Q == (t - 1) / 2, S == (t - 1) * (t - 2) / 16, alpha == RealVal("1/2"), e == RealVal("1/4")]
tie = Lemma(
    name="T1 with S_T of order T^2, one request more",
    source=f"{SOURCE}, 'Q_(T+1) = T/2 and 4 S_T = T^2/4 - T/4' (always the cheapest: mu = 0, e = 1/4, alpha = 1/2)",
    hypotheses=[t >= 1, *example, Q_next == larger(zero(), Q + alpha - 0)],
    claim=And(Q_next == t / 2, 4 * (S + Q * e) == t**2 / 4 - t / 4),
    wrong=(
        without(alpha == RealVal("1/2")),
        Wrong("4 S_T = T^2/4", claim=4 * (S + Q * e) == t**2 / 4),
    ),
    setting=(alpha >= 0, alpha <= 1),
)

LEMMAS = (exploit, summed, exploit_sum, quadratic, solved, violation, tie)
