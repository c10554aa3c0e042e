"""Scenarios: changing worlds, random costs, feedback that is late, partial or wrong, several agreements at once."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import binom
from support.jaxprs import loop_carries

from messjax import feedback, policies, predictors, streams, zoo
from messjax.engine import grid_program, simulation
from messjax.meters import per_class, standard_meters
from messjax.numerics import virtual_queue as queue
from messjax.policies import mean_costs
from messjax.streams import service_classes as stream_classes
from messjax.streams.markov_modulated import stationary
from messjax.streams.worst_order import shares_of
from messjax.theory import optimum
from messjax.types import Controls, Distribution, Request

COST = np.array([1.0, 2.0, 4.0])
EASY = Distribution(np.array([0.4, 0.6]), np.tile(COST, (2, 1)), np.array([[0.6, 0.8, 0.9], [0.5, 0.7, 0.95]]))
HARD = Distribution(np.array([0.5, 0.5]), np.tile(2 * COST, (2, 1)), np.array([[0.1, 0.3, 0.7], [0.0, 0.2, 0.6]]))
KEY = jax.random.key(7)


@jax.jit
def _paths(stream, keys, times):
    def path(key):
        def one(state, t):
            return stream.draw(jax.random.fold_in(key, t), state, t)

        return jax.lax.scan(one, stream.init(jax.random.fold_in(key, 0)), times)[1]

    return jax.vmap(path)(keys)


def paths(stream, num_streams: int, requests: int) -> Request:
    """Requests [streams, t, ...] as NumPy arrays."""
    inside = stream._replace(distribution=None, length=None)
    keys = jax.random.split(KEY, num_streams)
    return jax.tree.map(np.asarray, _paths(inside, keys, 1 + jnp.arange(requests)))


@jax.jit
def _play(policy, stream, feedback_received, controls, times):
    worlds = simulation.component_keys(KEY)

    def one(carry, t):
        state, world = carry
        keys = [jax.random.fold_in(key, t) for key in worlds]
        world, request = stream.draw(keys[0], world, t)
        after, step = simulation.serve((keys[1], keys[2]), state, request, t, controls, policy, feedback_received)
        return (after, world), (step, state, after)

    start = (policy.init(jax.random.fold_in(worlds[1], 0), controls), stream.init(jax.random.fold_in(worlds[0], 0)))
    return jax.lax.scan(one, start, times)[1]


def play(policy, stream, requests: int, feedback_received=feedback.complete, **numbers):
    """Every step of one run, with the policy's states before and after it, as NumPy arrays [t, ...]."""
    controls = Controls(*(jnp.float32(x) for x in Controls(**numbers)))
    world = simulation.assemble(policy, stream, None, feedback_received)
    result = _play(world.policies[""], world.stream, world.feedback, controls, 1 + jnp.arange(requests))
    return jax.tree.map(np.asarray, result)


def plausible(hits, number, probability) -> bool:
    """Hits out of a number compatible with the probability: 1e-6 in either tail, fixed seeds."""
    low, high = binom.ppf(1e-6, number, probability), binom.ppf(1 - 1e-6, number, probability)
    return bool(np.all((low <= hits) & (hits <= high)))


# --- worlds that change -----------------------------------------------------------------------------------------------


def test_a_chain_draws_what_its_parts_would_and_has_the_law_of_all():
    first, last = streams.types(EASY), streams.types(HARD)
    chain = streams.chain((first, 30), (last, 10))
    result, alone = paths(chain, 5, 40), [paths(part, 5, 40) for part in (first, last)]
    for whole, *parts in zip(result, *alone, strict=True):
        np.testing.assert_array_equal(whole, np.concatenate([parts[0][:, :30], parts[1][:, 30:]], axis=1))
    distribution = optimum.check_distribution(chain.distribution())
    np.testing.assert_allclose(distribution.weight, [0.3, 0.45, 0.125, 0.125])
    np.testing.assert_array_equal(distribution.cost[:, 0], [1, 1, 2, 2])
    assert chain.length == 40 and chain.mean is None and distribution.kind == "exact"


def test_the_change_comes_at_its_time_and_shows_where_it_is_to():
    change = streams.change(streams.types(EASY), streams.types(HARD), 8, shown=True)
    result = paths(change, 3, 20)
    assert (result.cost[:, :7, 0] == 1).all() and (result.cost[:, 7:, 0] == 2).all()
    np.testing.assert_array_equal(result.features[:, :, 2:].argmax(axis=-1), result.cost[..., 0] - 1)
    known = jax.vmap(jax.vmap(change.mean))(jnp.asarray(result.features))
    np.testing.assert_allclose(known, result.mean, rtol=1e-6)
    assert change.distribution is None and change.length is None


