"""T8: the exponent of exploration is swept, and the exponent at which least is lost is set beside a* = q/(1 + q)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from numpy.polynomial import Polynomial

from messjax import predictors, theory
from messjax.meters import folds, standard_meters
from messjax.statistics import intervals
from messjax.types import Predictor
from proofs_check.rates import measure, worlds
from proofs_check.rates.slope import ASYMPTOTIC, GATE, LEVEL, Rate, normal_p_value
from proofs_check.rates.worlds import World
from proofs_check.trials.trial import EMPTY_ROW, Row

V = 300.0
START = 0.3  # the error of the noisy predictors before they learn
RESAMPLES = 400


class Sweep(NamedTuple):
    """What is lost against a, in two parts, and where it is least."""

    predictor: str
    world: str
    what: str  # "T2": the two terms of the bound with S_T as measured; "loss": average cost - C* + gamma* violation
    q: float  # how the error falls with the number of explored requests: known, or measured
    q_lower: float
    q_upper: float
    power: float  # the error costs e^power: 1 in T2
    c: float  # exploration's scale, chosen so that both parts are of comparable size
    T: int
    streams: int
    gate: float  # T / (V gamma*)
    a: np.ndarray  # [n] exponents
    y: np.ndarray  # [n] both parts
    lower: np.ndarray  # [n]
    upper: np.ndarray
    exploration: np.ndarray  # [n]
    prediction: np.ndarray  # [n]
    a_min: float  # where y is least, with limits at 95% by bootstrap over streams
    a_lower: float
    a_upper: float
    a_star: float  # T8: q/(1 + q)
    a_power: float  # with the error's cost as it is: q power/(1 + q power)
    verdict: str  # do the limits meet a* (its own, where q is measured): "inside", "outside" or "gated"
    off: float  # by how many times the constants must be off to move the least from a_power to a_min at this T
    seconds: float


class Plan(NamedTuple):
    """One sweep to be done."""

    name: str
    world: World
    predictor: Predictor
    rate: Rate  # of its error
    what: str


def plans(learning: dict[str, Rate]) -> list[Plan]:
    """T2's terms and the loss where close calls are many; the loss where the dual is smooth."""
    close, smooth = worlds.close_calls(), worlds.smooth()
    known = {"noisy, q = 1/3": 1 / 3, "noisy, q = 1/2": 1 / 2}

    def noisy(name: str, world: World, what: str) -> Plan:
        return Plan(name, world, predictors.noisy(world.stream, START, known[name]), learning[name], what)

    means = "running means"
    result = []
    for what in ("T2", "loss"):
        result += [noisy(name, close, what) for name in known]
        result.append(Plan(means, close, measure.tabular(close), learning[means], what))
    return result + [noisy(name, smooth, "loss") for name in known]


def measure_exponents(
    quick: bool, seed: int, report: Callable[[int, int], None] | None = None, rates: Sequence[Rate] | None = None
) -> list[Sweep]:
    """Every sweep of T8. Needs the learning exponents and what an error costs: from `rates`, or measured first.

    `report(done, total)` is called as `runtime.progress` wants it.
    """
    size = measure.QUICK if quick else measure.FULL
    keys = list(jax.random.split(jax.random.key(seed), 3))
    known = [*measure.errors(keys[0], size), *measure.losses(keys[1], size)] if rates is None else rates
    learning = {rate.what.removeprefix("error, "): rate for rate in known}
    cost = {rate.what.removeprefix("loss by errors, "): rate for rate in known}
    T, streams, step = (24_000, 32, 0.1) if quick else (200_000, 64, 0.05)
    a, todo, result = np.arange(0.1, 0.701, step), plans(learning), []
    for done, plan in enumerate(todo):
        result.append(_sweep(keys[2], plan, cost[plan.world.name], a, T, streams))
        if report is not None:
            report(done + 1, len(todo))
    return result


def _sweep(key: Any, plan: Plan, cost: Rate, a: np.ndarray, T: int, streams: int) -> Sweep:
    started, world = time.perf_counter(), plan.world
    power = 1.0 if plan.what == "T2" else 1.0 + world.margin
    q, q_lower, q_upper = (-slope for slope in (plan.rate.slope, plan.rate.slope_upper, plan.rate.slope_lower))
    c = balanced(q, power, _start(plan.rate, q), *_constants(plan, cost, power), T)
    run = measure.simulate_world(
        key, world, plan.predictor, T, streams, V=V, c=c, a=a, engine="general",
        meter=folds.zip_meters(worlds.excess(world), worlds.explored_excess(world), standard_meters.theory()),
    ).transpose("a", "stream", ...)  # fmt: skip
    if plan.what == "T2":
        terms = _constants(plan, cost, power)[1] * theory.exploration_sum(T=T, c=c, a=a) / T
        explored, wrong = np.repeat(terms[:, None], streams, 1), 2.0 * run["S"].values / (V * T)
    else:
        explored = run["explored_excess"].values
        wrong = run["excess"].values - explored
    limits, (least, lower, upper) = intervals.interval(explored + wrong, LEVEL), lowest(a, explored + wrong)
    stars = theory.T8_exponent(q=np.maximum([q_lower, q, q_upper, q * power], 0.0))
    gate, meets = T / (V * world.gamma), lower <= stars[2] and upper >= stars[0]
    return Sweep(
        plan.name, world.name, plan.what, q, q_lower, q_upper, power, c, T, streams, gate, a,
        limits.mean, limits.lower, limits.upper, explored.mean(-1), wrong.mean(-1), least, lower, upper,
        a_star=float(stars[1]), a_power=float(stars[3]),
        verdict="gated" if gate < GATE else "inside" if meets else "outside",
        off=float(T ** (abs(least - stars[3]) * (1.0 + q * power))),
        seconds=time.perf_counter() - started,
    )  # fmt: skip


