"""T6': where the mean queue lies around V g, from B0 and the decision loss.

    C* - Dual(q/V) <= (B0 T + D_T + (V g + k0 - Q_1)^2/2 + beta_M (V g P_T - X_T)) / (V (T - P_T))

Y = E[(Q_{T+1} - V g - k0)^2], gaps = sum (1 - p_t) E[C* - Dual(Q_t/V)], mean_gap = C* - Dual(q/V).
"""

from __future__ import annotations

from z3 import Reals

from proofs_check.lemmas.prover import Lemma, Wrong, without

V, T, P, B0, D, Y, start, gaps, mean_gap, level, beta_M, X = Reals("V T P B0 D Y start gaps mean_gap level beta_M X")
left = T - P
summed = (Y - start) / 2 <= B0 * T + D - V * gaps + beta_M * (level * P - X)
top = B0 * T + D + start / 2 + beta_M * (level * P - X)

divided = Lemma(
    name="T6' divided by V (T - P_T)",
    source="T6' in docs/theory.md, 'divide, and use Jensen'; start = (V g + k0 - Q_1)^2",
    hypotheses=[V > 0, left > 0, Y >= 0, left * mean_gap <= gaps, summed],
    claim=mean_gap <= top / (V * left),
    wrong=(
        without(Y >= 0),
        without(left * mean_gap <= gaps),
        Wrong("without the start", claim=mean_gap <= (top - start / 2) / (V * left)),
        Wrong("half of D", claim=mean_gap <= (top - D / 2) / (V * left)),
    ),
    setting=(T >= 1, P >= 0, B0 >= 0, D >= 0, start >= 0, level >= 0, X >= 0, mean_gap >= 0, beta_M >= -1, beta_M <= 1),
)

LEMMAS = (divided,)
