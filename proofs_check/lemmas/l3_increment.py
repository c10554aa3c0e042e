"""L3: bounded steps, -(1 - alpha) <= Q_{t+1} - Q_t <= alpha.

Hypotheses: the recursion of the queue, Q_t >= 0, s_t and alpha in [0, 1]. Hence |Q_{t+1} - Q_t| <= delta.
"""

from __future__ import annotations

from z3 import And, Reals

from proofs_check.lemmas.expressions import larger, zero
from proofs_check.lemmas.prover import Lemma, Wrong, without

Q, Q_next, alpha, s, delta = Reals("Q Q_next alpha s delta")

increment = Lemma(
    name="L3 increment",
    source="L3 in docs/theory.md",
    hypotheses=[
        Q >= 0,
        s >= 0,
        s <= 1,
        alpha >= 0,
        alpha <= 1,
        Q_next == larger(zero(), Q + alpha - s),
    ],
    claim=And(-(1 - alpha) <= Q_next - Q, Q_next - Q <= alpha),
    wrong=(
        without(Q >= 0),
        without(s >= 0),
        without(s <= 1),
        Wrong("alpha and 1 - alpha exchanged", claim=And(-alpha <= Q_next - Q, Q_next - Q <= 1 - alpha)),
    ),
)

delta_step = Lemma(
    name="L3 in absolute value",
    source="T9 in docs/theory.md, '|Q_t - Q_{t-d}| <= d delta by L3'",
    hypotheses=[
        -(1 - alpha) <= Q_next - Q,
        Q_next - Q <= alpha,
        delta == larger(alpha, 1 - alpha),
    ],
    claim=And(Q_next - Q <= delta, Q - Q_next <= delta),
    wrong=(Wrong("delta = alpha", drop=(delta == larger(alpha, 1 - alpha),), instead=(delta == alpha,)),),
    setting=(Q >= 0, Q_next >= 0, alpha >= 0, alpha <= 1),
)

LEMMAS = (increment, delta_step)
