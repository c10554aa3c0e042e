"""L1: the queue certifies the constraint.

    alpha - s_t <= Q_{t+1} - Q_t,   hence   alpha - (1/W) sum of s over a window <= (Q after it - Q before it) / W.

Hypotheses: the recursion Q_{t+1} = max(0, Q_t + alpha - s_t), nothing else. The sum form is the window that starts at
request 1. Beside the induction every window of a path of five requests is checked as a whole.
"""

from __future__ import annotations

from z3 import And, Real, Reals, Sum

from proofs_check.lemmas.expressions import larger, zero
from proofs_check.lemmas.prover import Lemma, Wrong, without

Q, Q_next, Q_before, Q_after, alpha, s = Reals("Q Q_next Q_before Q_after alpha s")

step = Lemma(
    name="L1 step",
    source="L1 in docs/theory.md, first formula",
    hypotheses=[Q_next == larger(zero(), Q + alpha - s)],
    claim=alpha - s <= Q_next - Q,
    wrong=(
        Wrong("with equality", claim=alpha - s == Q_next - Q),
        Wrong(
            "with s - alpha in the queue",
            drop=(Q_next == larger(zero(), Q + alpha - s),),
            instead=(Q_next == larger(zero(), Q + s - alpha),),
        ),
    ),
    setting=(Q >= 0, alpha >= 0, alpha <= 1, s >= 0, s <= 1),
)

# The shortfall is the sum of alpha - s over the requests since the window began, when the queue was Q_before.
shortfall = Real("shortfall")
induction = Lemma(
    name="L1 sum, one request more",
    source="L1 in docs/theory.md, for all T; any window",
    hypotheses=[shortfall <= Q - Q_before, alpha - s <= Q_next - Q],
    claim=shortfall + (alpha - s) <= Q_next - Q_before,
    wrong=(without(shortfall <= Q - Q_before), without(alpha - s <= Q_next - Q)),
    setting=(Q_before >= 0, Q >= 0, Q_next >= 0, alpha >= 0, alpha <= 1, s >= 0, s <= 1),
)

W, served = Reals("W served")
window = Lemma(
    name="L1 window, divided by W",
    source="L1 in docs/theory.md, second formula and windows",
    hypotheses=[W > 0, W * alpha - served <= Q_after - Q_before],
    claim=alpha - served / W <= (Q_after - Q_before) / W,
    wrong=(
        Wrong("divided by W + 1", instead=(W >= 1,), claim=alpha - served / W <= (Q_after - Q_before) / (W + 1)),
        Wrong("with the queue before in place of after", claim=alpha - served / W <= Q_before / W),
    ),
    setting=(Q_before >= 0, Q_after >= 0, alpha >= 0, alpha <= 1, served >= 0, served <= W),
)

queue = [Real(f"Q_{t}") for t in range(1, 7)]
score = [Real(f"s_{t}") for t in range(1, 6)]
path = Lemma(
    name="L1 path of 5, every window",
    source="L1 in docs/theory.md",
    hypotheses=[queue[t + 1] == larger(zero(), queue[t] + alpha - score[t]) for t in range(5)],
    claim=And(
        [
            Sum([alpha - score[t] for t in range(first, last)]) <= queue[last] - queue[first]
            for first in range(5)
            for last in range(first + 1, 6)
        ]
    ),
    wrong=(Wrong("less Q_1 once more", claim=Sum([alpha - score[t] for t in range(5)]) <= queue[5] - 2 * queue[0]),),
    setting=(queue[0] >= 0, alpha >= 0, alpha <= 1, *(And(s_t >= 0, s_t <= 1) for s_t in score)),
)

LEMMAS = (step, induction, window, path)
