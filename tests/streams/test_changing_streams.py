"""Streams that change: chains, change points, drift, Markov modulation, adversarial orders."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support.stream_runs import COST, EASY, HARD, paths, plausible

from messjax import streams, zoo
from messjax.numerics import virtual_queue as queue
from messjax.streams.worst_order import shares_of
from messjax.theory import optimum
from messjax.theory.laws import stationary_law
from messjax.types import Distribution


def test_a_chain_draws_what_its_parts_would_and_has_the_law_of_all():
    first, last = streams.types(EASY), streams.types(HARD)
    chain = streams.chain((first, 30), (last, 10))
    result, alone = paths(chain, 5, 40), [paths(part, 5, 40) for part in (first, last)]
    for whole, *parts in zip(*map(jax.tree.leaves, (result, *alone)), strict=True):
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
    np.testing.assert_allclose(stationary_law(P), [0.75, 0.25], atol=1e-12)
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
