"""What an exploited request loses against the cell's averages: two requests, equally likely, in one cell.

Request 1 is served by a model a, request 2 by b, both of least score; m is any model, the same for both.
"""

from __future__ import annotations

from z3 import Reals

from proofs_check.lemmas.prover import Lemma, Wrong, without

V, Q, alpha, E_a, E_b, E_m1, E_m2 = Reals("V Q alpha E_a E_b E_m1 E_m2")
mu_a2, mu_b1 = Reals("mu_a2 mu_b1")  # of the served models on the other request
mu_a, mu_b, mu_m1, mu_m2, s_a, s_b, s_m1, s_m2 = Reals("mu_a mu_b mu_m1 mu_m2 s_a s_b s_m1 s_m2")

first = V * E_a + Q * (alpha - s_a) <= V * E_m1 + Q * (alpha - s_m1)
second = V * E_b + Q * (alpha - s_b) <= V * E_m2 + Q * (alpha - s_m2)
lost = (V * (E_a + E_b - E_m1 - E_m2) + Q * (mu_m1 + mu_m2 - mu_a - mu_b)) / 2
over, under = (s_a - mu_a + s_b - mu_b) / 2, (mu_m1 - s_m1 + mu_m2 - s_m2) / 2
cell = Lemma(
    name="Partition, loss within a cell",
    source="Partition in docs/theory.md",
    hypotheses=[first, second],
    claim=lost <= Q * (over + under),
    wrong=(
        without(second),
        Wrong("without the overestimate of what is served", claim=lost <= Q * under),
        Wrong("without the underestimate of the other", claim=lost <= Q * over),
        Wrong(
            "predictions equal to the cell's means",
            instead=(
                *(s_m1 == s_m2, s_m1 == (mu_m1 + mu_m2) / 2),
                *(s_a == (mu_a + mu_a2) / 2, mu_a2 >= 0, mu_a2 <= 1, s_b == (mu_b + mu_b1) / 2, mu_b1 >= 0, mu_b1 <= 1),
            ),
            claim=lost <= 0,
        ),
    ),
    setting=(
        *(V > 0, Q >= 0, alpha >= 0, alpha <= 1, E_a >= 0, E_b >= 0, E_m1 >= 0, E_m2 >= 0),
        *(mu_a >= 0, mu_a <= 1, mu_b >= 0, mu_b <= 1, mu_m1 >= 0, mu_m1 <= 1, mu_m2 >= 0, mu_m2 <= 1),
    ),
)

LEMMAS = (cell,)
