"""T13: one bracket of the sum by parts (N11), and the root with a term that is linear in what it bounds (N12).

w solves the Poisson equation of the hidden chain: what the state of the last request predicts of this one. a = 1 - p_t.
"""

from __future__ import annotations

from z3 import Reals

from proofs_check.lemmas.prover import Lemma, Wrong, without

SOURCE = "T13 in docs/theory.md"
a_before, a_now, w_now, w_before, b, move, size = Reals("a_before a_now w_now w_before b move size")
bracket = Lemma(
    name="T13 one bracket of the sum by parts",
    source=f"{SOURCE}, 'summed by parts'",
    hypotheses=[a_before >= 0, a_now >= a_before, w_now - w_before <= b * move, w_now <= size],
    claim=a_now * w_now - a_before * w_before <= a_before * b * move + (a_now - a_before) * size,
    wrong=(
        without(a_now >= a_before),
        without(w_now - w_before <= b * move),
        Wrong("without the growth of a", claim=a_now * w_now - a_before * w_before <= a_before * b * move),
    ),
    setting=(a_now <= 1, b >= 0, move >= 0, size >= 0),
)

z, k0, rest = Reals("z k0 rest")
root = Lemma(
    name="T13 root with a linear term",
    source=f"{SOURCE}, 'take the root'; z = max_t E[A_t], b = tau sigma_s",
    hypotheses=[(z - k0) ** 2 <= rest + 4 * b * z],
    claim=(z - k0 - 2 * b) ** 2 <= 4 * b**2 + 4 * b * k0 + rest,
    wrong=(
        Wrong("without b^2", claim=(z - k0 - 2 * b) ** 2 <= 4 * b * k0 + rest),
        Wrong("without k0", claim=(z - k0 - 2 * b) ** 2 <= 4 * b**2 + rest),
    ),
    setting=(z >= 0, b >= 0, k0 >= -1, k0 <= 1, rest >= 0),
)

LEMMAS = (bracket, root)
