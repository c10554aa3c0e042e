"""T4: the exponential tail of the queue, as far as it is algebra.

eta = (beta - 2 ebar)/2, theta = max(1 - alpha, 2 V dE/(beta - 2 ebar)), r = eta/(delta^2 + delta eta/3),
rho = 1 - r eta/2, D = (e^{r delta} - rho) e^{r theta}/(1 - rho):   E e^{r Q_t} <= rho^{t-1} e^{r Q_1} + D.

The exponentials enter as numbers: growth = e^{r delta} >= 1, at_theta = e^{r theta} >= 1, u = e^{r Q_t}. Bernstein's
e^y <= 1 + y + (y^2/2)/(1 - |y|/3) is the limit of a sum; its terms and its geometric series are shown by induction.
The limit itself, Markov's and Jensen's inequality are left to the page.
"""

# ruff: noqa: SIM300 (inequalities stand as they do in the text)

from __future__ import annotations

from z3 import And, Implies, Reals

from proofs_check.lemmas.expressions import larger, zero
from proofs_check.lemmas.prover import Lemma, Wrong, without

SOURCE = "T4 in docs/theory.md"
Q, Q_next, s, alpha, V, dE, beta, beta_M = Reals("Q Q_next s alpha V dE beta beta_M")
e, ebar, eta, theta, p, x, mean_step = Reals("e ebar eta theta p x mean_step")
r, delta, rho, D, growth, at_theta = Reals("r delta rho D growth at_theta")

no_reflection = Lemma(
    name="T4 no reflection above theta",
    source=f"{SOURCE}, 'Above theta there is no reflection'",
    hypotheses=[theta >= 1 - alpha, Q >= theta, s <= 1, Q_next == larger(zero(), Q + alpha - s)],
    claim=Q_next == Q + alpha - s,
    wrong=(without(Q >= theta), without(theta >= 1 - alpha), without(s <= 1)),
    setting=(Q >= 0, theta > 0, alpha >= 0, alpha <= 1, s >= 0),
)

drift_down = Lemma(
    name="T4 drift above theta",
    source=f"{SOURCE}, 'an expected step of at most -eta'",
    hypotheses=[
        *(p >= 0, p <= 1),
        eta == (beta - 2 * ebar) / 2,
        eta > 0,
        theta > 0,
        theta >= 2 * V * dE / (beta - 2 * ebar),
        Q >= theta,
        Implies(p < 1, e <= ebar),
        Q * x <= V * dE - beta * Q + 2 * Q * e,  # (3)
        beta_M >= eta,
        mean_step == (1 - p) * x - p * beta_M,
    ],
    claim=mean_step <= -eta,
    wrong=(
        without(beta_M >= eta),
        without(Q >= theta),
        without(Implies(p < 1, e <= ebar)),
        Wrong("twice as fast", claim=mean_step <= -2 * eta),
    ),
    setting=(V > 0, dE >= 0, ebar >= 0, e >= 0, beta <= 1, beta_M >= -1, beta_M <= 1, x >= -1, x <= 1, Q > 0),
)

size = r == eta / (delta**2 + delta * eta / 3)
exponent = Lemma(
    name="T4 Bernstein at this r",
    source=f"{SOURCE}, 'equals 1 - r eta/2 = rho for this r'",
    hypotheses=[delta > 0, eta > 0, size],
    claim=And(r * delta < 3, 1 - r * eta + r**2 * delta**2 / 2 / (1 - r * delta / 3) == 1 - r * eta / 2),
    wrong=(
        Wrong(
            "r = eta / delta^2",
            drop=(size,),
            instead=(r == eta / delta**2,),
        ),
        Wrong("rho = 1 - r eta", claim=1 - r * eta + r**2 * delta**2 / 2 / (1 - r * delta / 3) <= 1 - r * eta),
    ),
    setting=(2 * delta >= 1, delta <= 1, 2 * eta <= delta),
)

contraction = Lemma(
    name="T4 0 < rho < 1",
    source=f"{SOURCE}, division by 1 - rho",
    hypotheses=[
        *(delta > 0, eta > 0, size, rho == 1 - r * eta / 2),
        *(eta == (beta - 2 * ebar) / 2, ebar >= 0, beta <= 1 - alpha, 1 - alpha <= delta),  # satisfaction is at most 1
    ],
    claim=And(rho > 0, rho < 1),
    wrong=(
        Wrong("with eta = 0", drop=(eta > 0,), instead=(eta == 0,)),
        Wrong("rho = 1 - 5 r eta", drop=(rho == 1 - r * eta / 2,), instead=(rho == 1 - 5 * r * eta,)),
    ),
    setting=(alpha >= 0, alpha < 1, delta <= 1),
)

