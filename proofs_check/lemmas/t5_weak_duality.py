"""T5: weak duality for every policy, and Dual(g) <= C*, which (2) uses.

For one x a policy serves model m with probability w_m, whatever it remembers. It pays at least for what it serves, and
as it has seen no label its mean satisfaction is sum w_m mu_m. Hence for any price g

    cost + g (alpha - satisfaction) >= min_m {E_m + g (alpha - mu_m)}.

The mean of the right side over x is Dual(g), which is C* at g = gamma*. For g >= 0 and a policy that meets alpha the
left side is at most its cost: Dual(g) <= C*.
"""

from __future__ import annotations

from z3 import And, Or, Reals, Sum

from proofs_check.lemmas.expressions import per_model
from proofs_check.lemmas.prover import Lemma, Wrong, without

SOURCE = "T5 in docs/theory.md"
g, alpha, cost, satisfaction, dual, C_star, s, regret, lowest = Reals(
    "g alpha cost satisfaction dual C_star s regret lowest"
)


def one_x(M: int) -> Lemma:
    """The inequality for one x and M models."""
    E, mu, w = per_model("E", M), per_model("mu", M), per_model("w", M)
    pays = cost >= Sum([w[m] * E[m] for m in range(M)])
    unseen = satisfaction == Sum([w[m] * mu[m] for m in range(M)])
    score = per_model("score", M)
    return Lemma(
        name=f"T5 one x, M = {M}",
        source=SOURCE,
        M=M,
        hypotheses=[
            *(w[m] >= 0 for m in range(M)),
            Sum(w) == 1,
            pays,
            unseen,
            *(score[m] == E[m] + g * (alpha - mu[m]) for m in range(M)),
            *(score[m] >= lowest for m in range(M)),
        ],
        claim=cost + g * (alpha - satisfaction) >= lowest,
        wrong=(
            without(unseen),  # a cascade, or a peek at the labels
            without(pays),
            without(Sum(w) == 1),
        ),
        setting=(
            Or([lowest == score[m] for m in range(M)]),
            *(g > 0, alpha >= 0, alpha <= 1, cost >= 0, satisfaction >= 0, satisfaction <= 1),
            *(And(E[m] >= 0, mu[m] >= 0, mu[m] <= 1) for m in range(M)),
        ),
    )


# Two types of request with weights nu and 1 - nu; their dual values, costs and satisfactions.
nu, D_1, D_2, c_1, c_2, s_1, s_2 = Reals("nu D_1 D_2 c_1 c_2 s_1 s_2")
types = Lemma(
    name="T5 mean over two types",
    source=f"{SOURCE}, 'whose mean is Dual(gamma*)'",
    hypotheses=[
        *(nu >= 0, nu <= 1),
        c_1 + g * (alpha - s_1) >= D_1,
        c_2 + g * (alpha - s_2) >= D_2,
        dual == nu * D_1 + (1 - nu) * D_2,
        cost == nu * c_1 + (1 - nu) * c_2,
        satisfaction == nu * s_1 + (1 - nu) * s_2,
    ],
    claim=cost + g * (alpha - satisfaction) >= dual,
    wrong=(without(c_2 + g * (alpha - s_2) >= D_2), without(nu <= 1)),
    setting=(g >= 0, c_1 >= 0, c_2 >= 0, *(And(z >= 0, z <= 1) for z in (alpha, s_1, s_2))),
)

duality = Lemma(
    name="T5 Dual(g) <= C*",
    source="'The offline optimum' in docs/theory.md, used in (2)",
    hypotheses=[g >= 0, satisfaction >= alpha, cost + g * (alpha - satisfaction) >= dual],
    claim=dual <= cost,
    wrong=(without(satisfaction >= alpha), without(g >= 0)),
    setting=(alpha >= 0, alpha <= 1, satisfaction >= 0, satisfaction <= 1, cost >= 0),
)

summed = Lemma(
    name="T5 adjusted regret, one request more",
    source=f"{SOURCE}, 'so that E[adjusted regret] >= 0'",
    hypotheses=[regret >= 0, cost + g * (alpha - s) >= C_star],
    claim=regret + cost - C_star + g * (alpha - s) >= 0,
    wrong=(
        without(cost + g * (alpha - s) >= C_star),
        Wrong("cost alone", claim=regret + cost - C_star >= 0),
    ),
    setting=(g >= 0, cost >= 0, C_star >= 0, alpha >= 0, alpha <= 1, s >= 0, s <= 1),
)

LEMMAS = (*(one_x(M) for M in range(2, 6)), types, duality, summed)
