"""T11: an index above mu makes only the width of the served model count, once (N5); and the root that bounds the queue.

Of one request: i is served, m any other model; index and width as in T11. Of the run: y bounds what lies above V g.
"""

from __future__ import annotations

from z3 import Reals

from proofs_check.lemmas.prover import Lemma, Wrong, without

SOURCE = "T11 in docs/theory.md"
Q, alpha, V, E_i, E_m, mu_i, mu_m, u_i, u_m, width = Reals("Q alpha V E_i E_m mu_i mu_m u_i u_m width")
served = V * E_i + Q * (alpha - u_i) <= V * E_m + Q * (alpha - u_m)
true_i, true_m = V * E_i + Q * (alpha - mu_i), V * E_m + Q * (alpha - mu_m)
optimism = Lemma(
    name="T11 optimism: the width of the served model, once",
    source=f"{SOURCE}, 'an index above'",
    hypotheses=[Q >= 0, served, u_m >= mu_m, u_i - mu_i <= width],
    claim=true_i <= true_m + Q * width,
    wrong=(
        without(u_m >= mu_m),
        without(Q >= 0),
        without(served),
        Wrong("half the width", claim=2 * true_i <= 2 * true_m + Q * width),
    ),
    setting=(
        *(V > 0, E_i >= 0, E_m >= 0, width >= 0, alpha >= 0, alpha <= 1),
        *(value >= 0 for value in (mu_i, mu_m)),
        *(value <= 1 for value in (mu_i, mu_m)),
    ),
)

low, high = Reals("E_low E_high")
failed = Lemma(
    name="T11 where an index fails",
    source=f"{SOURCE}, 'otherwise'",
    hypotheses=[Q >= 0, V >= 0, E_i <= high, E_m >= low, mu_i >= 0, mu_m <= 1],
    claim=true_i - true_m <= V * (high - low) + Q,
    wrong=(
        without(mu_m <= 1),
        without(E_i <= high),
        Wrong("the costs alone", claim=true_i - true_m <= V * (high - low)),
    ),
    setting=(low >= 0, E_i >= low, E_m <= high, mu_i <= 1, mu_m >= 0, alpha >= 0, alpha <= 1),
)

y, root, rest = Reals("y root rest")
bounded = Lemma(
    name="T11 root with a linear term",
    source=f"{SOURCE}, 'hence y'",
    hypotheses=[root >= 0, y**2 <= rest + 2 * root * y],
    claim=(y - root) ** 2 <= root**2 + rest,
    wrong=(
        Wrong("without root^2", claim=(y - root) ** 2 <= rest),
        without(y**2 <= rest + 2 * root * y),
    ),
    setting=(y >= 0, rest >= 0),
)

LEMMAS = (optimism, failed, bounded)