mean, second = Reals("mean second")
moments = Lemma(
    name="T4 Bernstein with a mean of at most -eta",
    source=f"{SOURCE}, 'For a step X with |X| <= delta and mean at most -eta'",
    hypotheses=[
        *(r >= 0, delta >= 0, r * delta < 3),
        mean <= -eta,
        second <= delta**2,
    ],
    claim=1 + r * mean + r**2 * second / 2 / (1 - r * delta / 3)
    <= 1 - r * eta + r**2 * delta**2 / 2 / (1 - r * delta / 3),
    wrong=(without(second <= delta**2), without(mean <= -eta)),
    setting=(eta > 0, second >= 0, r > 0, delta <= 1, 2 * delta >= 1),
)

factorial, power_of_3, k = Reals("factorial power_of_3 k")
terms = Lemma(
    name="T4 Bernstein's terms, k! >= 2 * 3^(k-2), one more",
    source=f"{SOURCE}, 'Bernstein's'",
    hypotheses=[k >= 2, factorial >= 2 * power_of_3, power_of_3 > 0],
    claim=(k + 1) * factorial >= 2 * (3 * power_of_3),
    wrong=(without(k >= 2), without(factorial >= 2 * power_of_3)),
    setting=(factorial >= 1, k >= 1),
)

partial, ratio = Reals("partial ratio")
series = Lemma(
    name="T4 Bernstein's geometric series, one term more",
    source=f"{SOURCE}, 'Bernstein's'; ratio = |y|/3",
    hypotheses=[ratio >= 0, ratio < 1, partial <= 1 / (1 - ratio)],
    claim=1 + ratio * partial <= 1 / (1 - ratio),
    wrong=(without(ratio >= 0), Wrong("2 + ratio * partial", claim=2 + ratio * partial <= 1 / (1 - ratio))),
    setting=(partial >= 0, ratio > -1),
)

u, u_next, v, v_next, u_1 = Reals("u u_next v v_next u_1")
one_request = Lemma(
    name="T4 one request, above and below theta",
    source=f"{SOURCE}, 'Below theta ... Hence'",
    hypotheses=[
        *(rho > 0, rho < 1, growth >= 1, u > 0, at_theta > 0),
        Implies(u >= at_theta, u_next <= rho * u),
        Implies(u < at_theta, u_next <= growth * u),
    ],
    claim=u_next <= rho * u + (growth - rho) * at_theta,
    wrong=(
        Wrong("contraction everywhere", claim=u_next <= rho * u),
        Wrong("growth - 1 in place of growth - rho", claim=u_next <= rho * u + (growth - 1) * at_theta),
        without(growth >= 1),
    ),
    setting=(at_theta >= 1, growth > 0),
)

constant = (1 - rho) * D == (growth - rho) * at_theta
iterated = Lemma(
    name="T4 iterated, one request more",
    source=f"{SOURCE}, 'iterate'; v = rho^(t-1)",
    hypotheses=[
        *(rho > 0, rho < 1),
        constant,
        u <= v * u_1 + D,
        u_next <= rho * u + (growth - rho) * at_theta,
        v_next == rho * v,
    ],
    claim=u_next <= v_next * u_1 + D,
    wrong=(without(constant), Wrong("without D", claim=u_next <= v_next * u_1)),
    setting=(u > 0, u_next > 0, u_1 >= 1, v > 0, v <= 1, growth >= 1, at_theta >= 1, D > 0),
)

from_empty = Lemma(
    name="T4 from Q_1 = 0",
    source=f"{SOURCE}, 'the iteration stays below D itself since D >= 1'",
    hypotheses=[
        *(rho > 0, rho < 1, growth >= 1, at_theta >= 1),
        constant,
        u_next <= rho * u + (growth - rho) * at_theta,
    ],
    claim=And(D >= 1, Implies(u == 1, u <= D), Implies(u <= D, u_next <= D)),
    wrong=(without(at_theta >= 1), without(growth >= 1), Wrong("below 1", claim=Implies(u <= 1, u_next <= 1))),
    setting=(u > 0, u_next > 0, at_theta > 0, growth > 0),
)

LEMMAS = (
    no_reflection,
    drift_down,
    exponent,
    contraction,
    moments,
    terms,
    series,
    one_request,
    iterated,
    from_empty,
)
