"""L2: drift.

    (Q_{t+1}^2 - Q_t^2) / 2 <= (alpha - s_t)^2 / 2 + Q_t (alpha - s_t) <= B + Q_t (alpha - s_t),

B = delta^2 / 2, delta = max(alpha, 1 - alpha). The first inequality needs the recursion of the queue only, the second
s_t in [0, 1] only.
"""

# ruff: noqa: SIM300 (inequalities stand as they do in the text)

from __future__ import annotations

from z3 import Reals

from proofs_check.lemmas.expressions import larger, zero
from proofs_check.lemmas.prover import Lemma, Wrong, without

Q, Q_next, alpha, s, delta, B = Reals("Q Q_next alpha s delta B")

exact = Lemma(
    name="L2 drift, exact",
    source="L2 in docs/theory.md, first inequality",
    hypotheses=[Q_next == larger(zero(), Q + alpha - s)],
    claim=(Q_next**2 - Q**2) / 2 <= (alpha - s) ** 2 / 2 + Q * (alpha - s),
    wrong=(
        Wrong("half the square", claim=(Q_next**2 - Q**2) / 2 <= (alpha - s) ** 2 / 4 + Q * (alpha - s)),
        Wrong(
            "a queue that may grow faster",
            drop=(Q_next == larger(zero(), Q + alpha - s),),
            instead=(Q_next >= larger(zero(), Q + alpha - s),),
        ),
    ),
    setting=(Q >= 0, alpha >= 0, alpha <= 1, s >= 0, s <= 1),
)

uniform = Lemma(
    name="L2 drift, uniform",
    source="L2 in docs/theory.md, second inequality",
    hypotheses=[s >= 0, s <= 1, delta == larger(alpha, 1 - alpha), B == delta**2 / 2],
    claim=(alpha - s) ** 2 / 2 + Q * (alpha - s) <= B + Q * (alpha - s),
    wrong=(
        without(s >= 0),
        without(s <= 1),
        Wrong("B = alpha^2 / 2", drop=(B == delta**2 / 2,), instead=(B == alpha**2 / 2,)),
    ),
    setting=(Q >= 0, alpha >= 0, alpha <= 1),
)

LEMMAS = (exact, uniform)