def _start(rate: Rate, q: float) -> float:
    """The constant of e = start n^-q, from the last point measured."""
    return float(rate.y[-1] * rate.x[-1] ** q)


def _constants(plan: Plan, cost: Rate, power: float) -> tuple[float, float]:
    """What an error to the power costs, and what an explored request does: in T2, or as measured."""
    world = plan.world
    if plan.what == "T2":  # with Q at V gamma*
        return 2.0 * world.gamma, float((world.distribution.weight @ world.distribution.cost).sum()) - world.best.cost
    return float(np.exp(np.mean(np.log(cost.y / cost.x**power)))), world.explored_excess


def lowest(a: np.ndarray, samples: np.ndarray, seed: int = 0) -> tuple[float, float, float]:
    """Where the mean of samples [n, streams] over a [n] is least, with limits at 95% by bootstrap over streams."""
    rng, num = np.random.default_rng(seed), samples.shape[-1]
    result = [_vertex(a, samples[:, rng.integers(num, size=num)].mean(-1)) for _ in range(RESAMPLES)]
    lower, upper = np.quantile(result, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return _vertex(a, samples.mean(-1)), float(lower), float(upper)


def _vertex(a: np.ndarray, y: np.ndarray) -> float:
    """The least of a quartic through log y at the seven points nearest the least of them."""
    first = int(np.clip(np.argmin(y) - 3, 0, max(0, len(a) - 7)))
    near = slice(first, first + 7)
    curve, grid = Polynomial.fit(a[near], np.log(y[near]), 4), np.linspace(a[near][0], a[near][-1], 2_001)
    return float(grid[np.argmin(curve(grid))])


def balanced(q: float, power: float, start: float, per_error: float, per_explored: float, T: int) -> float:
    """The c at which per_explored P_T/T + per_error mean_t[(1 - p_t) e_t^power] is least at q'/(1 + q'), q' = q power.

    e_t = start (1 + P_{t-1})^-q. At this c the constants of both parts are of one size at this T; another c moves the
    least to a* + log(ratio) / ((1 + q') log T).
    """
    from scipy import optimize

    t = np.unique(np.round(np.geomspace(1, T, 4_000)))
    target = float(theory.T8_exponent(q=q * power))

    def loss(a: float, c: float) -> float:
        p = theory.exploration_probability(t=t, c=c, a=a)
        P = np.concatenate([[p[0]], p[0] + np.cumsum(np.diff(t) * (p[1:] + p[:-1]) / 2)])
        error = (1 - p) * (start * (1 + P) ** -q) ** power
        return float(per_explored * P[-1] / T + per_error * np.trapezoid(error, t) / T)

    def off(log_c: float) -> float:
        least = optimize.minimize_scalar(
            loss, bounds=(0.02, 0.95), args=(np.exp(log_c),), method="bounded", options={"xatol": 1e-5}
        )
        return float(least.x) - target

    return float(np.exp(optimize.brentq(off, np.log(1e-3), np.log(20.0), xtol=1e-3)))


CLOSE = 2.0  # constants that are off by this much move the least of the bound by log 2 / ((1 + q) log T)


def row(sweep: Sweep) -> Row:
    """T8 as a line of the verdict table, about the terms of T2: the exponent at which they are least, against a*.

    It holds where the whole interval lies as close to a* as constants off by CLOSE would put it at this T, and is
    violated where none of it does. T8 is not about the loss itself: not applicable.
    """
    out = EMPTY_ROW._replace(
        statement="T8 rate", source="T8 in docs/theory", assumptions=theory.assumptions_of("T2"), seconds=sweep.seconds,
        streams=sweep.streams,
        case=f"{sweep.what}, {sweep.predictor}, {sweep.world}",
    )  # fmt: skip
    if sweep.what != "T2":
        return out._replace(reason="about the bound; the loss may be of higher order in the error")
    if sweep.verdict == "gated":
        return out._replace(reason=f"T/(V gamma*) = {sweep.gate:.3g} is below {GATE:g}")
    tolerance = float(np.log(CLOSE) / ((1.0 + sweep.q) * np.log(sweep.T)))
    far, half = abs(sweep.a_min - sweep.a_star), (sweep.a_upper - sweep.a_lower) / 2.0
    return out._replace(
        measured=sweep.a_min, measured_lower=sweep.a_lower, measured_upper=sweep.a_upper, bound=sweep.a_star,
        margin_lower=tolerance - far - half, margin_upper=tolerance - far + half,
        p_violated_asymptotic=normal_p_value(tolerance - far, half), interval=ASYMPTOTIC,
        p_holds_asymptotic=normal_p_value(far - tolerance, half), verdict="undecided",
    )  # fmt: skip
