"""Predictors: known errors, running means by hand, learning, the update rule of [M25], and when nothing moves."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from messjax import feedback, policies, predictors, streams
from messjax.engine import grid_sweep
from messjax.engine.simulation import simulate
from messjax.meters import folds, standard_meters
from messjax.predictors import learning
from messjax.predictors.mlp_head import Head
from messjax.types import Controls, Distribution, Outcome

K, M, D = 3, 2, 6
LAW = Distribution(
    np.array([0.2, 0.3, 0.5]), np.ones((K, M)) * [1.0, 2.0], np.array([[0.2, 0.9], [0.6, 0.7], [0.5, 0.8]])
)
TYPES = streams.types(LAW)
LOGISTIC = streams.logistic(np.array([[2.0, -1, 0, 0, 1, 0], [0, 1, 2.0, -1, 0, 0]]), np.array([0.5, -0.5]), np.ones(M))
ROW = jnp.eye(K)


def outcome(labels, observed=(True, True)) -> Outcome:
    return Outcome(jnp.asarray(labels, jnp.float32) * jnp.asarray(observed), jnp.asarray(observed))


def test_the_oracle_says_mu():
    oracle = predictors.oracle(TYPES)
    for k in range(K):
        np.testing.assert_array_equal(
            oracle.predict(oracle.init(jax.random.key(0)), ROW[k]), LAW.mean.astype(np.float32)[k]
        )


@pytest.mark.parametrize(("error", "q"), [(0.2, 0.0), (0.3, 0.5), ([0.05, 0.4], 1 / 3)])
def test_noisys_error_is_known_and_decays(error, q):
    noisy = predictors.noisy(TYPES, error, q)
    update, seen = jax.jit(noisy.update), []
    state = noisy.init(jax.random.key(1))
    for n in range(6):
        off = np.stack([np.asarray(noisy.predict(state, ROW[k])) - LAW.mean[k] for k in range(K)])
        np.testing.assert_allclose(
            np.abs(off), np.broadcast_to(error, (M,)) * (1 + n) ** -q + np.zeros((K, M)), atol=3e-7
        )
        seen.append(np.sign(off))
        state = update(state, ROW[0], outcome([1, 0]))
    assert all((sign == seen[0]).all() for sign in seen)  # a request is misjudged the same way whenever it comes back


def test_noisys_sign_depends_on_the_key_and_the_model():
    noisy = predictors.noisy(LOGISTIC, 0.1)
    x = jax.random.normal(jax.random.key(0), (400, D))

    def up(key):
        state = noisy.init(key)
        return jax.vmap(lambda x: noisy.predict(state, x) > LOGISTIC.mean(x))(x)

    one, other = np.asarray(up(jax.random.key(1))), np.asarray(up(jax.random.key(2)))
    assert 0.35 < one.mean() < 0.65 and 0.2 < (one != other).mean() < 0.8 and (one[:, 0] != one[:, 1]).mean() > 0.1


def test_tabular_is_the_running_mean_by_hand():
    tabular = predictors.tabular(K, M)
    state = tabular.init(jax.random.key(0))
    predict = lambda k: np.asarray(tabular.predict(state, ROW[k])).tolist()  # noqa: E731
    assert predict(0) == predict(2) == [0.5, 0.5]
    state = tabular.update(state, ROW[0], outcome([1, 0]))
    assert predict(0) == [0.75, 0.25] and predict(1) == [0.5, 0.5]
    state = tabular.update(state, ROW[0], outcome([1, 1], observed=(False, True)))  # model 1 was not heard of
    np.testing.assert_allclose(predict(0), [0.75, 0.5], rtol=1e-6)
    state = tabular.update(state, ROW[0], outcome([0, 1]))
    np.testing.assert_allclose(predict(0), [0.5, 2.5 / 4], rtol=1e-6)  # (1/2 + 1 + 0)/3 and (1/2 + 0 + 1 + 1)/4
    assert int(state.seen) == 3


def test_sgd_is_clip_then_decay_then_momentum():
    rng = np.random.default_rng(0)
    gradients = rng.normal(size=(8, 5)) * np.array([3.0, 0.1, 1.0, 0.01, 10.0, 0.2, 0.2, 2.0])[:, None]
    tx = learning.sgd(learning_rate=0.05, momentum=0.8, clip=1.0, weight_decay=0.1)
    params = jnp.asarray(rng.normal(size=5), jnp.float32)
    state, w, v = tx.init(params), np.asarray(params, np.float64), np.zeros(5)
    for g in gradients:
        changes, state = tx.update(jnp.asarray(g, jnp.float32), state, params)
        params = optax.apply_updates(params, changes)
        v = 0.8 * v + g / max(1.0, np.linalg.norm(g)) + 0.1 * w
        w = w - 0.05 * v
        np.testing.assert_allclose(params, w, rtol=1e-5, atol=1e-6)


def test_sgds_defaults_are_those_of_the_paper():
    tx, gradient, params = learning.sgd(), jnp.array([3.0, 4.0]), jnp.array([1.0, 2.0])
    changes, state = tx.update(gradient, tx.init(params), params)
    np.testing.assert_allclose(changes, -0.06 * np.array([0.6 + 0.01, 0.8 + 0.02]), rtol=1e-6)
    again, _ = tx.update(gradient, state, params)
    np.testing.assert_allclose(again, 1.9 * changes, rtol=1e-6)
    assert hash(learning.sgd()) == hash(learning.sgd())  # equal rules are one program
    assert learning.sgd() == learning.sgd() != learning.sgd(0.05)


def test_cross_entropy_counts_what_was_observed():
    logits = jnp.array([0.3, -2.0])
    p = 1 / (1 + np.exp(-np.array([0.3, -2.0])))
    both = -(0.25 * np.log(p[0]) + 0.75 * np.log(1 - p[0]) + np.log(1 - p[1])) / 2  # soft label .25, hard label 0
    np.testing.assert_allclose(learning.cross_entropy(logits, outcome([0.25, 0.0])), both, rtol=1e-6)
    np.testing.assert_allclose(
        learning.cross_entropy(logits, outcome([0.25, 0.0], observed=(False, True))), -np.log(1 - p[1]), rtol=1e-6
    )
    assert learning.cross_entropy(logits, outcome([0, 0], observed=(False, False))) == 0


@pytest.mark.parametrize("name", ["linear", "mlp"])
def test_learned_predictors_learn(name):
    """Log loss on fresh requests, from where it starts at least half the way to that of the law itself.

    With a rate of .01: at the default .06 with momentum .9, one request at a time, the MLP does not learn this stream.
    """
    learner = {"linear": predictors.linear, "mlp": predictors.mlp}[name](D, M, tx=learning.sgd(0.01))

    @jax.jit
    def learn(key):
        def one(state, key):
            request = LOGISTIC.draw(key, (), jnp.int32(1))[1]
            return learner.update(state, request.features, Outcome(request.satisfaction, jnp.ones(M, bool))), None

        state = jax.lax.scan(one, learner.init(key), jax.random.split(key, 1500))[0]
        fresh = jax.vmap(lambda k: LOGISTIC.draw(k, (), jnp.int32(1))[1])(jax.random.split(jax.random.key(99), 2000))
        start = learner.init(key)
        return [
            loss(jax.vmap(lambda x, s=s: learner.predict(s, x))(fresh.features), fresh.mean) for s in (start, state)
        ] + [loss(fresh.mean, fresh.mean)]

    def loss(s_hat, mu):
        return -jnp.mean(mu * jnp.log(s_hat) + (1 - mu) * jnp.log1p(-s_hat))

    before, after, least = map(float, learn(jax.random.key(3)))
    assert least < after < (before + least) / 2


def test_the_mlp_has_the_layers_of_the_paper():
    state = predictors.mlp(D, M, hidden=4).init(jax.random.key(0))
    shapes = jax.tree.map(jnp.shape, state.learner.params)["params"]
    assert shapes == {
        "Dense_0": {"kernel": (D, 4), "bias": (4,)},
        "LayerNorm_0": {"scale": (4,), "bias": (4,)},
        "Dense_1": {"kernel": (4, M), "bias": (M,)},
    }
    assert predictors.mlp(D, M).init(jax.random.key(0)).learner.params["params"]["Dense_0"]["kernel"].shape == (
        D,
        D,
    )
    # Linear, LayerNorm, ReLU, (no dropout), Linear, sigmoid by hand.
    x, p = np.linspace(-1, 2, D), jax.tree.map(np.asarray, state.learner.params)["params"]
    h = x @ p["Dense_0"]["kernel"] + p["Dense_0"]["bias"]
    h = (h - h.mean()) / np.sqrt(h.var() + 1e-6) * p["LayerNorm_0"]["scale"] + p["LayerNorm_0"]["bias"]
    logits = np.maximum(h, 0) @ p["Dense_1"]["kernel"] + p["Dense_1"]["bias"]
    result = predictors.mlp(D, M, hidden=4).predict(state, jnp.asarray(x, jnp.float32))
    np.testing.assert_allclose(result, 1 / (1 + np.exp(-logits)), rtol=1e-5)


def test_dropout_is_live_in_updates_only():
    x, labels = jnp.ones(D), outcome([1, 0])
    frozen = optax.set_to_zero()  # parameters stay, so that only the dropout can differ
    mlp = predictors.mlp(D, M, hidden=64, dropout=0.5, tx=frozen)
    state = mlp.init(jax.random.key(0))
    later = mlp.update(state, x, labels)
    assert int(later.learner.seen) == 1
    np.testing.assert_array_equal(mlp.predict(later, x), mlp.predict(state, x))
    head, params = Head(M, 64, dropout=0.5), state.learner.params
    still = [head.apply(params, x), head.apply(params, x)]
    np.testing.assert_array_equal(*still)

    def change(seen):
        """The gradient of an update made after `seen` others, as the step of plain gradient descent."""
        moving = predictors.mlp(D, M, hidden=64, dropout=0.5, tx=optax.sgd(1.0))
        start = moving.init(jax.random.key(0))
        start = start._replace(learner=start.learner._replace(seen=jnp.int32(seen)))
        return np.asarray(moving.update(start, x, labels).learner.params["params"]["Dense_1"]["kernel"]) - np.asarray(
            start.learner.params["params"]["Dense_1"]["kernel"]
        )

    assert (change(0) != 0).any() and (change(0) != change(1)).any()
    np.testing.assert_array_equal(change(0), change(0))


# --- when predictors move: on exploration that was heard of ------------------------------------------------------


def count(name: str, what):
    return folds.fold(name, lambda num_models: jnp.zeros((), jnp.int32), lambda n, step: n + what(step))


def after_sixty(c: float, f: float, learner=None):
    """Final readings, and the numbers of requests that were heard of and learned from."""
    feedback_received = count("heard", lambda step: step.feedback.feedback_received)
    observed = count("observed", lambda step: step.feedback.outcome.observed.any())
    return simulate(
        jax.random.key(4), Controls(V=1.0, alpha=0.7, c=c, f=f), stream=TYPES, horizon=60, feedback=feedback.sparse,
        policy=policies.mess_plus(predictors.tabular(K, M) if learner is None else learner),
        meter=folds.zip_meters(standard_meters.standard(), feedback_received, observed),
    ).final  # fmt: skip


def test_no_exploration_no_learning():
    final = after_sixty(c=0.0, f=1.0)
    assert int(final["explored"]) == 0
    # s_hat = 1/2 to the end: e_t = max |1/2 - mu| of the type, at most .4.
    assert float(final["error_max"]) == pytest.approx(0.4)
    learned = after_sixty(c=100.0, f=1.0)
    assert int(learned["explored"]) == 60 and float(learned["error_last"]) < 0.2


def test_without_feedback_queue_and_predictor_stand_still():
    final = after_sixty(c=100.0, f=0.0)
    assert int(final["heard"]) == int(final["observed"]) == 0 and int(final["explored"]) == 60
    assert float(final["queue_last"].to_host()) == 0 and float(final["error_last"]) >= 0.2 - 1e-6


def test_updates_are_the_explored_requests_that_were_heard_of():
    noisy = predictors.noisy(TYPES, 0.4, q=1.0)  # its error counts its updates: .4 / (1 + n)
    final = after_sixty(c=0.8, f=0.5, learner=noisy)
    final_n = 0.4 / float(final["error_last"]) - 1
    assert 0 < int(final["observed"]) < min(int(final["explored"]), int(final["heard"]))
    # e_T is of the state before the last update.
    assert int(final["observed"]) - 1 <= round(final_n) <= int(final["observed"])


def test_a_sweep_learns_the_same_whatever_V_and_alpha():
    run = grid_sweep.sweep(
        jax.random.key(0), Controls(V=[0.1, 10.0], alpha=[0.5, 0.7], c=0.5), stream=LOGISTIC, horizon=80, num_streams=2,
        policy=policies.mess_plus(predictors.linear(D, M)),
        meter=folds.zip_meters(standard_meters.ledger(), standard_meters.theory()),
    )  # fmt: skip
    assert np.ptp(run["error_mean"].values, axis=(0, 1)).max() == 0 and np.ptp(run["S"].values, axis=(0, 1)).min() > 0
