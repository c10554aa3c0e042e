"""T1' and T1'': what the queue may be, from B0 and the decision loss, and by the identity I2.

    T1'   E[Q_{T+1}] <= V g + k0 + sqrt((max(0, Q_1 - V g) - k0)^2 + 2 B0 T + 2 D_above + 2 R_T)
    T1''  E[Q_{T+1}] <= V g + sqrt((V g - Q_1)^2 + 2 W + 2 D - 2 V Gap - 2 V L + 2 beta_M (V g P_T - X))

z = E[above_{T+1}], Z = E[(above_{T+1} - k0)^2], y = E[Q_{T+1}], Y = E[(Q_{T+1} - V g)^2]. root is the square root.
"""

# ruff: noqa: SIM300 (inequalities stand as they do in the text)

from __future__ import annotations

from z3 import Reals

from proofs_check.lemmas.prover import Lemma, Wrong, without

Z, z, k0, start, B0, T, D, R, root, level, y, p, drift, pull, lift = Reals(
    "Z z k0 start B0 T D R root level y p drift pull lift"
)
Y, start_2, W, U2, LU, VG, VL, beta_M, P, X, V_regret, V_explored = Reals(
    "Y start_squared W U2 level_U V_Gap V_L beta_M P X V_regret V_explored"
)

so_far = Z <= start + 2 * B0 * T + 2 * D + 2 * R
one_more = drift <= 2 * B0 + 2 * (1 - p) * pull + 2 * p * lift
summed = Lemma(
    name="T1' sum above, one request more",
    source="T1' in docs/theory.md, 'Summed'; drift of (above - k0)^2, pull <= Delta",
    hypotheses=[so_far, one_more],
    claim=Z + drift <= start + 2 * B0 * (T + 1) + 2 * (D + (1 - p) * pull) + 2 * (R + p * lift),
    wrong=(
        without(so_far),
        Wrong("D forgotten", claim=Z + drift <= start + 2 * B0 * (T + 1) + 2 * D + 2 * (R + p * lift)),
    ),
    setting=(Z >= 0, B0 >= 0, T >= 0, p >= 0, p <= 1, D >= 0, R >= 0, pull >= 0, lift >= 0, start >= 0),
)

taken = Lemma(
    name="T1' root",
    source="T1' in docs/theory.md, 'take the root'",
    hypotheses=[(z - k0) ** 2 <= Z, Z <= root**2, root >= 0, y <= level + z],
    claim=y <= level + k0 + root,
    wrong=(without(root >= 0), without(y <= level + z), Wrong("without k0", claim=y <= level + root)),
    setting=(y >= 0, level >= 0, z >= 0, k0 >= -1, 2 * k0 <= 1),
)

radicand = start_2 + 2 * W + 2 * D - 2 * VG - 2 * VL + 2 * beta_M * (level * P - X)
identity = 2 * V_regret == start_2 - Y + 2 * W - 2 * U2 - 2 * LU + 2 * D - 2 * VG + 2 * V_explored - 2 * beta_M * X
price = V_regret == VL + V_explored - level * beta_M * P
second = Lemma(
    name="T1'' from I2 and I3",
    source="T1'' in docs/theory.md; V_explored = V (E_all - C*) P_T",
    hypotheses=[identity, price, U2 >= 0, LU >= 0],
    claim=Y <= radicand,
    wrong=(
        without(U2 >= 0),
        without(price),
        Wrong("without the gap", claim=Y <= start_2 + 2 * W + 2 * D - 4 * VG - 2 * VL + 2 * beta_M * (level * P - X)),
    ),
    setting=(W >= 0, D >= 0, VG >= 0, VL >= 0, P >= 0, X >= 0, level >= 0, Y >= 0, beta_M >= -1, beta_M <= 1),
)

jensen = Lemma(
    name="T1'' root",
    source="T1'' in docs/theory.md, 'take the root'",
    hypotheses=[(y - level) ** 2 <= Y, Y <= root**2, root >= 0],
    claim=y <= level + root,
    wrong=(without(root >= 0), Wrong("less the level", claim=y <= root)),
    setting=(y >= 0, level >= 0),
)

LEMMAS = (summed, taken, second, jensen)
