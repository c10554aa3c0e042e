"""L5: what a wrong prediction can cost.

If Q >= 0, |s_hat_m - mu_m| <= e for all m, and model i minimises V E_m + Q (alpha - s_hat_m) (L4), then for every m

    V E_i + Q (alpha - mu_i) <= V E_m + Q (alpha - mu_m) + 2 Q e,

and the same against every mixture of models. With estimated costs E_hat in the score, eps >= |E_hat_m - E_m| and
V >= 0, the right side gains 2 V eps. Models can be renumbered: the served one is number 1 here.
"""

from __future__ import annotations

from z3 import And, ArithRef, BoolRef, Reals, Sum

from proofs_check.lemmas.expressions import per_model
from proofs_check.lemmas.prover import Lemma, Wrong, without

V, Q, alpha, e, eps = Reals("V Q alpha e eps")
SOURCE = "L5 in docs/theory.md"


def setting(costs: list[ArithRef], scores: list[ArithRef]) -> tuple[BoolRef, ...]:
    """V > 0, costs not negative, alpha, mu and s_hat in [0, 1]."""
    return (
        *(V > 0, alpha >= 0, alpha <= 1),
        *(cost >= 0 for cost in costs),
        *(And(score >= 0, score <= 1) for score in scores),
    )


def every_model(M: int) -> Lemma:
    """Against each of M models."""
    E, mu, s_hat = per_model("E", M), per_model("mu", M), per_model("s_hat", M)

    def against_all(slack: ArithRef) -> BoolRef:
        return And([V * E[0] + Q * (alpha - mu[0]) <= V * E[m] + Q * (alpha - mu[m]) + slack for m in range(M)])

    return Lemma(
        name=f"L5 every model, M = {M}",
        source=SOURCE,
        M=M,
        hypotheses=[
            Q >= 0,
            *(And(s_hat[m] - mu[m] <= e, mu[m] - s_hat[m] <= e) for m in range(M)),
            *(V * E[0] + Q * (alpha - s_hat[0]) <= V * E[m] + Q * (alpha - s_hat[m]) for m in range(M)),
        ],
        claim=against_all(2 * Q * e),
        wrong=(
            without(Q >= 0),
            without(And(s_hat[M - 1] - mu[M - 1] <= e, mu[M - 1] - s_hat[M - 1] <= e)),
            without(V * E[0] + Q * (alpha - s_hat[0]) <= V * E[M - 1] + Q * (alpha - s_hat[M - 1])),
            Wrong("Q e in place of 2 Q e", claim=against_all(Q * e)),
        ),
        setting=setting(E, mu + s_hat),
    )


def every_mixture(M: int) -> Lemma:
    """Against a mixture: `served` and `score_m` are any numbers, here V E_m + Q (alpha - mu_m); `slack` is 2 Q e."""
    served, slack = Reals("served slack")
    score, w = per_model("score", M), per_model("w", M)
    mixture = Sum([w[m] * score[m] for m in range(M)])
    return Lemma(
        name=f"L5 every mixture, M = {M}",
        source=SOURCE,
        M=M,
        hypotheses=[
            *(served <= score[m] + slack for m in range(M)),
            *(w[m] >= 0 for m in range(M)),
            Sum(w) == 1,
        ],
        claim=served <= mixture + slack,
        wrong=(
            without(w[M - 1] >= 0),
            without(Sum(w) == 1),
            without(served <= score[M - 1] + slack),
            Wrong("without the slack", claim=served <= mixture),
        ),
        setting=(slack >= 0,),
    )


def mixture_score(M: int) -> Lemma:
    """The average score of a mixture is the score of its average cost and satisfaction."""
    E, mu, w = per_model("E", M), per_model("mu", M), per_model("w", M)
    cost, satisfaction = (Sum([w[m] * x[m] for m in range(M)]) for x in (E, mu))
    return Lemma(
        name=f"L5 score of a mixture, M = {M}",
        source=SOURCE,
        M=M,
        hypotheses=[Sum(w) == 1],
        claim=Sum([w[m] * (V * E[m] + Q * (alpha - mu[m])) for m in range(M)]) == V * cost + Q * (alpha - satisfaction),
        wrong=(without(Sum(w) == 1),),
        setting=(Q >= 0, *setting(E, mu + w)),
    )


def estimated_costs(M: int) -> Lemma:
    """Against each of M models when the score holds estimates of the costs."""
    E, mu = per_model("E", M), per_model("mu", M)
    E_hat, s_hat = per_model("E_hat", M), per_model("s_hat", M)

    def against_all(slack: ArithRef) -> BoolRef:
        return And([V * E[0] + Q * (alpha - mu[0]) <= V * E[m] + Q * (alpha - mu[m]) + slack for m in range(M)])

    return Lemma(
        name=f"L5 estimated costs, M = {M}",
        source="L5 and 'Constants' in docs/theory.md",
        M=M,
        hypotheses=[
            V >= 0,
            Q >= 0,
            *(And(s_hat[m] - mu[m] <= e, mu[m] - s_hat[m] <= e) for m in range(M)),
            *(And(E_hat[m] - E[m] <= eps, E[m] - E_hat[m] <= eps) for m in range(M)),
            *(V * E_hat[0] + Q * (alpha - s_hat[0]) <= V * E_hat[m] + Q * (alpha - s_hat[m]) for m in range(M)),
        ],
        claim=against_all(2 * Q * e + 2 * V * eps),
        wrong=(
            without(Q >= 0),
            Wrong("without 2 V eps", claim=against_all(2 * Q * e)),
            Wrong("V eps in place of 2 V eps", claim=against_all(2 * Q * e + V * eps)),
        ),
        setting=setting(E + E_hat, mu + s_hat),
    )


FORMS = (every_model, every_mixture, mixture_score, estimated_costs)
LEMMAS = tuple(form(M) for form in FORMS for M in range(2, 6))
