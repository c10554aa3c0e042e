"""Routers made beforehand: educated guessing, the offline optimum, thresholds, kNN, trained heads, RouterDC."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from messjax import policies, predictors, streams
from messjax.engine import grid_sweep
from messjax.engine.fast import policy_groups
from messjax.meters import standard_meters
from messjax.policies.educated_guessing import guesses
from messjax.policies.win_rate_threshold import calibrate, wins
from messjax.predictors import contrastive as dual
from messjax.predictors.pretrained import predict_all
from messjax.theory import optimum
from messjax.types import Controls, Distribution

M, D, N = 3, 4, 60
RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(N, D))
LABELS = RNG.integers(0, 2, (N, M)).astype(float)
COST = np.array([1.0, 2.0, 5.0])


def served(policy, features, alphas, num=1):
    """The models [alphas, num, n] that a policy serves on rows of features [n, d] under `num` keys."""

    @jax.jit
    def at(alpha):
        controls = jax.tree.map(lambda value: jnp.asarray(value, jnp.float32), Controls())._replace(alpha=alpha)
        state = policy.init(jax.random.key(0), controls)
        act = jax.vmap(lambda key, x: policy.act(key, state, x, jnp.asarray(COST, jnp.float32), controls), (None, 0))
        return jax.vmap(act, (0, None))(jax.random.split(jax.random.key(1), num), jnp.asarray(features, jnp.float32))

    each = [at(jnp.float32(alpha)) for alpha in alphas]
    assert not any(np.asarray(result.explore).any() or np.asarray(result.learn).any() for result in each)
    return np.stack([np.asarray(result.serve) for result in each])


# --- educated guessing and the optimum -------------------------------------------------------------------------


def as_published(accuracy, alpha):
    """The rule in so many words, for one alpha."""
    p = np.ones(len(accuracy)) / len(accuracy)
    while p @ accuracy < alpha - 1e-6:
        current = p @ accuracy
        p = np.array([w * 1.01 if a > current else w * 0.99 for w, a in zip(p, accuracy, strict=True)])
        p = p / p.sum()
    return p


def test_educated_guessing_reaches_alpha_as_published_for_every_alpha():
    accuracy, alphas = np.array([0.3, 0.45, 0.8]), [0.2, 0.5, 0.55, 0.7, 0.79]
    level, path = guesses(accuracy)
    assert policy_groups.is_feature_free(policies.educated_guess(accuracy))  # on the fast path
    models = served(policies.educated_guess(accuracy), np.ones((1, 1)), alphas, num=40_000)
    for alpha, result in zip(alphas, models, strict=True):
        wanted = as_published(accuracy, alpha)
        np.testing.assert_allclose(path[np.argmax(level >= alpha - 1e-6)], wanted, atol=1e-12)
        share = np.bincount(result[:, 0], minlength=M) / len(result)
        assert np.abs(share - wanted).max() < 0.015
        assert share @ accuracy > alpha - 0.01
        if alpha < accuracy.mean():
            np.testing.assert_allclose(wanted, 1 / 3)  # never cheaper than uniform


def test_the_staircase_is_the_price_of_every_alpha():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        distribution = Distribution(rng.dirichlet(np.ones(4)), rng.uniform(1, 5, (4, 3)), rng.uniform(0, 1, (4, 3)))
        stairs = optimum.staircase(distribution)
        assert (np.diff(stairs.level) >= 0).all() and (np.diff(stairs.price) >= 0).all()
        assert len(stairs.level) == len(stairs.price) == 9 and stairs.model.shape == (3, 4)
        for alpha in rng.uniform(0, stairs.level[-1], 5):
            step = np.searchsorted(stairs.level, alpha - optimum.ROUNDING)
            assert stairs.price[step] == pytest.approx(optimum.solve(distribution, alpha).gamma)


LAW = Distribution(
    np.array([0.5, 0.3, 0.2]),
    np.array([[1.0, 2.0, 6.0], [1.0, 3.0, 5.0], [2.0, 1.0, 4.0]]),
    np.array([[0.3, 0.8, 0.9], [0.2, 0.3, 0.9], [0.5, 0.4, 0.7]]),
)


def test_the_optimal_policy_is_the_mixture_of_the_linear_programme():
    alphas = [0.1, 0.4, 0.5, 0.6, 0.75, 0.8]
    for alpha, models in zip(alphas, served(policies.optimal(LAW), np.eye(3), alphas, num=20_000), strict=True):
        best = optimum.solve(LAW, alpha).mixture
        share = np.stack([np.bincount(models[:, k], minlength=M) for k in range(3)]) / len(models)
        np.testing.assert_allclose(share, best, atol=0.02)
        assert ((share == 0) == (best == 0)).all()


def test_optimum_and_price_have_no_adjusted_regret():
    stream = streams.types(LAW)
    named = {
        "optimal": policies.optimal(LAW),
        "priced": policies.lagrangian(predictors.oracle(stream), LAW),
        "argmin": policies.predict_then_argmin(predictors.oracle(stream)),
    }
    controls = Controls(alpha=[0.5, 0.75], c=1.0)
    result = grid_sweep.sweep(
        jax.random.key(2),
        controls,
        policy=named,
        stream=stream,
        horizon=500,
        num_streams=64,
        meter=standard_meters.ledger(),
    )
    regret = result["adjusted_regret"].mean("stream") / 500
    assert float(abs(regret.sel(policy=["optimal", "priced"])).max()) < 0.05
    assert (result["explored"] == 0).all()  # c = 1 does not touch them
    gap = (result["satisfaction"].mean("stream") - result["alpha"]).sel(policy="optimal")
    assert float(abs(gap).max()) < 0.01
    assert (result["satisfaction"].mean("stream").sel(policy="argmin") > np.array([0.5, 0.7])).all()


# --- thresholds ------------------------------------------------------------------------------------------------


def test_the_threshold_is_the_fewest_strong_calls_that_reach_alpha_on_the_prefix():
    rng = np.random.default_rng(1)
    rate = np.round(rng.uniform(size=200), 1)  # many ties
    weak, strong = (rng.uniform(size=200) < 0.4).astype(float), (rng.uniform(size=200) < 0.2 + 0.7 * rate).astype(float)
    level, bar = calibrate(rate, weak, strong)
    bars = np.concatenate([[np.inf], (np.arange(10) + 0.5)[::-1] / 10, [-np.inf]])
    reached = {b: np.where(rate > b, strong, weak).mean() for b in bars}
    for alpha in np.linspace(0.2, 0.95, 40):
        current = bar[min(np.searchsorted(level, alpha), len(level) - 1)]
        enough = [(rate > b).sum() for b, value in reached.items() if value >= alpha]
        best = [(rate > b).sum() for b, value in reached.items() if value == max(reached.values())]
        assert (rate > current).sum() == min(enough or best)


def test_the_threshold_router_has_that_share_on_its_prefix_and_serves_two_models_only():
    rng = np.random.default_rng(1)
    features = rng.normal(size=(N, D))
    labels = np.stack([features[:, 0] > 0.6, np.ones(N), np.ones(N) - (rng.uniform(size=N) < 0.1)], axis=1).astype(
        float
    )
    rate = predictors.trained(predictors.linear(D, 1), features, wins(labels), key=jax.random.key(0), epochs=20)
    policy = policies.threshold(rate, features, labels, weak=0, strong=2)
    before = 0.0
    alphas = [0.3, 0.5, 0.7, 0.85]
    for alpha, models in zip(alphas, served(policy, features, alphas)[:, 0], strict=True):
        assert set(models) <= {0, 2}
        level = labels[np.arange(N), models].mean()
        assert alpha <= level < alpha + 2.0 / N + 0.02 or (models == 0).all()
        assert before <= (models == 2).mean()
        before = (models == 2).mean()
    assert before > 0.5


# --- trained beforehand ----------------------------------------------------------------------------------------


def test_trained_is_the_predictor_after_the_prefix_and_never_learns():
    rng = np.random.default_rng(1)
    kinds = np.eye(D)[rng.integers(0, D, N)]
    result = predictors.trained(predictors.tabular(D, M), kinds, LABELS, key=jax.random.key(0), epochs=1)
    wanted = (0.5 + kinds.T @ LABELS) / (1.0 + kinds.sum(axis=0))[:, None]
    np.testing.assert_allclose(predict_all(result, np.eye(D)), wanted, atol=1e-5)
    state = result.init(jax.random.key(7))
    assert not jax.tree.leaves(result.update(state, jnp.ones(D), None))
    with pytest.raises(ValueError, match="frozen"):
        predict_all(predictors.linear(D, M), FEATURES)


@pytest.mark.parametrize("k", [1, 7, N])
def test_knn_is_brute_force(k):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(20, D)) + 3.0
    result = predict_all(predictors.knn(FEATURES + 3.0, LABELS, k), x)
    far = ((x[:, None] - (FEATURES + 3.0)[None]) ** 2).sum(axis=-1)
    near = np.argsort(far, axis=1, kind="stable")[:, :k]
    np.testing.assert_allclose(result, LABELS[near].mean(axis=1), atol=1e-6)


def test_knn_takes_the_earlier_of_equally_near_ones():
    result = predict_all(predictors.knn(np.array([[1.0], [-1.0]]), np.array([[1.0], [0.0]]), 1), np.zeros((1, 1)))
    assert result[0, 0] == 1.0


DRAW = jax.jit(dual.draw_batch, static_argnums=2)


def cosine(a, b):
    return a @ b.T / np.outer(np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1))


def test_the_dual_contrastive_loss_is_its_formula():
    rng = np.random.default_rng(1)
    space = dual.Space(jnp.asarray(rng.normal(size=(5, D))), jnp.asarray(rng.normal(size=(4, 5))))
    scores = np.array([[1.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0], [0.2, 0.9, 0.0, 0.6]])
    x = FEATURES[:4].astype(np.float32)
    positive, negative = np.array([1, 0, 3, 2]), np.array([[2, 3], [3, 2], [0, 1], [1, 0]])
    batch = dual.Batch(x, jnp.asarray(scores), positive, negative, jnp.array([True, True, True, False]))
    hidden = x @ np.asarray(space.encoder).T
    alike, among = cosine(hidden, np.asarray(space.models)), cosine(hidden, hidden)
    ours = 0.0
    for i, row in enumerate(scores):
        order = np.argsort(-row, kind="stable")
        bad = [m for m in order[-3:] if row[m] <= 0.5]
        for good in [m for m in order[:3] if row[m] > 0]:
            share = np.exp(alike[i, good]) / (np.exp(alike[i, good]) + np.exp(alike[i, bad]).sum())
            ours -= np.log(share) / len(scores)
    theirs = 0.0
    for i in range(3):
        top = np.exp(among[i, positive[i]])
        theirs -= np.log(top / (top + np.exp(among[i, negative[i]]).sum())) / 4
    assert float(jax.jit(dual.loss)(space, batch, jnp.float32(0.5))) == pytest.approx(ours + 0.5 * theirs, rel=1e-5)


@pytest.mark.long
def test_the_dual_contrastive_router_learns_who_is_good_at_what():
    rng = np.random.default_rng(1)
    group = rng.integers(0, 3, 300)
    x = np.eye(3)[group] * 2.0 + 0.3 * rng.normal(size=(300, 3))
    labels = (rng.uniform(size=(300, 3)) < np.where(np.eye(3)[group] > 0, 0.9, 0.2)).astype(float)
    data = jnp.asarray(x, jnp.float32), jnp.asarray(labels, jnp.float32), jnp.asarray(dual.clusters(x, 3))
    assert len({tuple(np.unique(data[2][group == g])) for g in range(3)}) == 3  # k-means finds the groups
    start = dual.Space(jnp.zeros((8, 3)), jnp.zeros((3, 8)))
    batch = DRAW(data, jax.random.key(9), 64)
    losses = []
    for steps in (0, 400):
        space, _ = dual.train(
            data, jax.random.key(0), start, np.int32(steps), np.float32(1.0), tx=dual._adamw(), batch=64
        )
        losses.append(float(jax.jit(dual.loss)(space, batch, jnp.float32(1.0))))
    assert losses[1] < losses[0] - 0.3
    own = predictors.dual_contrastive(x, labels, key=jax.random.key(0), hidden=8, steps=400, num_clusters=3)
    s_hat = predict_all(own, x)
    assert (np.argmax(s_hat, axis=1) == group).mean() > 0.97
    np.testing.assert_allclose(s_hat.mean(axis=0), labels.mean(axis=0), atol=0.02)  # calibrated
    scores = predict_all(
        predictors.dual_contrastive(x, labels, key=jax.random.key(0), hidden=8, steps=400, num_clusters=3,
                                    calibrated=False), x,
    )  # fmt: skip
    np.testing.assert_allclose(scores.sum(axis=1), 1.0, atol=1e-6)
    assert (np.argmax(scores, axis=1) == group).mean() > 0.97


def test_negatives_are_of_other_clusters_and_positives_of_the_same():
    rng = np.random.default_rng(1)
    cluster = rng.integers(0, 3, 40).astype(np.int32)
    data = jnp.asarray(np.arange(40.0)[:, None]), jnp.ones((40, 2)), jnp.asarray(cluster)
    batch = DRAW(data, jax.random.key(3), 24)
    current = cluster[np.asarray(batch.features[:, 0]).astype(int)]
    assert (current[np.asarray(batch.positive)] == current).all()
    assert (np.asarray(batch.positive) != np.arange(24)).all()
    assert (current[np.asarray(batch.negative)] != current[:, None])[np.asarray(batch.contrast)].all()
    alone = DRAW((data[0], data[1], jnp.zeros(40, jnp.int32)), jax.random.key(3), 24)
    assert not np.asarray(alone.contrast).any()


# --- refusals --------------------------------------------------------------------------------------------------

LINEAR, ORACLE = predictors.linear(D, M), predictors.oracle(streams.types(LAW))
REFUSED = {
    "kappa": (lambda: policies.tightened(policies.uniform(), np.inf), ("kappa", "inf")),
    "gamma": (lambda: policies.warm_started(LINEAR, -1.0), ("warm_started", "gamma", "-1")),
    "transient": (lambda: policies.auto_v(policies.uniform(), LAW, 0.0), ("transient", "0.0")),
    "share": (lambda: policies.auto_v(policies.uniform(), LAW, 5.0, share=1.5), ("share", "1.5")),
    "learning": (lambda: policies.one_sided(LINEAR, learning="all"), ("learning", "'all'", "importance")),
    "optimism": (lambda: policies.primal_dual(3, optimism=-1.0), ("optimism", "-1")),
    "no models": (lambda: policies.primal_dual(0), ("at least one model", "0")),
    "ridge": (lambda: policies.lin_ucb(4, 3, ridge=0.0), ("lin_ucb", "ridge", "0")),
    "width": (lambda: policies.lin_thompson(4, 3, width=np.nan), ("lin_thompson", "width", "nan")),
    "accuracy": (lambda: policies.educated_guess(np.array([0.2, 1.2])), ("educated_guess", "1.2")),
    "a trace's labels": (lambda: policies.optimal(LAW._replace(kind="labels")), ("optimal", "labels")),
    "weak": (lambda: policies.threshold(LINEAR, FEATURES, LABELS, weak=3), ("weak", "3", "one of 3")),
    "no prefix": (lambda: policies.threshold(LINEAR, FEATURES[:0], LABELS[:0]), ("prefix", "(0, 4)")),
    "a learner": (lambda: policies.threshold(LINEAR, FEATURES, LABELS), ("frozen",)),
    "k": (lambda: predictors.knn(FEATURES, LABELS, 61), ("k is 61", "60")),
    "NaN": (lambda: predictors.knn(FEATURES * np.nan, LABELS), ("features[0, 0]", "nan")),
    "scores": (lambda: predictors.knn(FEATURES, LABELS + 0.5), ("satisfaction[", "1.5", "[0, 1]")),
    "rows": (lambda: predictors.trained(LINEAR, FEATURES, LABELS[1:], key=jax.random.key(0)), ("(60, 4)", "(59, 3)")),
    "epochs": (lambda: predictors.trained(LINEAR, FEATURES, LABELS, key=jax.random.key(0), epochs=0), ("epoch", "0")),
    "steps": (
        lambda: predictors.dual_contrastive(FEATURES, LABELS, key=jax.random.key(0), steps=0),
        ("steps is 0", "at least 1"),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_say_what_was_found(name):
    call, words = REFUSED[name]
    with pytest.raises(ValueError) as error:
        call()
    assert all(word in str(error.value) for word in words), str(error.value)


@pytest.mark.parametrize(
    "policy",
    [policies.educated_guess(np.array([0.5, 0.6])), policies.optimal(LAW), policies.lin_ucb(2, 2)],
    ids=["educated_guess", "optimal", "lin_ucb"],
)
def test_what_does_not_fit_the_stream_is_refused(policy):
    stream = streams.logistic(np.eye(M, D), np.zeros(M), COST)
    with pytest.raises(ValueError, match="does not fit"):
        grid_sweep.sweep(jax.random.key(0), Controls(alpha=0.4), policy=policy, stream=stream, horizon=3, num_streams=2)
