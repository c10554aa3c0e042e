"""T3': the mean queue under Slater's condition, without a bound on prediction errors.

    (1/T) sum E[Q_t] <= (B0 + V dE + D_T/T + max(0, beta - beta_M) X_T/T + (Q_1 - k0)^2/(2 T)) / beta,   beta > 0

For a fixed past x = E[alpha - mu_i] on an exploit step, Delta its decision loss. Of the run: queue_sum = sum E[Q_t],
X = sum p_t E[Q_t], Z = E[(Q_{T+1} - k0)^2].
"""

from __future__ import annotations

from z3 import Reals

from proofs_check.lemmas.expressions import larger, zero
from proofs_check.lemmas.prover import Lemma, Wrong, without

V, B0, dE, beta, beta_M, Q, p, x, Delta, half_drift = Reals("V B0 dE beta beta_M Q p x Delta half_drift")
T, Z, queue_sum, X, D, start = Reals("T Z queue_sum X D start")
extra = larger(zero(), beta - beta_M)

one_request = Lemma(
    name="T3' one request",
    source="T3' in docs/theory.md, 'the drift is at most'",
    hypotheses=[
        *(V >= 0, dE >= 0, Q >= 0, p >= 0, p <= 1),
        Q * x <= V * dE - beta * Q + Delta,
        half_drift <= B0 + (1 - p) * Q * x - p * beta_M * Q,
    ],
    claim=half_drift <= B0 + V * dE - beta * Q + extra * p * Q + (1 - p) * Delta,
    wrong=(
        without(Q >= 0),
        Wrong("without the loss", claim=half_drift <= B0 + V * dE - beta * Q + extra * p * Q),
        Wrong("without X", claim=half_drift <= B0 + V * dE - beta * Q + (1 - p) * Delta),
    ),
    setting=(V > 0, B0 > 0, beta > 0, beta <= 1, beta_M >= -1, beta_M <= 1, x >= -1, x <= 1, Delta >= 0),
)

so_far = (Z - start) / 2 <= T * (B0 + V * dE) - beta * queue_sum + extra * X + D
divided = Lemma(
    name="T3' divided by beta T",
    source="T3' in docs/theory.md, 'divide'; start = (Q_1 - k0)^2",
    hypotheses=[beta > 0, T > 0, Z >= 0, so_far],
    claim=queue_sum / T <= (B0 + V * dE + D / T + extra * X / T + start / (2 * T)) / beta,
    wrong=(
        without(Z >= 0),
        Wrong("half of D", claim=queue_sum / T <= (B0 + V * dE + D / (2 * T) + extra * X / T + start / (2 * T)) / beta),
        Wrong("without the start", claim=queue_sum / T <= (B0 + V * dE + D / T + extra * X / T) / beta),
    ),
    setting=(V > 0, B0 > 0, dE >= 0, T >= 1, queue_sum >= X, X >= 0, D >= 0, start >= 0),
)

LEMMAS = (one_request, divided)
