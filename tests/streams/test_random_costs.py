"""Random costs, known or not before the call, and policies that estimate their means."""

from __future__ import annotations

import jax
import numpy as np
from support.stream_runs import COST, EASY, paths, plausible, play

from messjax import policies, predictors, streams
from messjax.policies import mean_costs
from messjax.theory import optimum


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
