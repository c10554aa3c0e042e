"""T2', T2'' and R': cost, from B0 and the decision loss.

    T2'   cost gap <= B0/V + (E_all - C*) P_T/T + (D_T + R_T)/(V T) + (Q_1 - k0)^2/(2 V T)
    T2''  the same with -beta_M X for R_T, less (1 - P_T/T)(C* - Dual(q/V)) and (E[Q_{T+1}] - k0)^2/(2 V T)
    R'    Reg/T <= (E_all - C*) P_T/T + ((V g - Q_1)^2/2 + W + D - V Gap - beta_M X)/(V T)

Z = E[(Q_{T+1} - k0)^2], last = E[Q_{T+1}], Gap = sum of (1 - p_t) E[C* - Dual(Q_t/V)].
"""

from __future__ import annotations

from z3 import Reals

from proofs_check.lemmas.prover import Lemma, Wrong, without

V, T, B0, k0, P, E_all, C, D, R, Q_1, Z, gap = Reals("V T B0 k0 P E_all C_star D R Q_1 Z cost_gap")
Gap, mean_gap, last, X, beta_M = Reals("Gap mean_gap last X beta_M")
Reg, Y, level, W, U2, LU = Reals("Reg Y level W U2 level_U")

setting = (
    *(B0 >= 0, T >= 1, P >= 0, P <= T, D >= 0, Q_1 >= 0, C >= 0, E_all >= C, k0 >= -1, 2 * k0 <= 1),
    *(R >= 0, X >= 0, last >= 0, beta_M >= -1, beta_M <= 1, mean_gap >= 0),
)
terms = B0 / V + (E_all - C) * P / T + (D + R) / (V * T) + (Q_1 - k0) ** 2 / (2 * V * T)
summed = V * gap * T + (Z - (Q_1 - k0) ** 2) / 2 <= B0 * T + D + V * (E_all - C) * P + R
divided = Lemma(
    name="T2' divided by V T",
    source="T2' in docs/theory.md, 'divide by V T'",
    hypotheses=[V > 0, T > 0, Z >= 0, summed],
    claim=gap <= terms,
    wrong=(
        without(Z >= 0),
        Wrong("half of D", claim=gap <= terms - D / (2 * V * T)),
        Wrong("as if the squares began at zero", claim=gap <= terms - (Q_1 - k0) ** 2 / (2 * V * T)),
    ),
    setting=setting,
)

more = V * gap * T + (Z - (Q_1 - k0) ** 2) / 2 <= B0 * T + D - V * Gap + V * (E_all - C) * P - beta_M * X
less = (
    *(B0 / V + (E_all - C) * P / T, (D - beta_M * X) / (V * T), (Q_1 - k0) ** 2 / (2 * V * T)),
    *(-(1 - P / T) * mean_gap, -((last - k0) ** 2) / (2 * V * T)),
)
jensen = Lemma(
    name="T2'' by Jensen twice",
    source="T2'' in docs/theory.md; mean_gap = C* - Dual(q/V)",
    hypotheses=[V > 0, T > 0, (last - k0) ** 2 <= Z, (T - P) * mean_gap <= Gap, more],
    claim=gap <= sum(less),
    wrong=(
        without((last - k0) ** 2 <= Z),
        without((T - P) * mean_gap <= Gap),
        Wrong("less twice the gap", claim=gap <= sum(less) - (1 - P / T) * mean_gap),
    ),
    setting=setting,
)

identity = (
    2 * V * Reg == (Q_1 - level) ** 2 - Y + 2 * W - 2 * U2 - 2 * LU + 2 * D - 2 * V * Gap
    + 2 * V * (E_all - C) * P - 2 * beta_M * X
)  # fmt: skip
right = (E_all - C) * P / T + ((level - Q_1) ** 2 / 2 + W + D - V * Gap - beta_M * X) / (V * T)
regret = Lemma(
    name="R' from I2",
    source="R' in docs/theory.md",
    hypotheses=[V > 0, T > 0, Y >= 0, U2 >= 0, LU >= 0, identity],
    claim=Reg / T <= right,
    wrong=(
        without(LU >= 0),
        without(Y >= 0),
        Wrong("without the start", claim=Reg / T <= right - (level - Q_1) ** 2 / (2 * V * T)),
    ),
    setting=(*setting, level >= 0, W >= 0, Gap >= 0),
)

LEMMAS = (divided, jensen, regret)
