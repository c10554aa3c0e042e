"""T1, second form, without gamma*.

    sqrt(E[Q_{T+1}^2]) <= sqrt(2 T (B + V dE) + Q_1^2) + 2 sum_t (1 - p_t) sqrt(E[e_t^2]).

With z_t^2 = E[Q_t^2], k = 2 (B + V dE) and d_t = 2 (1 - p_t) sqrt(E[e_t^2]) the proof shows z_{t+1}^2 <= z_t^2 + k +
2 d_t z_t and by induction z_t <= A + D, where A^2 = k (t - 1) + Q_1^2 and D = sum_{r < t} d_r. Roots appear as
non-negative numbers whose squares are known.
"""

# ruff: noqa: SIM300 (equalities stand as they do in the text)

from __future__ import annotations

from z3 import And, Reals

from proofs_check.lemmas.prover import Lemma, Wrong, without

SOURCE = "T1, second form, in docs/theory.md"

# E[(e^2 Q - Qe e)^2], E[(q^2 e - Qe Q)^2] and E[(Q - Qe e)^2], where q^2 = E[Q^2], e^2 = E[e^2] and Qe = E[Q e].
QQ, ee, Qe = Reals("QQ ee Qe")
cauchy_schwarz = Lemma(
    name="T1 Cauchy-Schwarz",
    source=SOURCE,
    hypotheses=[
        ee**2 * QQ - 2 * ee * Qe * Qe + Qe**2 * ee >= 0,
        QQ**2 * ee - 2 * QQ * Qe * Qe + Qe**2 * QQ >= 0,
        QQ - 2 * Qe * Qe + Qe**2 * ee >= 0,
        QQ >= 0,
        ee >= 0,
    ],
    claim=Qe**2 <= QQ * ee,
    wrong=(
        Wrong("half of it", claim=2 * Qe**2 <= QQ * ee),
        Wrong(
            "without the squares",
            drop=(
                ee**2 * QQ - 2 * ee * Qe * Qe + Qe**2 * ee >= 0,
                QQ**2 * ee - 2 * QQ * Qe * Qe + Qe**2 * QQ >= 0,
                QQ - 2 * Qe * Qe + Qe**2 * ee >= 0,
            ),
        ),
    ),
)

V, B, dE, p, beta, beta_M, q, z, z_next, root_ee, k, d = Reals("V B dE p beta beta_M q z z_next root_ee k d")
one_request = Lemma(
    name="T1 second form, one request",
    source=f"{SOURCE}, 'By (1), (3) and Cauchy-Schwarz'",
    hypotheses=[
        *(V >= 0, dE >= 0, p >= 0, p <= 1, beta >= 0, beta_M >= 0),
        *(q >= 0, z >= 0, root_ee >= 0),
        Qe <= z * root_ee,
        (z_next**2 - z**2) / 2 <= B + (1 - p) * (V * dE - beta * q + 2 * Qe) - p * beta_M * q,
        k == 2 * (B + V * dE),
        d == 2 * (1 - p) * root_ee,
    ],
    claim=z_next**2 <= z**2 + k + 2 * d * z,
    wrong=(
        without(beta >= 0),
        without(beta_M >= 0),
        without(Qe <= z * root_ee),
        Wrong("d z in place of 2 d z", claim=z_next**2 <= z**2 + k + d * z),
    ),
    setting=(V > 0, B > 0, z_next >= 0, q <= z, beta >= -1, beta <= 1, beta_M >= -1, beta_M <= 1, root_ee <= 1),
)

A, A_next, D = Reals("A A_next D")
induction = Lemma(
    name="T1 second form, induction",
    source=f"{SOURCE}, 'induct'",
    hypotheses=[
        *(k >= 0, d >= 0, A >= 0, D >= 0, z >= 0),
        z_next**2 <= z**2 + k + 2 * d * z,
        z <= A + D,
        A_next >= 0,
        A_next**2 == A**2 + k,
    ],
    claim=z_next <= A_next + D + d,
    wrong=(
        without(z <= A + D),
        Wrong("half a step of D", claim=z_next <= A_next + D + d / 2),
        Wrong("A unchanged", claim=z_next <= A + D + d),
        without(k >= 0),
    ),
    setting=(z_next >= 0,),
)

Q_1, t = Reals("Q_1 t")
A_grows = Lemma(
    name="T1 second form, A_t",
    source=f"{SOURCE}, A^2 = k (t - 1) + Q_1^2 and A' >= A",
    hypotheses=[k >= 0, A >= 0, A_next >= 0, A**2 == k * (t - 1) + Q_1**2, A_next**2 == A**2 + k],
    claim=And(A_next**2 == k * t + Q_1**2, A_next >= A),
    wrong=(without(k >= 0), without(A_next >= 0)),
    setting=(t >= 1, Q_1 >= 0),
)

LEMMAS = (cauchy_schwarz, one_request, induction, A_grows)
