"""Several SLAs at once: a queue per class of service."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support.jaxprs import loop_carries
from support.stream_runs import COST, EASY, KEY, plausible, play

from messjax import feedback, policies, predictors, streams
from messjax.engine import grid_program, simulation
from messjax.meters import per_class, standard_meters
from messjax.streams import service_classes as stream_classes
from messjax.types import Controls


def test_every_class_has_its_queue_and_keeps_its_agreement():
    requests, alphas = 3000, np.array([0.55, 0.8, 0.9])
    stream = streams.with_classes(streams.types(EASY), np.array([0.5, 0.3, 0.2]))
    policy = policies.by_class(policies.mess_plus(predictors.oracle(stream)), alphas)
    step, _, after = play(policy, stream, requests, V=1.0, c=0.2, alpha=0.1)  # an alpha that nobody looks at
    k = step.request.features[:, -1].astype(int)
    s = step.request.satisfaction[np.arange(requests), step.decision.serve]
    Q = np.zeros(3)
    path = np.empty((requests, 3))
    for t in range(requests):
        Q[k[t]] = max(0.0, Q[k[t]] + alphas[k[t]] - s[t])
        path[t] = Q
    np.testing.assert_allclose(after.queue.to_host(), path, atol=1e-6)
    np.testing.assert_allclose(step.next_queue.to_host(), path.max(axis=1), atol=1e-6)
    for i, share in enumerate([0.5, 0.3, 0.2]):
        of = k == i
        assert plausible(of.sum(), requests, share)
        short = alphas[i] * of.sum() - s[of].sum()
        assert short <= path[-1, i] + 1e-6 and path[-1, i] < 30 and short / of.sum() < 0.05  # L1 per class
    exploited = ~step.decision.explore
    mean = [step.request.cost[np.arange(requests), step.decision.serve][exploited & (k == i)].mean() for i in range(3)]
    assert mean[0] < mean[1] < mean[2]  # and none pays for another's

    meter = per_class.sla_per_class(alphas)
    run = jax.jit(lambda steps: jax.lax.scan(lambda r, x: (meter.add(r, x), None), meter.init(3), steps)[0])
    numbers = run(jax.tree.map(jnp.asarray, step))
    for mine, its in zip(numbers.queues, after.queue, strict=True):
        np.testing.assert_array_equal(mine, its[-1])
    metrics = {name: getattr(x, "to_host", lambda x=x: np.asarray(x))() for name, x in meter.read(numbers).items()}
    for i in range(3):
        assert metrics[f"requests_class_{i}"] == (k == i).sum()
        assert metrics[f"satisfaction_class_{i}"] == pytest.approx(s[k == i].mean(dtype=float), abs=1e-9)
        assert metrics[f"violation_class_{i}"] == pytest.approx(alphas[i] - s[k == i].mean(), abs=1e-6)
        assert metrics[f"queue_class_{i}"] == pytest.approx(path[-1, i], abs=1e-6)


def test_a_class_may_be_a_function_of_the_type():
    of = stream_classes.of_type(np.array([1, 0]))
    assert [int(of(x)) for x in jnp.eye(2)] == [1, 0]
    policy = policies.by_class(policies.greedy(predictors.tabular(2, 3)), np.array([0.5, 0.7]), class_of=of)
    step, _, after = play(policy, streams.types(EASY), 30, feedback_received=feedback.sparse, f=0.5, c=0.2)
    moved = np.diff(np.concatenate([np.zeros((1, 2)), after.queue.to_host()]), axis=0) != 0
    other = step.request.features.argmax(axis=-1)  # a type's own class is the other number
    assert moved.any() and not moved[np.arange(30), other].any() and not moved[~step.feedback.feedback_received].any()


@pytest.mark.parametrize("wrapped", ["by_class", "delayed", "running_mean_costs"])
def test_a_wrapped_router_still_has_one_predictor_path_for_every_V(wrapped):
    """As in test_engine: no loop carries weights [M, D] once per V (5) or alpha (7)."""
    num_features, router = 11, policies.mess_plus(predictors.linear(11, 3))
    policy = {
        "by_class": lambda: policies.by_class(router, np.array([0.5, 0.6])),
        "delayed": lambda: policies.delayed(router, 2, num_features, 3),
        "running_mean_costs": lambda: policies.running_mean_costs(router, 3),
    }[wrapped]()
    stream = streams.calibrated(COST, np.array([0.4, 0.6, 0.9]), num_features=num_features)
    world = simulation.assemble(policy, stream, standard_meters.virtual_queue(), feedback.complete)
    axes = Controls(*(jnp.asarray(x, jnp.float32) for x in (np.ones(5), np.full(7, 0.5), 0.1, 0.25, 1.0)))
    given = KEY, jnp.arange(2), axes, world, simulation.checkpoint_times(100, 0)
    jaxpr = jax.make_jaxpr(lambda *x: grid_program.program(*x, None, tuple(jax.local_devices()[:1])))(*given)
    carried = list(loop_carries(jaxpr.jaxpr))
    weights = [shape for shape in carried if shape[-2:] == (3, num_features)]
    assert weights and any(5 in shape for shape in carried)  # the walk sees both
    assert all(not {5, 7} & set(shape[:-2]) for shape in weights), weights
