"""T6: the queue is drawn to V gamma*, as far as it is algebra.

The price at hand is G = Q/V, g = gamma*; E = E[E_i] and x = E[alpha - mu_i] on an exploit step, e its error. D_G and
D_h are the dual at G and at the end of a chord, g + h or g - h, of slope eta = (C* - D_h)/h. What follows from it, the
exponential recursion of either side, is that of T4 with K = (growth - rho)/(1 - rho) and distances from theta in
place of Q. That a convex function lies below its chord (e^{-r s} on [0, 1]), Markov and Jensen are left to the page.
"""

# ruff: noqa: SIM300 (inequalities stand as they do in the text)

from __future__ import annotations

from z3 import And, Implies, Reals

from proofs_check.lemmas.expressions import larger, zero
from proofs_check.lemmas.prover import Lemma, Wrong, without

SOURCE = "T6 in docs/theory.md"
V, Q, Q_next, level, step = Reals("V Q Q_next level step")
G, g, h, share, eta, C_star, D_G, D_h = Reals("G g h share eta C_star D_G D_h")
E, x, e, p, beta_M, drift, slope = Reals("E x e p beta_M drift slope")

# --- the mean ---------------------------------------------------------------------------------------------------------

square = Lemma(
    name="T6 square of the distance",
    source=f"{SOURCE}, 'no reflection leads away from V g'; level = V g, step = alpha - s",
    hypotheses=[level >= 0, Q_next == larger(zero(), Q + step)],
    claim=(Q_next - level) ** 2 <= (Q - level) ** 2 + 2 * (Q - level) * step + step**2,
    wrong=(
        without(level >= 0),
        Wrong(
            "without the square of the step", claim=(Q_next - level) ** 2 <= (Q - level) ** 2 + 2 * (Q - level) * step
        ),
    ),
    setting=(Q >= 0, step >= -1, step <= 1),
)

served = G * x + E <= D_G + 2 * G * e  # (2), divided by V, before Dual <= C*
at_g = E + g * x >= C_star
supergradient = Lemma(
    name="T6 exploit step towards V g",
    source=f"{SOURCE}, 'an exploit step has'",
    hypotheses=[served, at_g],
    claim=(G - g) * x <= D_G - C_star + 2 * G * e,
    wrong=(
        without(at_g),
        without(served),
        Wrong("G e in place of 2 G e", claim=(G - g) * x <= D_G - C_star + G * e),
    ),
    setting=(G >= 0, g >= 0, e >= 0, E >= 0, C_star >= 0, D_G <= C_star, x >= -1, x <= 1),
)

B, T, Y, start, S_T, gaps, Qe, gap, weighed, q, P_T, X = Reals("B T Y start S_T gaps Qe gap weighed q P_T X")
bounded = Y + 2 * V * gaps <= start + 2 * B * T + 4 * S_T + 2 * beta_M * (level * P_T - X)
summed = Lemma(
    name="T6 sum, one request more",
    source=f"{SOURCE}, 'Summed'; Y = E[(Q - V g)^2], gaps = sum (1 - p_t) E[gap], gap = C* - Dual(Q/V), "
    "weighed = E[(Q - V g)(alpha - mu_i)]",
    hypotheses=[
        p <= 1,
        drift <= 2 * B + 2 * (1 - p) * weighed - 2 * p * beta_M * (q - level),
        weighed <= -V * gap + 2 * Qe,
        bounded,
    ],
    claim=(Y + drift) + 2 * V * (gaps + (1 - p) * gap)
    <= start + 2 * B * (T + 1) + 4 * (S_T + (1 - p) * Qe) + 2 * beta_M * (level * (P_T + p) - (X + p * q)),
    wrong=(
        without(p <= 1),
        without(bounded),
        Wrong(
            "exploration forgotten",
            claim=(Y + drift) + 2 * V * (gaps + (1 - p) * gap)
            <= start + 2 * B * (T + 1) + 4 * (S_T + (1 - p) * Qe) + 2 * beta_M * (level * P_T - X),
        ),
        Wrong(
            "S_T forgotten",
            claim=(Y + drift) + 2 * V * (gaps + (1 - p) * gap)
            <= start + 2 * B * (T + 1) + 4 * S_T + 2 * beta_M * (level * (P_T + p) - (X + p * q)),
        ),
    ),
    setting=(p >= 0, V > 0, Y >= 0, start >= 0, B > 0, T >= 0, S_T >= 0, Qe >= 0, gap >= 0, gaps >= 0, level >= 0),
)

left, mean_gap = Reals("left mean_gap")
divided = Lemma(
    name="T6 divided",
    source=f"{SOURCE}, first display; left = T - P_T, mean_gap = C* - Dual(q/V) by Jensen",
    hypotheses=[V > 0, left > 0, Y >= 0, bounded, mean_gap <= gaps / left],
    claim=mean_gap <= (start / 2 + B * T + 2 * S_T + beta_M * (level * P_T - X)) / (V * left),
    wrong=(
        without(Y >= 0),
        without(mean_gap <= gaps / left),
        Wrong(
            "half of B", claim=mean_gap <= (start / 2 + B * T / 2 + 2 * S_T + beta_M * (level * P_T - X)) / (V * left)
        ),
    ),
    setting=(start >= 0, B > 0, T >= 1, S_T >= 0, gaps >= 0, mean_gap >= 0, P_T >= 0, X >= 0),
)

# --- the slopes -------------------------------------------------------------------------------------------------------

chord = eta * h == C_star - D_h