def test_benchmarks_have_their_published_marginals_each_in_its_turn():
    llama = zoo.get("llama3")
    assert llama.requests.sum() == 13_528 and zoo.get("llama3/SciQ").requests.tolist() == [1000]
    rows, requests, number = [0, 3], np.array([20, 30]), 400
    chain = streams.benchmarks(llama.cost[rows], llama.accuracy[rows], requests, num_features=4)
    result = paths(chain, number, 50)
    for k, row in enumerate(rows):
        part = slice(0, 20) if k == 0 else slice(20, 50)
        np.testing.assert_allclose(result.cost[:, part], np.broadcast_to(llama.cost[row], result.cost[:, part].shape))
        assert plausible(result.satisfaction[:, part].sum((0, 1)), number * requests[k], llama.accuracy[row])
    distribution = chain.distribution()
    np.testing.assert_allclose(distribution.weight @ distribution.mean, requests @ llama.accuracy[rows] / 50, atol=2e-3)


def test_a_drift_is_half_way_at_half_time():
    number, requests = 4000, 9
    drift = streams.drift(streams.types(EASY), streams.types(HARD), requests)
    result = paths(drift, number, requests)
    moved = (result.cost[..., 0] == 2).sum(axis=0)
    assert plausible(moved, number, (np.arange(requests) + 0.5) / requests)
    assert plausible(
        result.satisfaction[:, 4].sum(axis=0), number, 0.5 * (EASY.weight @ EASY.mean + 0.5 * HARD.mean.sum(0))
    )
    np.testing.assert_allclose(drift.distribution().weight, [0.2, 0.3, 0.25, 0.25])
    assert drift.length == requests
    seen = streams.drift(streams.types(EASY), streams.types(EASY._replace(weight=np.array([0.9, 0.1]))), 9)
    assert seen.mean is not None and drift.mean is None  # an oracle is left where only the shares of types move


P = np.array([[0.9, 0.1], [0.3, 0.7]])  # stationary law (3/4, 1/4)


def test_a_modulated_stream_is_stationary_and_moves_by_its_matrix():
    np.testing.assert_allclose(stationary(P), [0.75, 0.25], atol=1e-12)
    number = 4000
    modulated = streams.modulated([streams.types(EASY), streams.types(HARD)], P, shown=True)
    result = paths(modulated, number, 8)
    state = result.features[..., 2:].argmax(axis=-1)
    np.testing.assert_array_equal(state, result.cost[..., 0] - 1)
    assert plausible((state == 0).sum(axis=0), number, 0.75)
    for i in range(2):
        at = state[:, 3] == i
        assert plausible((state[at, 4] == 0).sum(), at.sum(), P[i, 0])
    np.testing.assert_allclose(modulated.distribution().weight, [0.3, 0.45, 0.125, 0.125])


def test_streams_of_streams_of_streams_are_independent_of_one_another():
    inner = streams.drift(streams.types(EASY), streams.types(HARD), 2)  # HARD at t = 1 with probability 1/4
    outer = streams.drift(inner, streams.types(EASY._replace(cost=np.tile(8 * COST, (2, 1)))), 2)
    cost = paths(outer, 4000, 1).cost[:, 0, 0]
    assert plausible([(cost == c).sum() for c in (1, 2, 8)], 4000, np.array([0.75 * 0.75, 0.75 * 0.25, 0.25]))


def test_a_part_that_is_a_trace_meets_its_requests_once_and_in_its_order():
    traces = [
        streams.replay(np.arange(9.0)[:, None], np.ones((9, 2)), np.full((9, 2), c), order="file") for c in (1, 2)
    ]
    result = paths(streams.modulated(traces, P), 20, 9)
    assert streams.modulated(traces, P).length == 9
    for row, cost in zip(result.features[..., 0], result.cost[..., 0], strict=True):
        assert all((row[cost == c] == np.arange((cost == c).sum())).all() for c in (1, 2))
    assert len(np.unique(result.cost[..., 0], axis=0)) > 5


