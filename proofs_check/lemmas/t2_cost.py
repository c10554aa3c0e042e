"""T2: cost.

    average cost - C* <= B/V + (E_all - C*) P_T/T + 2 S_T/(V T) + R_T/(V T) + Q_1^2/(2 V T).

Expectations enter as numbers. Of one request: p, E = E[E_i] and Qx = E[Q (alpha - mu_i)] on an exploit step, Qe =
E[Q_t e_t], q = E[Q_t], half_drift = E[Q_{t+1}^2 - Q_t^2] / 2. Of the run: total_cost, and Z = E[Q_{T+1}^2] >= 0.
"""

from __future__ import annotations

from z3 import Reals

from proofs_check.lemmas.expressions import larger, zero
from proofs_check.lemmas.prover import Lemma, Wrong, without

SOURCE = "T2 in docs/theory.md"
V, B, T, p, beta_M, q = Reals("V B T p beta_M q")
E, E_all, C_star, cost, Qx, Qe, half_drift = Reals("E E_all C_star cost Qx Qe half_drift")
Q_1, Z, P_T, S_T, R_T, total_cost = Reals("Q_1 Z P_T S_T R_T total_cost")

R_step = larger(zero(), -beta_M) * p * q
exploit_side = V * C_star + 2 * Qe
one_request = Lemma(
    name="T2 one request",
    source=f"{SOURCE}, 'With (2)'",
    hypotheses=[
        p <= 1,
        cost == (1 - p) * E + p * E_all,  # A4: an explored request costs E_all on average
        half_drift <= B + (1 - p) * Qx + R_step,
        V * E + Qx <= exploit_side,
    ],
    claim=V * cost + half_drift <= B + (1 - p) * exploit_side + p * V * E_all + R_step,
    wrong=(
        without(cost == (1 - p) * E + p * E_all),
        without(V * E + Qx <= exploit_side),
        Wrong("exploration for free", claim=V * cost + half_drift <= B + (1 - p) * exploit_side + R_step),
    ),
    setting=(V > 0, B > 0, p >= 0, q >= 0, E >= 0, E_all >= E, E_all >= C_star, C_star >= 0, Qe >= 0),
)

so_far = V * total_cost + (Z - Q_1**2) / 2 <= B * T + V * C_star * (T - P_T) + 2 * S_T + V * E_all * P_T + R_T
one_step = V * cost + half_drift <= B + (1 - p) * exploit_side + p * V * E_all + R_step
summed = Lemma(
    name="T2 sum, one request more",
    source=f"{SOURCE}, 'Sum'",
    hypotheses=[so_far, one_step],
    claim=V * (total_cost + cost) + (Z + 2 * half_drift - Q_1**2) / 2
    <= B * (T + 1)
    + V * C_star * (T + 1 - (P_T + p))
    + 2 * (S_T + (1 - p) * Qe)
    + V * E_all * (P_T + p)
    + (R_T + R_step),
    wrong=(without(so_far), without(one_step)),
    setting=(V > 0, B > 0, p >= 0, p <= 1, q >= 0, T >= 0, P_T >= 0, P_T <= T, cost >= 0, total_cost >= 0),
)

terms = B / V + (E_all - C_star) * P_T / T + 2 * S_T / (V * T) + R_T / (V * T) + Q_1**2 / (2 * V * T)
divided = Lemma(
    name="T2 divided by V T",
    source=f"{SOURCE}, 'drop Q_(T+1)^2, divide by V T'",
    hypotheses=[V > 0, T > 0, Z >= 0, so_far],
    claim=total_cost / T - C_star <= terms,
    wrong=(
        without(Z >= 0),
        Wrong("S_T in place of 2 S_T", claim=total_cost / T - C_star <= terms - S_T / (V * T)),
        Wrong("without the start", claim=total_cost / T - C_star <= terms - Q_1**2 / (2 * V * T)),
        Wrong("E_all P_T / T less", claim=total_cost / T - C_star <= terms - E_all * P_T / T),
    ),
    setting=(B > 0, T >= 1, P_T >= 0, P_T <= T, S_T >= 0, R_T >= 0, Q_1 >= 0, C_star >= 0, E_all >= C_star),
)

LEMMAS = (one_request, summed, divided)
