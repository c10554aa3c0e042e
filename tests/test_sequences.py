"""Confidence sequences: coverage over the whole horizon, widths, exact cases, evidence, and a path watched online."""

from __future__ import annotations

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial
from scipy import integrate, optimize
from scipy.stats import beta

from messjax import meters, optimum, policies, predictors, sequences, simulate, stats, streams, sweep
from messjax.policies.router import router
from messjax.types import Controls, Law, Predictor, Step
from messjax.watch import watch

PATHS, STEPS = 2_000, 2_000
TIMES = np.arange(1, STEPS + 1)
CHECKPOINTS = np.unique(np.geomspace(1, STEPS, 150).astype(int)) - 1
LAWS = {  # low, high, mean (a multiple of a tenth of the range, see `failures`), draw
    "bernoulli .1": (0.0, 1.0, 0.1, lambda rng, shape: (rng.random(shape) < 0.1).astype(float)),
    "bernoulli .5": (0.0, 1.0, 0.5, lambda rng, shape: (rng.random(shape) < 0.5).astype(float)),
    "beta": (0.0, 1.0, 0.2, lambda rng, shape: rng.beta(1.0, 4.0, shape)),
    "two points": (-1.0, 9.0, 0.0, lambda rng, shape: np.where(rng.random(shape) < 0.04, 6.0, -0.25)),
}


@cache
def drawn(name: str) -> np.ndarray:
    return LAWS[name][3](np.random.default_rng(17), (PATHS, STEPS))


def rarely(failed: np.ndarray, confidence: float = 0.95) -> bool:
    """Whether the upper limit (Clopper-Pearson) of the probability of failing is at most 5%."""
    return bool(beta.ppf(confidence, failed.sum() + 1, failed.size - failed.sum()) <= 0.05)


def failures(found: sequences.Sequence, mean) -> np.ndarray:
    """[paths] whether a limit ever excluded the mean. `betting` excludes its grid points: a mean on one is sharpest."""
    slack = 1e-9
    return ((found.lower >= mean - slack) | (found.upper <= mean + slack)).any(axis=-1)


