"""T9: feedback delayed by exactly d requests; decisions use Q_{t-d}, written Q_used here.

    drift <= (B + d delta^2) + Q_used (alpha - s),   |Q - Q_used| <= d delta,   Q_used >= Q - alpha d.

So B becomes B + d delta^2 in T1 to T3, and theta becomes theta + alpha d in T4.
"""

# ruff: noqa: SIM300 (inequalities stand as they do in the text)

from __future__ import annotations

from z3 import And, Implies, Real, Reals

from proofs_check.lemmas.expressions import larger, zero
from proofs_check.lemmas.prover import Lemma, Wrong, without

SOURCE = "T9 in docs/theory.md, fixed delay"
Q, Q_used, Q_next, alpha, s, d, delta, B, theta = Reals("Q Q_used Q_next alpha s d delta B theta")
Q_later = Real("Q_later")

lag = Lemma(
    name="T9 lag, one request more",
    source=f"{SOURCE}, '|Q_t - Q_(t-d)| <= d delta by L3'",
    hypotheses=[
        And(Q - Q_used <= d * alpha, Q_used - Q <= d * (1 - alpha)),
        And(-(1 - alpha) <= Q_later - Q, Q_later - Q <= alpha),
        delta == larger(alpha, 1 - alpha),
    ],
    claim=And(
        Q_later - Q_used <= (d + 1) * alpha,
        Q_used - Q_later <= (d + 1) * (1 - alpha),
        Q_later - Q_used <= (d + 1) * delta,
        Q_used - Q_later <= (d + 1) * delta,
    ),
    wrong=(Wrong("d in place of d + 1", claim=Q_later - Q_used <= d * alpha),),
    setting=(d >= 1, alpha >= 0, alpha <= 1, Q >= 0, Q_used >= 0, Q_later >= 0),
)

drift = Lemma(
    name="T9 drift with a delay",
    source=f"{SOURCE}, 'B + d delta^2 for B'",
    hypotheses=[
        *(d >= 0, -delta <= alpha - s, alpha - s <= delta, -d * delta <= Q - Q_used, Q - Q_used <= d * delta),
        (Q_next**2 - Q**2) / 2 <= B + Q * (alpha - s),
    ],
    claim=(Q_next**2 - Q**2) / 2 <= (B + d * delta**2) + Q_used * (alpha - s),
    wrong=(
        Wrong("B kept", claim=(Q_next**2 - Q**2) / 2 <= B + Q_used * (alpha - s)),
        Wrong("d delta^2 / 2", claim=(Q_next**2 - Q**2) / 2 <= (B + d * delta**2 / 2) + Q_used * (alpha - s)),
        without(Q - Q_used <= d * delta),
    ),
    setting=(d >= 1, Q >= 0, Q_used >= 0, Q_next >= 0, delta > 0, delta <= 1, B == delta**2 / 2),
)

above, above_used, level = Reals("above above_used level")
lag_above = Lemma(
    name="T9 lag of what is above",
    source=f"{SOURCE}, 'T1 to T3 hold with B + d delta^2': what is above V g lags no more than the queue",
    hypotheses=[
        *(-d * delta <= Q - Q_used, Q - Q_used <= d * delta, d * delta >= 0),
        above == larger(zero(), Q - level),
        above_used == larger(zero(), Q_used - level),
    ],
    claim=And(-d * delta <= above - above_used, above - above_used <= d * delta),
    wrong=(
        without(Q - Q_used <= d * delta),
        Wrong("no lag", claim=above <= above_used),
        Wrong("half the lag", claim=above - above_used <= d * delta / 2),
    ),
    setting=(d >= 1, Q >= 0, Q_used >= 0, delta > 0, delta <= 1, level >= 0),
)

threshold = Lemma(
    name="T9 theta with a delay",
    source=f"{SOURCE}, 'theta becomes theta + alpha d'",
    hypotheses=[Q - Q_used <= d * alpha, Q >= theta + alpha * d],
    claim=Q_used >= theta,
    wrong=(
        Wrong("theta kept", drop=(Q >= theta + alpha * d,), instead=(Q >= theta,)),
        without(Q - Q_used <= d * alpha),
    ),
    setting=(d >= 1, alpha >= 0, alpha <= 1, theta > 0, Q_used >= 0),
)

# T3: one request, p of exploring; the last term with the queue used or with the present one, whichever is measured.
p, V, dE, b, beta_M, x, half_drift = Reals("p V dE b beta_M x half_drift")
extra = larger(zero(), b - beta_M)
present, used = B - beta_M * Q, B + d * delta**2 - beta_M * Q_used
slater = Lemma(
    name="T9 T3 with a delay, one request",
    source=f"{SOURCE}, 'with Q_(t-d) in S_T and on the left of T3'",
    hypotheses=[
        *(V >= 0, dE >= 0, d >= 0, delta >= 0, p >= 0, p <= 1),
        *(b >= 0, b <= 1 - alpha, 1 - alpha <= delta, Q_used - Q <= d * (1 - alpha)),  # satisfaction is at most 1
        Implies(p < 1, Q_used * x <= V * dE - b * Q_used),
        half_drift <= (1 - p) * (B + d * delta**2 + Q_used * x) + p * present,
        half_drift <= (1 - p) * (B + d * delta**2 + Q_used * x) + p * used,
        *(Q >= 0, Q_used >= 0),
    ],
    claim=And(
        half_drift <= (B + d * delta**2) + V * dE - b * Q_used + extra * p * Q_used,
        half_drift <= (B + d * delta**2) + V * dE - b * Q_used + extra * p * Q,
    ),
    wrong=(
        Wrong("B kept", claim=half_drift <= B + V * dE - b * Q_used + extra * p * Q_used),
        Wrong("without the last term", claim=half_drift <= (B + d * delta**2) + V * dE - b * Q_used),
    ),
    setting=(
        V > 0,
        B > 0,
        d >= 1,
        alpha >= 0,
        alpha <= 1,
        delta <= 1,
        b > 0,
        beta_M >= -1,
        beta_M <= 1,
        x >= -1,
        x <= 1,
    ),
)

LEMMAS = (lag, drift, lag_above, threshold, slater)
