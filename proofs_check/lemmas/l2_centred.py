"""L2': drift around a centre, with a smaller constant than B.

    (Q_{t+1} - k0)^2/2 - (Q_t - k0)^2/2 <= B0 + Q_t (alpha - s_t)

and the same for the distance Q - level from any level >= 0, and for what is above it. For alpha >= 1/2, k0 = alpha -
1/2 and B0 = alpha (1 - alpha)/2; for alpha <= 1/2, with r = sqrt(2 alpha), k0 = r - 1 and B0 = (r - alpha)^2/2. Squares
are doubled below, so that every coefficient is a whole number.
"""

# ruff: noqa: SIM300 (inequalities stand as they do in the text)

from __future__ import annotations

import z3
from z3 import Reals

from proofs_check.lemmas.expressions import larger, zero
from proofs_check.lemmas.prover import Lemma, Wrong, without

Q, Q_next, alpha, s, r, level, above, above_next, k0, B0 = Reals("Q Q_next alpha s r level above above_next k0 B0")

move = [Q >= 0, s >= 0, s <= 1, Q_next == larger(zero(), Q + alpha - s)]
HALVES = {
    "alpha >= 1/2": [2 * alpha >= 1, alpha <= 1, 2 * k0 == 2 * alpha - 1, 2 * B0 == alpha * (1 - alpha)],
    "alpha <= 1/2": [alpha >= 0, 2 * alpha <= 1, r >= 0, r * r == 2 * alpha, k0 == r - 1, 2 * B0 == (r - alpha) ** 2],
}
beyond = [level >= 0, above == larger(zero(), Q - level), above_next == larger(zero(), Q_next - level)]


def queue(constant: z3.ArithRef) -> z3.BoolRef:
    """The claim for the queue itself."""
    return (Q_next - k0) ** 2 - (Q - k0) ** 2 <= 2 * constant + 2 * Q * (alpha - s)


def around(constant: z3.ArithRef) -> z3.BoolRef:
    """The claim for the distance from a level."""
    return (Q_next - level - k0) ** 2 - (Q - level - k0) ** 2 <= 2 * constant + 2 * (Q - level) * (alpha - s)


def over(constant: z3.ArithRef) -> z3.BoolRef:
    """The claim for what is above a level."""
    return (above_next**2 - 2 * k0 * above_next) - (above**2 - 2 * k0 * above) <= 2 * constant + 2 * above * (alpha - s)


def lemmas(half: str) -> tuple[Lemma, ...]:
    """The three claims for one half of [0, 1]."""
    result = []
    for name, claim, more in (
        ("the queue", queue, []),
        ("distance from a level", around, [level >= 0]),
        ("above a level", over, beyond),
    ):
        wrong = [Wrong("9/10 of B0", claim=claim(9 * B0 / 10))]
        if not more:
            wrong += [without(s >= 0), without(s <= 1)]
        result.append(
            Lemma(
                name=f"L2' {name}, {half}",
                source="L2' in docs/theory.md",
                hypotheses=[*move, *HALVES[half], *more],
                claim=claim(B0),
                wrong=tuple(wrong),
                setting=(alpha > 0, alpha < 1),
            )
        )
    return tuple(result)


smaller = Lemma(
    name="L2' B0 is at most B",
    source="L2' in docs/theory.md, 'at most B'",
    hypotheses=[*HALVES["alpha <= 1/2"]],
    claim=2 * B0 <= (1 - alpha) ** 2,
    wrong=(Wrong("half of B", claim=4 * B0 <= (1 - alpha) ** 2), without(2 * alpha <= 1)),
    setting=(alpha <= 1,),
)

LEMMAS = (*lemmas("alpha >= 1/2"), *lemmas("alpha <= 1/2"), smaller)