def sums(x: np.ndarray, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """S and V [..., n], every X guessed by the mean of the past, the middle of the range before it."""
    S = np.cumsum(x, axis=-1)
    guess = (np.concatenate([np.zeros_like(S[..., :1]), S[..., :-1]], axis=-1) + (low + high) / 2) / TIMES[
        : x.shape[-1]
    ]
    return S, np.cumsum((x - guess) ** 2, axis=-1)


def at_checkpoints(x, low, high, level=0.95, **options) -> sequences.Sequence:
    S, V = sums(x, low, high)
    at = CHECKPOINTS if x.shape[-1] == STEPS else slice(None)
    t = TIMES[: x.shape[-1]][at]
    return sequences.running_mean_of_conditional_means(S[..., at], V[..., at], t, low, high, level, **options)


METHODS = {
    "empirical_bernstein": sequences.empirical_bernstein,
    "betting": partial(sequences.betting, grid=10),
    "running_mean_of_conditional_means": at_checkpoints,
}


# --- coverage over all times ----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", LAWS)
def test_fails_at_most_five_percent_of_the_time_over_the_whole_horizon(name, method):
    low, high, mean, _ = LAWS[name]
    blocks = np.split(drawn(name), 10)  # in cache
    failed = [failures(METHODS[method](block, low, high, 0.95), mean) for block in blocks]
    assert rarely(np.concatenate(failed))


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", LAWS)
def test_coverage_on_many_paths(name, method):
    low, high, mean, draw = LAWS[name]
    rng = np.random.default_rng(99)
    blocks = (draw(rng, (200, STEPS)) for _ in range(100))
    failed = [failures(METHODS[method](block, low, high, 0.95), mean) for block in blocks]
    assert rarely(np.concatenate(failed), 0.999)


@pytest.mark.parametrize("name", LAWS)
def test_an_interval_for_one_time_fails_when_watched(name):
    mean, x, t = LAWS[name][2], drawn(name), TIMES
    centre = np.cumsum(x, axis=-1) / t
    deviation = np.sqrt(np.maximum(np.cumsum(x**2, axis=-1) / t - centre**2, 0.0) / (t - 0.999))
    late = np.abs(centre - mean)[:, 99:] > 1.96 * deviation[:, 99:]
    assert late[:, -1].mean() < 0.08  # right at one time
    assert late.any(axis=-1).mean() > 0.3
    assert not rarely(late.any(axis=-1))


def adversary(steps: int = STEPS) -> tuple[np.ndarray, np.ndarray]:
    """X and E[X | past] [paths, steps] of a mean that wanders, and jumps whenever the path is ahead of its means."""
    rng = np.random.default_rng(3)
    x, means = np.empty((2, PATHS, steps))
    ahead = np.zeros(PATHS)
    for t in range(steps):
        means[:, t] = np.where(ahead > 0, 0.5 + 0.4 * np.sin(t / 150), 0.1)
        x[:, t] = rng.random(PATHS) < means[:, t]
        ahead += x[:, t] - means[:, t]
    return x, means


def test_means_that_drift_with_the_past_are_covered_and_only_without_intersection():
    x, means = adversary()
    target = (np.cumsum(means, axis=-1) / TIMES)[:, CHECKPOINTS]
    found = at_checkpoints(x, 0.0, 1.0)
    assert rarely(failures(found, target))
    upper, lower = np.minimum.accumulate(found.upper, axis=-1), np.maximum.accumulate(found.lower, axis=-1)
    assert failures(found._replace(lower=lower, upper=upper), target).mean() > 0.5
    assert failures(sequences.empirical_bernstein(x, 0.0, 1.0), np.cumsum(means, axis=-1) / TIMES).mean() > 0.5


# --- widths ---------------------------------------------------------------------------------------------------


def relative_widths(method, name: str, n: int) -> float:
    """Mean width after n steps over that of the 95% interval of the central limit theorem."""
    low, high, _, _ = LAWS[name]
    x = drawn(name)[:100, :n]
    found = method(x, low, high, 0.95)
    return float((found.upper - found.lower)[:, -1].mean() / (2 * 1.96 * drawn(name).std() / np.sqrt(n)))


@pytest.mark.parametrize("name", LAWS)
def test_widths_are_within_a_factor_of_the_central_limit_theorem(name):
    fine = partial(sequences.betting, grid=500)
    assert 1.4 < relative_widths(sequences.empirical_bernstein, name, STEPS) < 2.3
    assert 1.4 < relative_widths(at_checkpoints, name, STEPS) < 2.3
    assert 1.4 < relative_widths(fine, name, 500) < 2.0
    assert relative_widths(fine, name, 100) < 0.95 * relative_widths(sequences.empirical_bernstein, name, 100)


def test_mixture_boundary_where_it_is_and_is_not_tuned():
    V = 30.0 * np.array([0.01, 1.0, 100.0])
    limits = partial(sequences.running_mean_of_conditional_means, np.zeros(3), V, 1e6, -0.5, 0.5)
    widths = limits().upper
    best = np.array([limits(tuned=v).upper[i] for i, v in enumerate(V)])
    np.testing.assert_array_less(widths, 1.2 * best)
    assert widths[1] == best[1]


# --- against the definitions ----------------------------------------------------------------------------------


def test_boundary_of_the_mixture_against_its_authors_and_by_quadrature():
    """[HRMS21]'s own package, from an R program: u(100) = 33.02017 at c = 2, tuned at V = 100, q = .05."""
    found = sequences.running_mean_of_conditional_means(0.0, 100.0, 1e3, -1.0, 1.0, 0.95, one_sided=True, tuned=25.0)
    assert found.upper * 1e3 == pytest.approx(33.02017, abs=1e-5)
    assert found.lower == -found.upper
    for v, error in ((0.0, 0.2), (7.0, 0.05), (300.0, 1e-4)):
        two = -2 * np.log(2 * error)
        r = 30.0 / (two + np.log1p(two))

        def mixture(s, v=v, r=r):
            def weighted(u, s, v):  # prior of l = 1 - u, times exp(l s - (-log(1 - l) - l) v)
                return np.exp((r - 1) * np.log(u) + r * (1 - u) + (1 - u) * (s + v) + v * np.log(u))

            return integrate.quad(weighted, 0, 1, (s, v))[0] / integrate.quad(weighted, 0, 1, (0.0, 0.0))[0]

        root = optimize.brentq(lambda s, q=error: mixture(s) * q - 1, 0.0, 300.0, xtol=1e-9)
        found = sequences.running_mean_of_conditional_means(0.0, v, 1e4, -0.5, 0.5, 1 - error, one_sided=True)
        assert found.upper * 1e4 == pytest.approx(root, rel=1e-6)


def test_one_path_step_by_step():
    """Both sequences for a constant mean as [WSR23] write them, one observation and one candidate after another."""
    x = drawn("beta")[5, :60]
    mean, variance, n = 0.5, 0.25, 60
    up, down = np.ones(9), np.ones(9)
    ever_up, ever_down = np.zeros(9, bool), np.zeros(9, bool)
    m, stake, centre, spread = np.arange(1, 10) / 10, 0.0, 0.0, 0.0
    limits, hedged = [], []
    for t in range(1, n + 1):
        bet = np.sqrt(2 * np.log(2 / 0.05) / (variance * t * np.log(1 + t)))
        capped, error = min(bet, 0.5), (x[t - 1] - mean) ** 2
        stake, centre = stake + capped, centre + capped * x[t - 1]
        spread += 4 * error * (-np.log(1 - capped) - capped) / 4
        limits.append((centre / stake - (np.log(40) + spread) / stake, centre / stake + (np.log(40) + spread) / stake))
        up = up * (1 + np.minimum(bet, 0.5 / m) * (x[t - 1] - m))
        down = down * (1 - np.minimum(bet, 0.5 / (1 - m)) * (x[t - 1] - m))
        ever_up, ever_down = ever_up | (up / 2 >= 20), ever_down | (down / 2 >= 20)
        hedged.append((max(m[ever_up], default=0.0), min(m[ever_down], default=1.0)))
        mean = (0.5 + x[:t].sum()) / (t + 1)
        past = [(0.5 + x[:i].sum()) / (i + 1) for i in range(1, t + 1)]
        variance = (0.25 + ((x[:t] - past) ** 2).sum()) / (t + 1)
    expected = np.clip(np.array(limits), 0, 1)
    found = sequences.empirical_bernstein(x, 0.0, 1.0)
    np.testing.assert_allclose(found.lower, np.maximum.accumulate(expected[:, 0]), atol=1e-12)
    np.testing.assert_allclose(found.upper, np.minimum.accumulate(expected[:, 1]), atol=1e-12)
    found = sequences.betting(x, 0.0, 1.0, grid=10)
    np.testing.assert_allclose(np.stack([found.lower, found.upper], 1), hedged, atol=1e-12)
    assert found.lower[-1] > 0.0 and found.upper[-1] < 1.0


@pytest.mark.parametrize("method", METHODS)
def test_units_axes_and_sides(method):
    make, x = METHODS[method], drawn("bernoulli .5")[:6, :300]
    found = make(x, 0.0, 1.0, 0.95)
    assert found.level == 0.95 and found.lower.shape == x.shape
    np.testing.assert_allclose(found.mean, np.cumsum(x, axis=-1) / TIMES[:300], atol=1e-12)
    moved = make((7.0 * x - 3.0).reshape(2, 3, 300), -3.0, 4.0, 0.95)
    np.testing.assert_allclose(moved.lower.reshape(6, 300), 7.0 * found.lower - 3.0, atol=1e-6)
    np.testing.assert_allclose(moved.upper.reshape(6, 300), 7.0 * found.upper - 3.0, atol=1e-6)
    single = make(x[4], 0.0, 1.0, 0.95)
    np.testing.assert_array_equal(single.upper, found.upper[4])
    one_sided = make(x, 0.0, 1.0, 0.975, one_sided=True)
    np.testing.assert_allclose(one_sided.lower, found.lower, atol=1e-12)
    np.testing.assert_allclose(one_sided.upper, found.upper, atol=1e-12)
    assert (found.lower <= found.mean).all() and (found.mean <= found.upper).all()


def test_a_finer_grid_only_narrows():
    x = drawn("beta")[:5, :400]
    coarse, fine = (sequences.betting(x, 0.0, 1.0, grid=grid) for grid in (20, 200))
    for inner, outer in ((fine.lower, coarse.lower), (1 - fine.upper, 1 - coarse.upper)):
        assert (inner >= outer - 1e-12).all() and (inner <= outer + 0.05 + 1e-12).all()


# --- evidence -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_e_value_is_fair_at_the_null_and_worse_below(p):
    """All 2^12 sequences of coins: the capital has expectation 1 at the null, at every time, and less below it."""
    coins = (np.arange(2**12)[:, None] >> np.arange(12) & 1).astype(float)
    weight = np.prod(np.where(coins == 1, p, 1 - p), axis=-1)
    np.testing.assert_allclose(weight @ sequences.e_value(coins, 0.0, 1.0, p), 1.0, rtol=1e-12)
    above = weight @ sequences.e_value(coins, 0.0, 1.0, p + 0.1)
    assert (above <= 1.0).all() and above[-1] < 0.9 if p < 0.8 else above[-1] < 1.0


@pytest.mark.parametrize("name", LAWS)
def test_e_value_under_the_null_and_beyond(name):
    low, high, mean, _ = LAWS[name]
    e = sequences.e_value(drawn(name), low, high, mean)
    assert rarely((e >= 20.0).any(axis=-1))
    p = sequences.p_value(e)
    assert rarely(p[:, -1] <= 0.05) and (np.diff(p) <= 0).all()
    np.testing.assert_array_equal((p <= 0.05).any(axis=-1), (e >= 20.0).any(axis=-1))
    some, shift = drawn(name)[:200], 0.08 * (high - low)
    assert (sequences.e_value(some, low, high, mean - shift)[:, -1] >= 20).mean() > 0.95
    assert (sequences.e_value(-some, -high, -low, -(mean + shift))[:, -1] >= 20).mean() > 0.95  # "at least"
    harmless = sequences.e_value(some, low, high, mean + shift)[:, -1]
    assert harmless.max() < 20 and harmless.mean() < 1


def test_families_of_checks_watched_over_time():
    """Ten nulls on overlapping samples, some of them the very same: e-Bonferroni and Holm at every time, 5% in all."""
    coins = drawn("bernoulli .5")[:, :250]
    family = np.stack([np.roll(coins, k // 2, axis=0) for k in range(10)])  # [check, path, time]
    e = sequences.e_value(family, 0.0, 1.0, 0.5)
    assert rarely((10 * 0.05 * e.mean(axis=0) >= 10).any(axis=-1))  # the mean of e-values is one
    assert rarely((e >= 10 / 0.05).any(axis=(0, 2)))
    last = sequences.p_value(e)[:, :, -1]  # the smallest p of each check: Holm on them sees every time at once
    rejected = np.array([(stats.holm(p) <= 0.05).any() for p in last.T])
    assert rarely(rejected)
    assert not rarely((last <= 0.05).any(axis=0))  # uncorrected


def test_means_that_drift_below_the_null_give_no_evidence():
    x, means = adversary(1_000)
    assert means.max() <= 0.9
    assert rarely((sequences.e_value(x, 0.0, 1.0, 0.9) >= 20).any(axis=-1))


def test_evidence_may_exceed_every_float():
    e = sequences.e_value(np.ones(3_000), 0.0, 1.0, 0.5)
    assert np.isinf(e[-1]) and sequences.p_value(e)[-1] == 0.0


# --- watched online -------------------------------------------------------------------------------------------

K, M, HORIZON, ALPHA = 4, 3, 100_000, 0.75
COST = np.array([[1.0, 2.0, 5.0], [1.0, 2.5, 4.0], [0.5, 2.0, 4.5], [1.0, 3.0, 6.0]])
MEAN = np.array([[0.7, 0.8, 0.9], [0.3, 0.75, 0.85], [0.4, 0.5, 0.9], [0.2, 0.6, 0.8]])
LAW = Law(np.array([0.4, 0.3, 0.2, 0.1]), COST, MEAN)


def adjusted(gamma, C_star, step):
    """T5: cost_t + gamma* (alpha - s_t) - C*, whose conditional mean no honest policy brings below zero."""
    paid = jnp.sum(jnp.where(step.decision.query, step.request.cost, 0.0))
    return paid + gamma * (step.controls.alpha - meters.served_satisfaction(step)) - C_star


def regret_meter():
    best = optimum.solve(LAW, ALPHA)
    low = COST.min() + best.gamma * (ALPHA - 1.0) - best.cost
    high = COST.sum(axis=1).max() + best.gamma * ALPHA - best.cost
    of = Partial(adjusted, jnp.float32(best.gamma), jnp.float32(best.cost))
    return watch("regret", of, low, high), low, high


def peeking_stream(stream):
    """The same requests, their labels among the features."""

    def draw(key, state, t):
        state, request = stream.draw(key, state, t)
        return state, request._replace(features=jnp.concatenate([request.features, request.satisfaction]))

    return stream._replace(draw=draw, mean=None)


def cheapest_that_satisfies():
    reads = Predictor(lambda key: (), lambda state, features: features[-M:], lambda state, features, outcome: state)
    return router(reads, lambda s_hat, cost, Q, controls: jnp.argmin(jnp.where(s_hat > 0.5, cost, cost + 1e3)))


def test_weak_duality_on_single_paths_of_a_policy_that_learns():
    meter, low, high = regret_meter()
    found = sweep.sweep(
        jax.random.key(1), Controls(V=[1.0, 5.0], alpha=ALPHA, c=0.3), horizon=HORIZON, num_streams=2, checkpoints=50,
        policy=policies.mess_plus(predictors.tabular(K, M)), stream=streams.types(LAW),
        meter=meters.zip_meters(meters.ledger(), meter),
    )  # fmt: skip
    best = optimum.solve(LAW, ALPHA)
    per_request = found.cost - best.cost + best.gamma * (ALPHA - found.satisfaction)
    np.testing.assert_allclose(found.regret_sum / HORIZON, per_request, rtol=1e-4)
    S, V = (found[f"regret_{part}_curve"] for part in ("sum", "spread"))
    limits = sequences.running_mean_of_conditional_means(S, V, found.t, low, high, 0.999, one_sided=True)
    assert limits.upper.shape == (2, 2, 50) and (stats.verdict(limits) != "violated").all()
    assert (limits.lower[..., -1] > 0.0).all()  # exploring costs: every single path of 1e5 requests says so


def test_one_path_finds_out_a_policy_that_peeks():
    meter, low, high = regret_meter()
    found = simulate.simulate(
        jax.random.key(5), Controls(alpha=ALPHA), policy=cheapest_that_satisfies(), horizon=10_000, checkpoints=50,
        stream=peeking_stream(streams.types(LAW)), meter=meter,
    )  # fmt: skip
    S, V = (found.curve[f"regret_{part}"].to_host() for part in ("sum", "spread"))
    t = simulate.checkpoint_times(10_000, 50)
    words = stats.verdict(sequences.running_mean_of_conditional_means(S, V, t, low, high, 0.999, one_sided=True))
    assert (words[-40:] == "violated").all()


def folded(x: np.ndarray, low: float, high: float) -> dict:
    """Readings [n] of a watched number that takes the values x [n], one step after another."""
    meter = watch("x", lambda step: step.request, low, high)

    def add(number, t_and_value):
        number = meter.add(number, Step(*t_and_value, *(None,) * 5))
        return number, meter.read(number)

    t = jnp.arange(1, len(x) + 1)
    return jax.lax.scan(add, meter.init(1), (t, jnp.asarray(x, jnp.float32)))[1]


def test_watch_folds_what_numpy_folds():
    x = np.float32(np.random.default_rng(2).beta(0.3, 0.7, 200_000) * 12.0 - 2.0)
    found = folded(x, -2.0, 10.0)
    S, V = np.cumsum(np.float64(x)), found["x_spread"].to_host()
    np.testing.assert_allclose(found["x_sum"].to_host(), S, rtol=1e-9, atol=1e-5)
    guess = (np.concatenate([[0.0], S[:-1]]) + 4.0) / np.arange(1, len(x) + 1)
    np.testing.assert_allclose(V, np.cumsum((x - guess) ** 2), rtol=1e-6, atol=1e-5)


def test_what_leaves_its_bounds_poisons_the_readings_and_rounding_does_not():
    x = np.array([0.5, 1.0 + 5e-7, -5e-7, 0.5])
    found = folded(x, 0.0, 1.0)
    np.testing.assert_allclose(found["x_sum"].to_host(), [0.5, 1.5, 1.5, 2.0])
    for bad in (1.01, -0.01, np.nan):
        found = folded(np.array([0.5, bad, 0.5]), 0.0, 1.0)
        S, V = found["x_sum"].to_host(), found["x_spread"].to_host()
        assert np.isnan(S).tolist() == np.isnan(V).tolist() == [False, True, True]
        with pytest.raises(ValueError, match=r"S is nan at \[1\]"):
            sequences.running_mean_of_conditional_means(S, V, [1, 2, 3], 0.0, 1.0)


# --- errors ---------------------------------------------------------------------------------------------------

bands = partial(sequences.running_mean_of_conditional_means, low=0.0, high=1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sequences.betting([[0.5, 1.5]], 0, 1), r"samples is 1.5 at \[0, 1\], expected within \[low, high\]"),
        (lambda: sequences.betting([0.5, np.nan], 0, 1), "samples is nan"),
        (lambda: sequences.betting([], 0, 1), r"samples has shape \(0,\)"),
        (lambda: sequences.betting(0.5, 0, 1), r"samples has shape \(\)"),
        (lambda: sequences.betting([0.5], 0, 1, grid=1), "grid is 1, expected at least 2"),
        (lambda: sequences.empirical_bernstein([0.5], 1, 1), r"high is 1 at \[\], expected a finite bound above low"),
        (lambda: sequences.empirical_bernstein([0.5], -np.inf, 1), "low is -inf"),
        (lambda: sequences.empirical_bernstein([0.5], 0, 1, 1.0), "level is 1.0, expected a probability"),
        (lambda: sequences.e_value([0.5], 0, 1, 1.0), r"null is 1 at \[\], expected a mean strictly between"),
        (lambda: sequences.e_value([0.5], 0, 1, np.nan), "null is nan"),
        (lambda: sequences.p_value([1.0, -0.1]), r"e is -0.1 at \[1\]"),
        (lambda: bands([1.0, 2.0], [1.0, 1.0, 1.0], 5), r"S, V, t have shapes \(2,\), \(3,\), \(\)"),
        (lambda: bands([1.0], [0.5], [0]), r"t is 0 at \[0\], expected a number of observations"),
        (lambda: bands([6.0], [0.5], [5]), r"S is 6 at \[0\], expected a sum of t numbers"),
        (lambda: bands([1.0], [-0.5], [5]), r"V is -0.5 at \[0\], expected a sum of t squares"),
        (lambda: bands([1.0], [np.nan], [5]), "V is nan"),
        (lambda: bands([1.0], [0.5], [5], tuned=0.0), "tuned is 0.0, expected a positive number"),
        (lambda: bands([1.0], [0.5], [5], level=0.0), "level is 0.0"),
        (lambda: watch("x", lambda step: step.t, 1.0, 1.0), "watch x: low is 1.0 and high is 1.0"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
