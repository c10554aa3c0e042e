"""Inequality (1) of docs/theory.md: the drift of one request, exploration included.

Fix the past; Q is then a number, and the decision to explore is independent of the request (A4). Numbers of this step:

    p           probability of exploring
    drift       E[Q_{t+1}^2 - Q_t^2] / 2, = (1 - p) drift_exploit + p drift_explore
    x           E[alpha - mu_i], the mean of alpha - s_t on an exploit step;   L2: drift_exploit <= B + Q x
    beta_M      E[s_M] - alpha: model M serves explored requests;              L2: drift_explore <= B - beta_M Q

Claim: drift <= B + (1 - p) Q x - p beta_M Q; and -p beta_M Q is at most p max(0, -beta_M) Q, the terms of R_T.
"""

from __future__ import annotations

from z3 import Reals

from proofs_check.lemmas.expressions import larger, zero
from proofs_check.lemmas.prover import Lemma, Wrong, without

Q, B, p, x, beta_M = Reals("Q B p x beta_M")
drift, drift_exploit, drift_explore = Reals("drift drift_exploit drift_explore")

one_request = Lemma(
    name="(1) drift of one request",
    source="(1) in docs/theory.md",
    hypotheses=[
        p >= 0,
        p <= 1,
        drift_exploit <= B + Q * x,
        drift_explore <= B - beta_M * Q,
        drift == (1 - p) * drift_exploit + p * drift_explore,
    ],
    claim=drift <= B + (1 - p) * Q * x - p * beta_M * Q,
    wrong=(
        Wrong("exploration forgotten", claim=drift <= B + (1 - p) * Q * x),
        Wrong("explored requests counted as satisfied", claim=drift <= B + (1 - p) * (Q * x - beta_M * Q)),
        without(drift_explore <= B - beta_M * Q),
    ),
    setting=(Q >= 0, B > 0, 2 * B <= 1, x >= -1, x <= 1, beta_M >= -1, beta_M <= 1),
)

inversion = Lemma(
    name="(1) explore step and beta_M",
    source="'Constants' (R_T) and T2 in docs/theory.md",
    hypotheses=[p >= 0, Q >= 0],
    claim=-p * beta_M * Q <= p * larger(zero(), -beta_M) * Q,
    wrong=(
        Wrong("as if model M met alpha", claim=-p * beta_M * Q <= 0),
        Wrong("with max(0, beta_M)", claim=-p * beta_M * Q <= p * larger(zero(), beta_M) * Q),
        without(Q >= 0),
    ),
    setting=(p <= 1, beta_M >= -1, beta_M <= 1),
)

LEMMAS = (one_request, inversion)
