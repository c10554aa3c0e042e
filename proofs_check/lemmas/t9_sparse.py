"""T9: feedback with probability f, drawn independently of everything else.

Both sides of (1) are multiplied by f, and L1 is about f times the shortfall. Names as in t1_quadratic, t2_cost and
t3_slater; f in (0, 1], Q_1 = 0.
"""

# ruff: noqa: SIM300 (inequalities stand as they do in the text)

from __future__ import annotations

from z3 import And, Reals

from proofs_check.lemmas.expressions import larger, zero
from proofs_check.lemmas.prover import Lemma, Wrong, without

SOURCE = "T9 in docs/theory.md"
f, V, g, B, T, b, beta_M = Reals("f V g B T b beta_M")
y, Z, P_T, S_T, R_T, exploited, shortfall = Reals("y Z P_T S_T R_T exploited shortfall")
total_cost, C_star, E_all, dE, queue_sum, explored_sum = Reals("total_cost C_star E_all dE queue_sum explored_sum")

radicand = (V * g) ** 2 + f * (2 * B * T + 2 * V * g * beta_M * P_T + 4 * S_T + 2 * R_T)
queue = Lemma(
    name="T9 queue",
    source=f"{SOURCE}, E[Q_(T+1)] <= V g + sqrt(...)",
    hypotheses=[
        *(V >= 0, g >= 0),
        Z - 2 * y * y + y**2 >= 0,  # E[(Q_{T+1} - y)^2] >= 0
        Z <= f * (2 * B * T + 2 * V * g * exploited + 4 * S_T + 2 * R_T),
        exploited == shortfall + beta_M * P_T,
        f * shortfall <= y,
    ],
    claim=(y - V * g) ** 2 <= radicand,
    wrong=(
        without(f * shortfall <= y),
        Wrong("f^2 in place of f", claim=(y - V * g) ** 2 <= (V * g) ** 2 + f * (radicand - (V * g) ** 2)),
    ),
    setting=(
        V > 0,
        g > 0,
        f > 0,
        f <= 1,
        B > 0,
        T >= 1,
        P_T >= 0,
        P_T <= T,
        S_T >= 0,
        R_T >= 0,
        y >= 0,
        shortfall <= T,
    ),
)

# Sharp form, one request more: Z = E[above_{T+1}^2], with every step counted f. Names as in t1_sharp.
p, pull, Qe, lift, drift, start = Reals("p pull Qe lift drift start")
bounded = Z <= start + f * (2 * B * T + 4 * S_T + 2 * R_T)
sharp = Lemma(
    name="T9 sharp sum, one request more",
    source=f"{SOURCE}, 'by its proof with every step counted f'",
    hypotheses=[
        *(f >= 0, p >= 0, p <= 1, lift >= 0, Qe >= 0),
        drift <= f * (2 * B + 2 * (1 - p) * pull + 2 * p * lift),
        pull <= 2 * Qe,
        bounded,
    ],
    claim=Z + drift <= start + f * (2 * B * (T + 1) + 4 * (S_T + (1 - p) * Qe) + 2 * (R_T + p * lift)),
    wrong=(
        without(bounded),
        Wrong("S_T forgotten", claim=Z + drift <= start + f * (2 * B * (T + 1) + 4 * S_T + 2 * (R_T + p * lift))),
        Wrong(
            "f^2 in place of f for the last request",
            claim=Z + drift
            <= start + f * (2 * B * T + 4 * S_T + 2 * R_T) + f * f * (2 * B + 4 * (1 - p) * Qe + 2 * p * lift),
        ),
    ),
    setting=(f > 0, f <= 1, Z >= 0, start >= 0, B > 0, T >= 0, S_T >= 0, R_T >= 0),
)

# Where explored requests always give feedback their step counts 1: in f T + (1 - f) P_T and R_T, not in S_T.
always_sharp = Lemma(
    name="T9 sharp sum, feedback on explored requests always received",
    source=f"{SOURCE}, 'only 2BT and R_T change'",
    hypotheses=[
        *(f >= 0, f <= 1, p >= 0, p <= 1, lift >= 0, Qe >= 0),
        drift <= 2 * B * (f * (1 - p) + p) + 2 * f * (1 - p) * pull + 2 * p * lift,
        pull <= 2 * Qe,
        Z <= start + 2 * B * (f * T + (1 - f) * P_T) + 4 * f * S_T + 2 * R_T,
    ],
    claim=Z + drift
    <= start + 2 * B * (f * (T + 1) + (1 - f) * (P_T + p)) + 4 * f * (S_T + (1 - p) * Qe) + 2 * (R_T + p * lift),
    wrong=(
        Wrong(
            "without (1 - f) P_T",
            claim=Z + drift
            <= start + 2 * B * (f * (T + 1) + (1 - f) * P_T) + 4 * f * (S_T + (1 - p) * Qe) + 2 * (R_T + p * lift),
        ),
        Wrong(
            "R_T counted f",
            claim=Z + drift
            <= start
            + 2 * B * (f * (T + 1) + (1 - f) * (P_T + p))
            + 4 * f * (S_T + (1 - p) * Qe)
            + 2 * (R_T + f * p * lift),
        ),
    ),
    setting=(f > 0, Z >= 0, start >= 0, B > 0, T >= 0, P_T >= 0, S_T >= 0, R_T >= 0),
)

