"""L1, last formula: the queue is a reflected sum, exactly.

    Q_{T+1} = max(0, Q_1 + sum_{1..T} (alpha - s_t), max_{2 <= k <= T} sum_{k..T} (alpha - s_t)).

Induction over T. Write d = alpha - s_{T+1}, `total` for Q_1 + sum_{1..T}, and `later` for the larger of 0 and the sums
that start at k = 2, ..., T (0 for T = 1, where there are none). One more request adds d to every sum and brings the sum
d that starts at k = T + 1. The first five requests are checked without induction as well.
"""

# ruff: noqa: SIM300 (inequalities stand as they do in the text)

from __future__ import annotations

from z3 import And, ArithRef, Real, Reals, Sum

from proofs_check.lemmas.expressions import larger, zero
from proofs_check.lemmas.prover import Lemma, Wrong

Q, Q_next, total, later, d = Reals("Q Q_next total later d")
d_1 = Real("d_1")
Q_1, Q_2 = Reals("Q_1 Q_2")

start = Lemma(
    name="L1 reflection, T = 1",
    source="L1 in docs/theory.md, reflection formula",
    hypotheses=[Q_2 == larger(zero(), Q_1 + d_1), total == Q_1 + d_1, later == 0],
    claim=Q_2 == larger(zero(), total, later),
    wrong=(Wrong("without the start Q_1", drop=(total == Q_1 + d_1,), instead=(total == d_1,)),),
    setting=(Q_1 >= 0,),
)

induction = Lemma(
    name="L1 reflection, one request more",
    source="L1 in docs/theory.md, reflection formula",
    hypotheses=[
        later >= 0,
        Q == larger(zero(), total, later),
        Q_next == larger(zero(), Q + d),
    ],
    claim=Q_next == larger(zero(), total + d, later + d, d),
    wrong=(
        Wrong("0 forgotten", claim=Q_next == larger(total + d, later + d, d)),
        Wrong("sums from k >= 2 forgotten", claim=Q_next == larger(zero(), total + d, d)),
        Wrong(
            "a queue larger than the sums",
            drop=(Q == larger(zero(), total, later),),
            instead=(Q >= larger(zero(), total, later),),
        ),
    ),
)

queue = [Real(f"Q_{t}") for t in range(1, 7)]
alpha = Real("alpha")
score = [Real(f"s_{t}") for t in range(1, 6)]


def reflected(T: int, first: int = 2) -> ArithRef:
    """The right side of the formula, with the sums that start at k = first, ..., T."""

    def since(k: int) -> ArithRef:
        return Sum([alpha - score[t - 1] for t in range(k, T + 1)])

    return larger(zero(), queue[0] + since(1), *(since(k) for k in range(first, T + 1)))


path = Lemma(
    name="L1 reflection, path of 5",
    source="L1 in docs/theory.md, reflection formula",
    hypotheses=[queue[t + 1] == larger(zero(), queue[t] + alpha - score[t]) for t in range(5)],
    claim=And([queue[T] == reflected(T) for T in range(1, 6)]),
    wrong=(Wrong("sums from k = 3 on", claim=And([queue[T] == reflected(T, first=3) for T in range(1, 6)])),),
    setting=(queue[0] >= 0, alpha >= 0, alpha <= 1, *(And(s_t >= 0, s_t <= 1) for s_t in score)),
)

LEMMAS = (start, induction, path)