def test_adversarial_orders_are_permutations_and_none_is_worse_for_the_queue():
    rng = np.random.default_rng(0)
    s = rng.integers(0, 2, (40, 2)).astype(float)
    s[:, 1] = rng.random(40).round(2)
    alpha, rows = 0.6, np.arange(40.0)[:, None]
    others = [queue.recursion(s[rng.permutation(40), 1], alpha) for _ in range(300)]
    for order in ("hard first", "hard last"):
        stream = streams.adversarial_replay(rows, s, np.ones((40, 2)), order=order)
        result = paths(stream, 2, 40)
        assert (np.sort(result.features[..., 0]) == rows[:, 0]).all() and (
            result.features[0] == result.features[1]
        ).all()
        Q = queue.recursion(result.satisfaction[0, :, 1].astype(float), alpha)
        worst = np.maximum(alpha - s[:, 1], 0.0).sum()
        if order == "hard first":
            climbing = int((s[:, 1] < alpha).sum()) + 1
            assert all((Q[:climbing] >= other[:climbing] - 1e-6).all() for other in others)
            assert Q.max() == pytest.approx(worst, abs=1e-5) and Q.max() >= max(other.max() for other in others) - 1e-6
        else:
            assert Q[-1] == pytest.approx(worst, abs=1e-5) and Q[-1] >= max(other[-1] for other in others) - 1e-6
        assert (stream.distribution().mean == s).all()


def test_an_adversarial_law_has_its_shares_exactly_and_its_hard_types_first():
    distribution = Distribution(
        np.array([0.5, 0.2, 0.3]), np.tile(COST, (3, 1)), np.array([[0.5] * 3, [0.9] * 3, [0.1] * 3])
    )
    stream = streams.adversarial(distribution, 7)
    kinds = paths(stream, 2, 7).features.argmax(axis=-1)
    np.testing.assert_array_equal(kinds, [[2, 2, 0, 0, 0, 0, 1]] * 2)  # 3.5, 1.4, 2.1 of seven
    np.testing.assert_allclose(stream.distribution().weight, np.array([4, 1, 2]) / 7)
    assert shares_of(np.array([0.45, 0.05, 0.5]), 4).tolist() == [2, 0, 2] and stream.length == 7


# --- costs ------------------------------------------------------------------------------------------------------------