violation = Lemma(
    name="T9 violation",
    source=f"{SOURCE}, E[violation_T] <= E[Q_(T+1)]/(f T)",
    hypotheses=[f > 0, T > 0, f * shortfall <= y],
    claim=shortfall / T <= y / (f * T),
    wrong=(Wrong("without the factor 1/f", claim=shortfall / T <= y / T), without(f * shortfall <= y)),
    setting=(f <= 1, T >= 1, shortfall <= T, y >= 0),
)

cost_side = B * T + V * C_star * (T - P_T) + 2 * S_T + V * E_all * P_T + R_T
cost_sum = f * V * total_cost + Z / 2 <= f * cost_side
terms = B / V + (E_all - C_star) * P_T / T + 2 * S_T / (V * T) + R_T / (V * T)
cost = Lemma(
    name="T9 cost: T2 as it stands",
    source=f"{SOURCE}, 'T2 and T3 stand'",
    hypotheses=[f > 0, V > 0, T > 0, Z >= 0, cost_sum],
    claim=total_cost / T - C_star <= terms,
    wrong=(
        without(Z >= 0),
        Wrong("f times the bound", claim=total_cost / T - C_star <= f * terms),
    ),
    setting=(
        f <= 1,
        B > 0,
        T >= 1,
        P_T >= 0,
        P_T <= T,
        S_T >= 0,
        R_T >= 0,
        C_star >= 0,
        E_all >= C_star,
        total_cost >= 0,
    ),
)

extra = larger(zero(), b - beta_M)
slater_sum = f * (T * (B + V * dE) - b * queue_sum + extra * explored_sum) >= Z / 2
slater = Lemma(
    name="T9 average queue: T3 as it stands",
    source=f"{SOURCE}, 'T2 and T3 stand'",
    hypotheses=[f > 0, b > 0, T > 0, Z >= 0, slater_sum],
    claim=queue_sum / T <= (B + V * dE + extra * explored_sum / T) / b,
    wrong=(
        without(slater_sum),
        Wrong("f times the bound", claim=queue_sum / T <= f * (B + V * dE + extra * explored_sum / T) / b),
    ),
    setting=(f <= 1, V > 0, B > 0, dE >= 0, T >= 1, queue_sum >= explored_sum, explored_sum >= 0),
)

rho, rho_f, D, u, u_next, received, constant = Reals("rho rho_f D u u_next received constant")
tail = Lemma(
    name="T9 tail: one request of T4, D kept",
    source=f"{SOURCE}, 'T4 with rho replaced by 1 - f (1 - rho)'",
    hypotheses=[
        *(f > 0, f <= 1, rho > 0, rho < 1),
        (1 - rho) * D == constant,
        received <= rho * u + constant,
        u_next == (1 - f) * u + f * received,
        rho_f == 1 - f * (1 - rho),
    ],
    claim=And(rho_f > 0, rho_f < 1, u_next <= rho_f * u + (1 - rho_f) * D),
    wrong=(
        Wrong("rho kept", claim=u_next <= rho * u + (1 - rho) * D),
        Wrong("rho_f = f rho", drop=(rho_f == 1 - f * (1 - rho),), instead=(rho_f == f * rho,)),
    ),
    setting=(u > 0, received > 0, constant > 0, D >= 1),
)

# One increment (1 - F/f)(alpha - s) of the martingale: d = alpha - s, F = 1 with probability f.
d, delta, received_step, missed_step, jump = Reals("d delta received_step missed_step jump")
freedman = Lemma(
    name="T9 Freedman: mean, variance and size of an increment",
    source=f"{SOURCE}, 'Freedman's inequality'",
    hypotheses=[
        *(f > 0, f <= 1, -delta <= d, d <= delta),
        received_step == (1 - 1 / f) * d,
        missed_step == d,
        jump == delta * larger(zero() + 1, 1 / f - 1),
    ],
    claim=And(
        f * received_step + (1 - f) * missed_step == 0,
        f * received_step**2 + (1 - f) * missed_step**2 <= delta**2 * (1 - f) / f,
        *(-jump <= received_step, received_step <= jump, -jump <= missed_step, missed_step <= jump),
    ),
    wrong=(
        Wrong(
            "variance without 1/f",
            claim=f * received_step**2 + (1 - f) * missed_step**2 <= delta**2 * (1 - f),
        ),
        Wrong(
            "jumps of at most delta (1/f - 1)",
            claim=And(-delta * (1 / f - 1) <= missed_step, missed_step <= delta * (1 / f - 1)),
        ),
        without(d <= delta),
    ),
    setting=(delta > 0, delta <= 1, d <= 1),
)

# exploited = sum (1 - p_t) E[alpha - s_t | exploit]; feedback on explored requests is always received.
always = Lemma(
    name="T9 feedback on explored requests always received",
    source=f"{SOURCE}, 'has to be raised by beta_M (1/f - 1) P_T/T'",
    hypotheses=[
        *(f > 0, T > 0),
        shortfall == exploited - beta_M * P_T,
        f * exploited - beta_M * P_T <= y,  # L1 over the requests whose feedback is received
    ],
    claim=shortfall / T <= y / (f * T) + beta_M * (1 / f - 1) * P_T / T,
    wrong=(
        Wrong("not raised", claim=shortfall / T <= y / (f * T)),
        Wrong("raised by beta_M P_T/T", claim=shortfall / T <= y / (f * T) + beta_M * P_T / T),
    ),
    setting=(f <= 1, T >= 1, P_T >= 0, P_T <= T, beta_M >= -1, beta_M <= 1, exploited <= T - P_T, y >= 0),
)

LEMMAS = (queue, sharp, always_sharp, violation, cost, slater, tail, freedman, always)