def beyond_chord(side: int) -> Lemma:
    """Beyond the end of a chord the dual is below the chord's line: side = 1 above g, -1 below it."""
    away = side * (G - g)
    between = h == share * away  # the end of the chord lies between g and G
    concave = D_h >= (1 - share) * C_star + share * D_G
    return Lemma(
        name=f"T6 dual beyond a chord {'above' if side > 0 else 'below'}",
        source=f"{SOURCE}, 'by concavity'",
        hypotheses=[h > 0, share > 0, share <= 1, between, concave, chord],
        claim=D_G <= C_star - eta * away,
        wrong=(
            without(concave),
            without(between),
            Wrong("twice the slope", claim=D_G <= C_star - 2 * eta * away),
        ),
        setting=(g >= 0, G >= 0, D_h <= C_star, D_G <= C_star, C_star >= 0),
    )


pull_above = Lemma(
    name="T6 drift above",
    source=f"{SOURCE}, 'Above V (g + h)'",
    hypotheses=[
        *(h > 0, g >= 0, e >= 0, G >= g + h),
        (G - g) * x <= D_G - C_star + 2 * G * e,
        D_G <= C_star - eta * (G - g),
    ],
    claim=x <= -eta + 2 * e * (1 + g / h),
    wrong=(
        without(G >= g + h),
        without(D_G <= C_star - eta * (G - g)),
        Wrong("with 2 e alone", claim=x <= -eta + 2 * e),
    ),
    setting=(x >= -1, x <= 1, eta >= 0, eta <= 1, C_star >= 0, D_G <= C_star, e <= 1, G > g),
)

pull_below = Lemma(
    name="T6 drift below",
    source=f"{SOURCE}, 'Below V (g - h)'",
    hypotheses=[
        *(h > 0, e >= 0, G >= 0, G <= g - h),
        (G - g) * x <= D_G - C_star + 2 * G * e,
        D_G <= C_star - eta * (g - G),
    ],
    claim=x >= eta - 2 * e * (g / h - 1),
    wrong=(
        without(G <= g - h),
        without(D_G <= C_star - eta * (g - G)),
        Wrong("without the error", claim=x >= eta),
    ),
    setting=(x >= -1, x <= 1, eta >= 0, eta <= 1, C_star >= 0, D_G <= C_star, e <= 1, G < g),
)

limit = Reals("limit")[0]
with_exploration_above = Lemma(
    name="T6 explored above",
    source=f"{SOURCE}, 'explored requests' above",
    hypotheses=[p >= 0, p <= 1, x <= -slope, beta_M >= slope, drift == (1 - p) * x - p * beta_M],
    claim=drift <= -slope,
    wrong=(without(beta_M >= slope), without(p <= 1)),
    setting=(x >= -1, x <= 1, slope > 0, beta_M >= -1, beta_M <= 1),
)
with_exploration_below = Lemma(
    name="T6 explored below",
    source=f"{SOURCE}, 'explored requests' below; limit = the largest p_t",
    hypotheses=[p >= 0, p <= limit, limit <= 1, slope >= 0, x >= slope, drift == (1 - p) * x - p * beta_M],
    claim=drift >= (1 - limit) * slope - limit * larger(zero(), beta_M),
    wrong=(
        without(p <= limit),
        Wrong("with the whole slope", claim=drift >= slope - limit * larger(zero(), beta_M)),
        Wrong("with beta_M itself", claim=drift >= (1 - limit) * slope - limit * beta_M),
    ),
    setting=(x <= 1, x >= -1, beta_M >= -1, beta_M <= 1, limit >= 0, p <= 1),
)

# --- distances and what is made of them -------------------------------------------------------------------------------

theta, s, alpha, d, d_next = Reals("theta s alpha d d_next")
moved = Q_next == larger(zero(), Q + alpha - s)
away_below = Lemma(
    name="T6 reflection only helps below",
    source=f"{SOURCE}, 'd = theta - Q'",
    hypotheses=[moved, d == theta - Q, d_next == theta - Q_next, s <= 1],
    claim=And(d_next <= d + s - alpha, d_next <= d + 1 - alpha),
    wrong=(without(s <= 1), Wrong("by less", claim=d_next <= d + s - 2 * alpha)),
    setting=(Q >= 0, theta >= 0, alpha > 0, alpha <= 1, s >= 0),
)

u, u_next, rho, growth = Reals("u u_next rho growth")
recursion = Lemma(
    name="T6 one request, on either side of theta",
    source=f"{SOURCE}, 'as in T4'; u = e^(r d)",
    hypotheses=[
        *(rho > 0, rho < 1, growth >= 1, u > 0),
        Implies(u >= 1, u_next <= rho * u),  # d >= 0
        Implies(u < 1, u_next <= growth * u),
    ],
    claim=u_next <= rho * u + (growth - rho),
    wrong=(
        Wrong("contraction everywhere", claim=u_next <= rho * u),
        without(growth >= 1),
    ),
    setting=(growth > 0, u_next >= 0),
)

a, root, moment = Reals("a root moment")
spread = Lemma(
    name="T6 spread from the moment",
    source=f"{SOURCE}, '(1 + r U)^2'; a = r E[U], moment = E[(1 + r U)^2], root^2 = E[(r U)^2]",
    hypotheses=[a >= 0, moment == 1 + 2 * a + root**2, moment <= limit],
    claim=root**2 <= limit - 1,
    wrong=(without(a >= 0), Wrong("less 2", claim=root**2 <= limit - 2)),
    setting=(moment >= 1,),
)

LEMMAS = (
    square,
    supergradient,
    summed,
    divided,
    beyond_chord(1),
    beyond_chord(-1),
    pull_above,
    pull_below,
    with_exploration_above,
    with_exploration_below,
    away_below,
    recursion,
    spread,
)
