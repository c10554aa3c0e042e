"""T3: the average queue under Slater's condition.

    (1/T) sum E[Q_t] <= (B + V dE + max(0, b - beta_M) (1/T) sum p_t E[Q_t]) / b,   b = beta - 2 ebar > 0, Q_1 = 0.

For a fixed past (Q is a number): x = E[alpha - mu_i] on an exploit step, e = E[e_t], at most ebar wherever p < 1. Of
the run: queue_sum = sum E[Q_t], explored_sum = sum p_t E[Q_t], Z = E[Q_{T+1}^2].
"""

from __future__ import annotations

from z3 import Implies, Reals

from proofs_check.lemmas.expressions import larger, zero
from proofs_check.lemmas.prover import Lemma, Wrong, without

SOURCE = "T3 in docs/theory.md"
V, B, dE, b, beta, beta_M, e, ebar = Reals("V B dE b beta beta_M e ebar")
Q, p, x, half_drift, T, Z, queue_sum, explored_sum, Q_1 = Reals("Q p x half_drift T Z queue_sum explored_sum Q_1")
extra = larger(zero(), b - beta_M)

one_request = Lemma(
    name="T3 one request",
    source=f"{SOURCE}, 'By (1) and (3) the drift is at most'",
    hypotheses=[
        *(V >= 0, dE >= 0, Q >= 0, p >= 0, p <= 1),
        Implies(p < 1, e <= ebar),
        b == beta - 2 * ebar,
        Q * x <= V * dE - beta * Q + 2 * Q * e,
        half_drift <= B + (1 - p) * Q * x - p * beta_M * Q,
    ],
    claim=half_drift <= B + V * dE - b * Q + extra * p * Q,
    wrong=(
        without(Q >= 0),
        without(Implies(p < 1, e <= ebar)),
        Wrong("without the last term", claim=half_drift <= B + V * dE - b * Q),
        Wrong("b = beta - ebar", drop=(b == beta - 2 * ebar,), instead=(b == beta - ebar,)),
    ),
    setting=(V > 0, B > 0, b > 0, e >= 0, ebar >= 0, beta <= 1, beta_M >= -1, beta_M <= 1, x >= -1, x <= 1),
)

so_far = T * (B + V * dE) - b * queue_sum + extra * explored_sum >= Z / 2
divided = Lemma(
    name="T3 divided by b T",
    source=f"{SOURCE}, 'Sum; the left side is at least'",
    hypotheses=[b > 0, T > 0, Z >= 0, so_far],
    claim=queue_sum / T <= (B + V * dE + extra * explored_sum / T) / b,
    wrong=(
        Wrong("with b < 0", drop=(b > 0,), instead=(b < 0,)),
        without(so_far),
        Wrong("without V dE", claim=queue_sum / T <= (B + extra * explored_sum / T) / b),
    ),
    setting=(V > 0, B > 0, dE >= 0, T >= 1, queue_sum >= explored_sum, explored_sum >= 0),
)

warm = T * (B + V * dE) - b * queue_sum + extra * explored_sum >= (Z - Q_1**2) / 2
warm_start = Lemma(
    name="T3 with a warm start",
    source=f"{SOURCE}, 'A start Q_1 > 0 would add'",
    hypotheses=[b > 0, T > 0, Z >= 0, warm],
    claim=queue_sum / T <= (B + V * dE + extra * explored_sum / T) / b + Q_1**2 / (2 * b * T),
    wrong=(Wrong("as if Q_1 = 0", claim=queue_sum / T <= (B + V * dE + extra * explored_sum / T) / b),),
    setting=(V > 0, B > 0, dE >= 0, T >= 1, Q_1 >= 0, queue_sum >= explored_sum, explored_sum >= 0),
)

largest_model = Lemma(
    name="T3 pi0 = model M",
    source=f"{SOURCE}, 'the last term vanishes'",
    hypotheses=[b == beta - 2 * ebar, ebar >= 0, beta == beta_M],
    claim=extra == 0,
    wrong=(without(beta == beta_M), without(ebar >= 0)),
    setting=(b > 0, beta_M >= -1, beta_M <= 1, beta <= 1),
)

LEMMAS = (one_request, divided, warm_start, largest_model)
