"""Feedback that is late, partial or wrong."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support.stream_runs import COST, EASY, KEY, plausible, play

from messjax import feedback, policies, predictors, streams
from messjax.numerics import virtual_queue as queue
from messjax.types import Controls, Request


def test_what_is_delayed_is_known_exactly_so_many_requests_later():
    requests, alpha, delay = 80, 0.8, 3
    policy = policies.delayed(policies.mess_plus(predictors.tabular(2, 3)), delay, 2, 3)
    step, _, _ = play(policy, streams.types(EASY), requests, V=0.5, alpha=alpha, c=1.0, a=0.3)
    s = step.request.satisfaction[np.arange(requests), step.decision.serve]
    kind = step.request.features.argmax(axis=-1)
    for t in range(requests):
        known = np.arange(requests) < t - delay  # requests before this one that were heard of
        Q = queue.recursion(s[known], alpha)[-1]
        assert step.queue.to_host()[t] == pytest.approx(Q, abs=1e-6)
        learnt = known & step.decision.explore & (kind == kind[t])
        s_hat = (0.5 + step.request.satisfaction[learnt].sum(axis=0)) / (1 + learnt.sum())
        np.testing.assert_allclose(step.decision.s_hat[t], s_hat, atol=1e-5)
    np.testing.assert_allclose(step.decision.p, np.minimum(1, np.arange(1, requests + 1) ** -0.3), rtol=1e-5)


def test_no_delay_is_the_policy_itself_and_late_bills_are_no_bills_yet():
    policy = policies.mess_plus(predictors.tabular(2, 3))
    assert policies.delayed(policy, 0, 2, 3) == policy
    late = policies.delayed(policies.running_mean_costs(policies.single(1), 3, start=1.0), 2, 2, 3)
    _, state, _ = play(late, streams.types(EASY), 5, alpha=0.5)
    assert state.policy.ran[:, 1].tolist() == [1, 1, 1, 2, 3] and (state.policy.ran[:, [0, 2]] == 1).all()


@jax.jit
def _many(feedback_received, decision, request, controls):
    return jax.vmap(lambda key: feedback_received(key, decision, request, controls))(jax.random.split(KEY, 20_000))


def hear(feedback_received, explore: bool, f: float = 1.0):
    """Twenty thousand times the feedback on one request, model 1 serving."""
    learn = jnp.full(3, explore)
    decision = policies.static.Decision(jnp.int32(1), learn, jnp.asarray(explore), jnp.float32(0), jnp.zeros(3))
    request = Request(jnp.zeros(2), jnp.asarray(COST, jnp.float32), jnp.array([1.0, 1.0, 0.0]), jnp.full(3, jnp.nan))
    controls = jax.tree.map(lambda x: jnp.float32(x), Controls(f=f))
    return jax.tree.map(np.asarray, _many(jax.tree_util.Partial(feedback_received), decision, request, controls))


def test_one_sided_feedback_hides_all_but_the_served_model():
    result = hear(feedback.one_sided, explore=True, f=0.3)
    assert plausible(result.feedback_received.sum(), 20_000, 0.3)
    np.testing.assert_array_equal(result.outcome.observed, result.feedback_received[:, None] & [False, True, False])
    np.testing.assert_array_equal(result.outcome.satisfaction, result.outcome.observed)  # model 0's success is not told
    np.testing.assert_array_equal(result.served_satisfaction, result.feedback_received)
    np.testing.assert_array_equal(result.cost, np.broadcast_to(COST, (20_000, 3)))  # bills are
    assert not hear(feedback.one_sided, explore=False).outcome.observed.any()


@pytest.mark.parametrize("queue_labels", ["flipped", "true"])
def test_noisy_feedback_flips_at_its_rate(queue_labels):
    result = hear(feedback.noisy(0.2, queue_labels=queue_labels), explore=True)
    assert plausible(result.outcome.satisfaction.sum(axis=0), 20_000, np.array([0.8, 0.8, 0.2]))
    wanted = result.outcome.satisfaction[:, 1] if queue_labels == "flipped" else np.ones(20_000)
    np.testing.assert_array_equal(result.served_satisfaction, wanted)
    both = (result.outcome.satisfaction[:, 0] != 1) & (result.outcome.satisfaction[:, 2] != 0)
    assert plausible(both.sum(), 20_000, 0.04)
