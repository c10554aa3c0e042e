"""T8: the exponent of exploration.

Exploration costs T^-a, prediction T^{-(1-a) q}: the slower of the two decays with exponent min(a, (1 - a) q). No a does
better than a* = q/(1 + q), and no other a does as well: 1/4 for q = 1/3 and 1/3 for q = 1/2.
"""

from __future__ import annotations

from z3 import And, Implies, Q, Reals

from proofs_check.lemmas.expressions import smaller
from proofs_check.lemmas.prover import Lemma, Wrong

a, q, best = Reals("a q best")

exponent = Lemma(
    name="T8 best exponent",
    source="T8 in docs/theory.md",
    hypotheses=[q > 0, best == q / (1 + q)],
    claim=And(
        smaller(best, (1 - best) * q) == best,
        smaller(a, (1 - a) * q) <= best,
        Implies(smaller(a, (1 - a) * q) == best, a == best),
        Implies(q == Q(1, 3), best == Q(1, 4)),
        Implies(q == Q(1, 2), best == Q(1, 3)),
    ),
    wrong=(
        Wrong("a* = q", drop=(best == q / (1 + q),), instead=(best == q,)),
        Wrong("a* = q / 2", drop=(best == q / (1 + q),), instead=(best == q / 2,)),
        Wrong("with q < 0", drop=(q > 0,), instead=(q < 0, q > -1)),
    ),
    setting=(a >= 0, a < 1),
)

LEMMAS = (exponent,)
