"""sims/studies/pareto_bandit: orders with the authors' seeds, prices that change, adoption, rules of the findings."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from messjax import policies
from messjax.types import Controls, Feedback, Outcome
from sims.studies.pareto_bandit import courses, court, findings, requests, runs, tables
from sims.studies.pareto_bandit.prices import by_phase
from sims.studies.pareto_bandit.requests import FLASH, LLAMA, MISTRAL, PRO

DATA = requests._made_up()
POOL = courses.pool(DATA)
SIZES = courses.QUICK._replace(seeds=2)


def test_orders_are_those_of_the_authors_seeds():
    drift = courses.course(courses.DRIFT, POOL, SIZES)
    rng = np.random.default_rng(courses.OFFSET[courses.DRIFT] + 1)
    np.testing.assert_array_equal(drift.rows[1, : drift.first], rng.permutation(POOL.val)[: SIZES.val])
    ends = drift.first + SIZES.phase * np.arange(4)
    first, second, third = (np.sort(drift.rows[1, a:b]) for a, b in itertools.pairwise(ends))
    np.testing.assert_array_equal(first, third)  # the third phase repeats the first one's prompts
    assert set(second) <= set(POOL.cheaper) and not set(second - POOL.cheaper[0]) & set(first - POOL.test[0])
    assert [int(drift.phase[end]) for end in ends[:-1]] == [1, 2, 3] and not drift.phase[: drift.first].any()
    stationary = courses.course(courses.STATIONARY, POOL, SIZES)
    assert stationary.rows.shape == drift.rows.shape and (stationary.phase[stationary.judged] == 1).all()


def test_what_changes_is_in_the_rows():
    cost, reward = POOL.part.cost, POOL.part.reward
    np.testing.assert_allclose(cost[POOL.cheaper][:, PRO], cost[POOL.test][:, PRO] * 1e-4 / 5.625e-3)
    np.testing.assert_array_equal(cost[POOL.cheaper][:, :PRO], cost[POOL.test][:, :PRO])
    assert (reward[POOL.worse][:, MISTRAL] == 0.75).all()
    there = courses.scenarios().available
    assert there[courses.FOUR, 1:, FLASH].all() and not there[courses.FOUR, 0, FLASH]
    assert not there[courses.THREE, :, FLASH].any()


def test_numbers_change_at_the_phase_and_the_state_stays():
    """The penalty of the second phase makes the cheap model serve, and what was learned before is still known."""
    made = [
        policies.pareto_bandit(np.array([1e-4, 1e-2]), num_features=1, penalty=penalty, paced=False, width=0.0)
        for penalty in (0.0, 10.0, 0.0)
    ]
    policy = by_phase(made, [0, 5, 10])
    x, controls = jnp.ones(1), Controls()

    def one(state, t):
        decision = policy.act(jax.random.fold_in(jax.random.key(3), t), state, x, jnp.ones(2), controls)
        mask = decision.served_mask
        back = Feedback(
            Outcome(jnp.where(mask, jnp.array([0.1, 0.9]), 0.0), mask), jnp.float32(0), jnp.bool_(True), mask
        )
        return policy.update(state, x, decision, back, controls), decision.serve

    start = policy.init(jax.random.key(0), controls)
    start = start._replace(inner=start.inner._replace(theta=jnp.array([[0.0, 0.1], [0.0, 0.5]])))
    serve = np.asarray(jax.lax.scan(one, start, jnp.arange(15))[1])
    assert serve.tolist() == [1] * 5 + [0] * 5 + [1] * 5


def test_the_dual_price_is_that_of_the_policy():
    controls = Controls(budget=1e-3)
    policy = policies.pareto_bandit(np.array([1e-4, 1e-2]), num_features=1)
    paid = np.random.default_rng(1).lognormal(-6.5, 1.0, 60)
    state, seen = policy.init(jax.random.key(0), controls), []
    update = jax.jit(policy.update)
    decision = policy.act(jax.random.key(0), state, jnp.ones(1), jnp.ones(2), controls)
    for cost in paid:
        seen.append(float(state.price))
        outcome = Outcome(jnp.zeros(2), decision.served_mask)
        back = Feedback(outcome, jnp.float32(0), jnp.bool_(True), jnp.where(decision.served_mask, cost, 0.0))
        state = update(state, jnp.ones(1), decision, back, controls)
    np.testing.assert_allclose(runs.dual_prices(paid[None], 1e-3, 0.05)[0], seen, atol=1e-5)
    assert max(seen) > 0.05


@pytest.mark.parametrize(("share", "wanted"), [(0.2, 121.0), (0.05, np.nan)])
def test_adoption_leaves_the_forced_pulls_out(share, wanted):
    new = np.zeros((1, 400), bool)
    new[0, :20] = True
    new[0, 20 :: int(1 / share)] = True
    np.testing.assert_array_equal(runs.adoption(new), [wanted])
    late = np.zeros((1, 600), bool)
    late[0, :20] = late[0, 300:] = True
    assert runs.adoption(late) == [310.0]  # the window of requests 211 to 310 is the first with ten of them


def pacer(gain: float, half: float, without_ban: float) -> xr.Dataset:
    """Seven budgets, three variants, three seeds; the gain at the upper budgets, and its change without the ban."""
    names, budgets = [runs.PUBLISHED, runs.NO_BAN, runs.SLOW], list(runs.published.BUDGETS)
    mean = np.zeros((3, 7)) + np.where(np.arange(7) > 2, gain, 0.01)
    mean[1, 3:] += without_ban
    seeds = mean[..., None] + np.array([-1e-4, 0.0, 1e-4])
    main = ("variant", "budget")
    return xr.Dataset(
        {"gain_hindsight": (main, mean), "gain_hindsight_lower": (main, mean - half),
         "gain_hindsight_upper": (main, mean + half), "gain_of_seed": ((*main, "seed"), seeds),
         "reward": ((*main, "seed"), seeds + 0.9), "cost": ((*main, "seed"), seeds * 0 + 1e-3),
         "share": ((*main, "model"), np.full((3, 7, 4), 0.25)), "price_positive": (main, mean * 0 + 0.5),
         "mix_cost": (("variant", "vertex"), [[3e-5, 1.5e-2]] * 3),
         "mix_reward": (("variant", "vertex"), [[0.79, 0.93]] * 3)},
        coords={"variant": names, "budget": budgets, "model": list(requests.MODELS)},
        attrs={"source": requests.MADE_UP},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("gain", "half", "verdict"), [(-0.02, 0.01, "supported"), (0.02, 0.01, "refuted"), (-0.005, 0.01, "undecided")]
)
def test_the_mix_is_better_only_beyond_the_interval(gain, half, verdict):
    assert findings._mix(pacer(gain, half, 0.0)).verdict == verdict


@pytest.mark.parametrize(("change", "verdict"), [(0.01, "supported"), (-0.01, "refuted")])
def test_the_ban_is_the_cause_only_if_its_absence_helps(change, verdict):
    assert findings._ban(pacer(-0.02, 0.01, change)).verdict == verdict


def contest(track: str, level: float, ours: tuple[float, float, float], theirs: tuple[float, float, float]):
    """Reward, cost and gain of two policies on three seeds."""
    noise = np.array([-1e-5, 0.0, 1e-5])
    reward, cost, gain = (np.array([[a], [b]]) + noise * a for a, b in zip(ours, theirs, strict=True))
    main = ("policy", "seed")
    return xr.Dataset(
        {"reward": (main, reward), "cost": (main, cost), "gain_of_seed": (main, gain), "gain": ("policy", gain[:, 1])},
        coords={"policy": ["a", "b"], "track": track, "level": level},
    )


def test_a_policy_is_better_by_its_track_s_objective():
    better = contest(court.CEILING, 1e-3, (0.9, 1e-3, 0.02), (0.95, 1e-3, 0.01))
    assert findings._case(better, "a", "b") == 1 and findings._case(better, "b", "a") == -1
    over = contest(court.CEILING, 1e-3, (0.9, 1.2e-3, 0.02), (0.95, 1e-3, 0.01))
    assert findings._case(over, "a", "b") == -1 and tables.best(over) == "b"
    cheaper = contest(court.FLOOR, 0.9, (0.9, 1e-3, 0.0), (0.91, 2e-3, 0.01))
    assert findings._case(cheaper, "a", "b") == 1
    missing = contest(court.FLOOR, 0.9, (0.88, 1e-3, 0.0), (0.91, 2e-3, 0.01))
    assert findings._case(missing, "a", "b") == -1 and findings._case(missing, "b", "a") == 1


def test_what_a_policy_starts_with_is_the_prior():
    start = court.warm(DATA)
    np.testing.assert_allclose(DATA.prior.A[LLAMA] @ np.asarray(start.theta[LLAMA]), DATA.prior.b[LLAMA], atol=1e-6)
    np.testing.assert_array_equal(np.asarray(start.inverse[FLASH]), np.eye(26))