def test_costs_by_length_are_price_times_a_geometric_length():
    calm, number, mean = streams.types(EASY), 40_000, np.array([1.0, 4.0, 20.0])
    stream = streams.by_length(calm, np.array([0.5, 1.0, 2.0]), mean)
    result, same = paths(stream, number // 20, 20), paths(calm, number // 20, 20)
    np.testing.assert_array_equal(result.features, same.features)
    np.testing.assert_array_equal(result.satisfaction, same.satisfaction)
    length = (result.cost / [0.5, 1.0, 2.0]).reshape(-1, 3)
    assert (length == length.round()).all() and (length >= 1).all() and (length[:, 0] == 1).all()
    for n in (1, 5, 30):
        assert plausible((length > n).sum(axis=0), number, (1 - 1 / mean) ** n)
    assert abs(np.corrcoef(length[:, 1:].T)[0, 1]) < 0.03
    distribution = stream.distribution()
    assert distribution.kind == "sampled"
    np.testing.assert_allclose(distribution.weight @ distribution.cost, [0.5, 4.0, 40.0], rtol=1e-9)
    np.testing.assert_allclose(distribution.weight @ distribution.mean, EASY.weight @ EASY.mean)
    means = streams.by_length(calm, np.array([0.5, 1.0, 2.0]), mean, known=False).distribution()
    assert means.kind == "exact" and (means.cost == [0.5, 4.0, 40.0]).all() and (means.mean == EASY.mean).all()
    spread = np.sqrt(distribution.weight @ distribution.cost**2 - (distribution.weight @ distribution.cost) ** 2)
    np.testing.assert_allclose(spread, [0.0, np.sqrt(12.0), 2 * np.sqrt(380.0)], rtol=0.01)


def test_lognormal_costs_have_their_mean_and_spread_and_are_worth_seeing():
    sigma, number = 0.8, 40_000
    stream = streams.lognormal(streams.types(EASY), sigma, across="comonotone")
    log = np.log(paths(stream, number // 20, 20).cost.reshape(-1, 3) / COST)
    np.testing.assert_allclose(log - log[:, :1], 0.0, atol=1e-5)
    assert abs(log.mean() + sigma**2 / 2) < 5 * sigma / np.sqrt(number) and abs(log.std() - sigma) < 0.02
    distribution = stream.distribution()
    np.testing.assert_allclose(distribution.weight @ distribution.cost, COST, rtol=1e-9)
    apart = streams.lognormal(streams.types(EASY), sigma).distribution()
    hidden = streams.lognormal(streams.types(EASY), sigma, known=False).distribution()
    assert optimum.solve(apart, 0.75).cost < optimum.solve(hidden, 0.75).cost  # who sees the costs pays less
    assert (hidden.cost == EASY.cost).all()


def test_running_means_are_those_of_the_costs_paid():
    requests, V, start = 60, 3.0, 0.25
    stream = streams.by_length(streams.types(EASY), COST, np.array([2.0, 3.0, 5.0]))
    policy = policies.running_mean_costs(policies.mess_plus(predictors.oracle(streams.types(EASY))), 3, start=start)
    step, state, _ = play(policy, stream, requests, V=V, alpha=0.85, c=1.0, a=0.5)
    history = [[start] for _ in range(3)]
    for t in range(requests):
        mean = np.array([np.mean(h) for h in history])
        np.testing.assert_allclose(mean_costs.means(jax.tree.map(lambda x, t=t: x[t], state)), mean, rtol=1e-6)
        Q = step.queue.to_host()[t]
        if not step.decision.explore[t]:
            assert step.decision.serve[t] == np.argmin(V * mean - Q * step.decision.s_hat[t])
        query = step.decision.learn[t] | (np.arange(3) == step.decision.serve[t])
        for m in np.flatnonzero(query):
            history[m].append(step.request.cost[t, m])
    assert min(map(len, history)) > 5 and 5 < step.decision.explore.sum() < requests - 5


# --- feedback ---------------------------------------------------------------------------------------------------------


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
    controls = Controls(*(jnp.float32(x) for x in Controls(f=f)))
    return jax.tree.map(np.asarray, _many(jax.tree_util.Partial(feedback_received), decision, request, controls))


def test_one_sided_feedback_hides_all_but_the_served_model():
    result = hear(feedback.one_sided, explore=True, f=0.3)
    assert plausible(result.feedback_received.sum(), 20_000, 0.3)
    np.testing.assert_array_equal(result.outcome.observed, result.feedback_received[:, None] & [False, True, False])
    np.testing.assert_array_equal(result.outcome.satisfaction, result.outcome.observed)  # model 0's success is not told
    np.testing.assert_array_equal(result.served_satisfaction, result.feedback_received)
    np.testing.assert_array_equal(result.cost, np.broadcast_to(COST, (20_000, 3)))  # bills are
    assert not hear(feedback.one_sided, explore=False).outcome.observed.any()


@pytest.mark.parametrize("agreement", ["heard", "true"])
def test_noisy_feedback_flips_at_its_rate(agreement):
    result = hear(feedback.noisy(0.2, agreement=agreement), explore=True)
    assert plausible(result.outcome.satisfaction.sum(axis=0), 20_000, np.array([0.8, 0.8, 0.2]))
    wanted = result.outcome.satisfaction[:, 1] if agreement == "heard" else np.ones(20_000)
    np.testing.assert_array_equal(result.served_satisfaction, wanted)
    both = (result.outcome.satisfaction[:, 0] != 1) & (result.outcome.satisfaction[:, 2] != 0)
    assert plausible(both.sum(), 20_000, 0.04)


# --- several agreements -----------------------------------------------------------------------------------------------


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


# --- zoos -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("num_models", "spread"), [(2, 25.0), (7, 1.5), (100, 25.0)])
def test_every_model_of_a_synthetic_zoo_is_worth_its_price(num_models, spread):
    result = zoo.synthetic(num_models, spread=spread)
    distribution = optimum.check_distribution(result.distribution())
    level, weights = optimum.frontier(distribution.cost[0], distribution.mean[0])
    assert len(level) == num_models == len(set(result.models)) and (weights.max(axis=1) == 1).all()
    assert result.cost[0, 0] == 1 and result.cost[0, -1] == pytest.approx(spread)
    np.testing.assert_allclose(np.diff(result.accuracy[0]), 0.5 / (num_models - 1))
    assert distribution.mean[0, 0] < result.alpha[0] < distribution.mean[0, -1]


def test_mixed_families_break_the_order_of_the_zoo():
    result = zoo.synthetic(9, families=3)
    one = zoo.synthetic(9)
    np.testing.assert_allclose(result.accuracy[0], one.accuracy[0] - 0.1 * (np.arange(9) % 3))
    assert (result.cost == one.cost).all() and (np.diff(result.accuracy[0]) < 0).any()
    assert len(optimum.frontier(result.cost[0], result.accuracy[0])[0]) < 9


# --- what is refused --------------------------------------------------------------------------------------------------

TYPES, RECORDED = streams.types(EASY), streams.replay(np.zeros((3, 2)), np.ones((3, 3)), np.ones((3, 3)))
ROUTER = policies.mess_plus(predictors.tabular(2, 3))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: streams.chain(), "chain: expected at least one stream"),
        (lambda: streams.chain((TYPES, 0)), "chain: part 0 has 0 requests"),
        (lambda: streams.chain((TYPES, 1), (RECORDED, 4)), "part 1 is a trace of 3 requests, found 4"),
        (
            lambda: streams.chain((TYPES, 1), (streams.types(streams.graded(COST, [0.1, 0.2, 0.3])), 4)),
            r"chain: part 1 has features \(16,\) and costs \(3,\), expected features \(2,\)",
        ),
        (lambda: streams.change(TYPES, TYPES, 0), "change: at is 0"),
        (lambda: streams.change(RECORDED, TYPES, 9), "change: before is a trace of 3 requests, found 8"),
        (
            lambda: streams.drift(TYPES, RECORDED, 4),
            "drift: last is a trace of 3 requests, expected at least 4",
        ),
        (lambda: streams.modulated([TYPES, TYPES], np.eye(3)), r"transition has shape \(3, 3\), expected \[2, 2\]"),
        (lambda: streams.modulated([TYPES, TYPES], np.eye(2)), "more than one stationary distribution"),
        (lambda: streams.modulated([TYPES, TYPES], np.array([[0.5, 0.6], [1, 0]])), "row 0 .* sums to 1.1"),
        (lambda: streams.modulated([TYPES, TYPES], np.array([[1.5, -0.5], [1, 0]])), "found negative ones"),
        (
            lambda: streams.adversarial(EASY, 3, order="worst"),
            "order is 'worst', expected one of hard first, hard last",
        ),
        (lambda: streams.adversarial(EASY, 3, model=3), "model is 3, expected a number below 3"),
        (lambda: streams.benchmarks(COST, [0.1, 0.2, 0.3], [1, 2]), "1 rows of cost, 1 of accuracy and 2 numbers"),
        (lambda: streams.lognormal(TYPES, 3.0), "sigma is 3.0"),
        (lambda: streams.lognormal(TYPES, 1.0, across="models"), "across is 'models'"),
        (lambda: streams.by_length(TYPES, COST, np.array([1.0, 0.5, 2.0])), "expected finite mean lengths >= 1"),
        (lambda: streams.by_length(TYPES, COST, np.ones(2)), r"found price \(3,\) and length \(2,\)"),
        (lambda: streams.with_classes(TYPES, np.array([0.5, 0.6])), "expected probabilities"),
        (lambda: stream_classes.of_type(np.array([0.5])), "expected whole numbers"),
        (lambda: feedback.noisy(1.5), "flip is 1.5"),
        (lambda: feedback.noisy(0.1, agreement="both"), "agreement is 'both'"),
        (lambda: policies.delayed(ROUTER, -1, 2, 3), "found delay -1"),
        (lambda: policies.running_mean_costs(ROUTER, 0), "num_models is 0"),
        (lambda: policies.running_mean_costs(ROUTER, 3, start=-1.0), "start is -1.0"),
        (lambda: policies.by_class(ROUTER, np.array([0.5, 1.2])), r"expected alphas \[C\] in \[0, 1\]"),
        (lambda: policies.by_class(policies.single(0), np.array([0.5])), "expected a router .* of state Fixed"),
        (lambda: zoo.synthetic(1), "found 1 models"),
        (lambda: zoo.synthetic(3, spread=1.0), "spread 1.0"),
        (lambda: zoo.synthetic(9, families=9, gap=0.2), "accuracies from"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (policies.delayed(ROUTER, 2, 5, 3), "delayed: built for 5 features and 3 models, expected 2 and 3"),
        (policies.running_mean_costs(ROUTER, 2), "built for 2 models, expected 3"),
    ],
)
def test_a_wrapper_of_another_shape_is_refused_before_it_runs(policy, message):
    with pytest.raises(ValueError, match=message):
        simulation.simulate(
            KEY, Controls(alpha=0.5), policy=policy, stream=TYPES, horizon=3, meter=standard_meters.sla()
        )
