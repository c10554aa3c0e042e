"""Certificates cover on 1,000 simulated runs each, are not trivial, and bad input is refused."""

from __future__ import annotations

import numpy as np
import pytest

from messjax.statistics.confidence_sequences import running_mean_of_conditional_means
from messjax.theory import T9_path_tail, certificates, optimum
from messjax.types import Distribution

RUNS, LEVEL, ALPHA = 1_000, 0.95, 0.7
WEIGHT, COST = np.array([0.6, 0.4]), np.array([[1.0, 4.0], [1.0, 4.0]])
MEAN = np.array([[0.8, 0.9], [0.2, 0.7]])
CELLS = Distribution(WEIGHT, COST, MEAN)


def drawn(rng, num, kind="binary"):
    """Cells, costs, scores of requests; costs are exponential unless scores are binary."""
    cell = (rng.random(num) < WEIGHT[1]).astype(int)
    scores = (rng.random((num, 2)) < MEAN[cell]).astype(float)
    if kind == "binary":
        return cell, COST[cell], scores
    return cell, COST[cell] * rng.exponential(size=(num, 2)), np.where(rng.random((num, 2)) < 0.5, scores, MEAN[cell])


def test_the_limit_on_a_partition_covers_and_an_estimate_does_not():
    """Known prices, unknown weights, 1,000 labels: with the estimate for a limit, half the runs would be wrong."""
    rng, best = np.random.default_rng(5), optimum.solve(CELLS, ALPHA).cost
    runs = [certificates.partition_optimum(*drawn(rng, 1_000), ALPHA, num_cells=2, cell_cost=COST) for _ in range(RUNS)]
    assert np.mean([run.lower <= best for run in runs]) >= LEVEL
    assert np.mean([run.estimate <= best for run in runs]) < 0.7
    assert np.median([run.lower for run in runs]) > 1.0 + 0.1 * (best - 1.0)  # above the least cost of all routers


@pytest.mark.long
def test_the_limit_covers_where_costs_and_scores_are_any_numbers():
    rng, best = np.random.default_rng(6), optimum.solve(CELLS, ALPHA).cost
    runs = [certificates.partition_optimum(*drawn(rng, 150, "any"), ALPHA, num_cells=2).lower for _ in range(RUNS)]
    assert np.mean(np.array(runs) <= best) >= LEVEL and np.median(runs) > 0.55
    runs = [certificates.clairvoyant_optimum(*drawn(rng, 150, "any")[1:], ALPHA).lower for _ in range(RUNS)]
    assert np.mean(np.array(runs) <= best) >= LEVEL and np.median(runs) > 0.5


def test_many_labels_bring_the_limit_near_and_half_of_them_may_be_missing():
    cell, cost, scores = drawn(np.random.default_rng(7), 200_000)
    best = optimum.solve(CELLS, ALPHA).cost
    known = certificates.partition_optimum(cell, cost, scores, ALPHA, cell_weight=WEIGHT, cell_cost=COST)
    scores[::2] = np.nan
    half = certificates.partition_optimum(cell, cost, scores, ALPHA, cell_cost=COST)
    assert best - 0.05 < half.lower < known.lower < best and half.labelled == 100_000
    assert half.estimate == pytest.approx(best, abs=0.02)


def test_the_limit_is_the_optimum_where_everything_is_known():
    """Weights and costs known and a million labels a cell: the linear programme is `optimum.solve` at the limits."""
    rng = np.random.default_rng(8)
    for _ in range(5):
        cost, mean, weight = rng.random((3, 3)), rng.random((3, 3)), rng.dirichlet(np.ones(3))
        alpha = 0.9 * float(weight @ mean.max(axis=1))
        gamma = certificates._best_price(weight, weight, cost, mean, alpha)
        value = certificates._worst_value(weight, weight, (cost + gamma * (alpha - mean)).min(axis=1))
        assert value == pytest.approx(optimum.solve(Distribution(weight, cost, mean), alpha).cost, rel=1e-7)


def test_unknown_weights_are_the_worst_within_their_limits():
    least, most, value = np.array([0.2, 0.1, 0.1]), np.array([0.6, 0.5, 0.9]), np.array([3.0, 1.0, 2.0])
    assert certificates._worst_value(least, most, value) == pytest.approx(0.2 * 3 + 0.5 * 1 + 0.3 * 2)


def test_a_target_out_of_reach_is_certified_as_such():
    cell, cost, scores = drawn(np.random.default_rng(9), 4_000)
    limit = certificates.partition_optimum(cell, cost, scores, 0.95, cell_cost=COST)
    assert np.isinf(limit.lower) and np.isinf(limit.estimate)


def test_the_clairvoyant_limit_is_below_the_optimum_of_the_labels():
    cell, cost, scores = drawn(np.random.default_rng(10), 20_000)
    limit = certificates.clairvoyant_optimum(cost, scores, ALPHA)
    labels = optimum.solve(Distribution(np.full(len(cell), 1.0 / len(cell)), cost, scores), ALPHA).cost
    assert labels - 0.05 < limit.lower < labels + 0.02 and limit.cells == 0
    assert labels < optimum.solve(CELLS, ALPHA).cost - 0.1  # loose, as the warning says


def sparse_runs(f, T=400):
    """Queue after T requests, observed and true satisfaction of a router whose means depend on its past."""
    rng = np.random.default_rng(12)
    Q, total, conditional, observed, spread = np.zeros((5, RUNS))
    for t in range(T):
        mean = np.where(Q > 2.0, 0.9, 0.4)
        s, coin = rng.random(RUNS) < mean, rng.random(RUNS) < f
        x, guess = 0.5 + (s - 0.5) * coin / f, (observed + 0.5) / (t + 1)
        spread += (x - guess) ** 2
        observed += x
        total, conditional = total + s, conditional + mean
        Q = np.where(coin, np.maximum(Q + ALPHA - s, 0.0), Q)
    return Q, total / T, conditional / T, observed, spread


@pytest.mark.parametrize("f", [0.2, 1.0])
def test_satisfaction_is_certified_by_queue_and_confidence_sequence(f):
    Q, satisfaction, conditional, observed, spread = sparse_runs(f)
    limit = certificates.path_satisfaction(Q_last=Q, T=400, alpha=ALPHA, f=f, level=LEVEL)
    assert np.mean(limit <= satisfaction + 1e-12) >= (LEVEL if f < 1.0 else 1.0)
    bare = ALPHA - Q / (f * 400)  # the queue alone, which f < 1 does not allow
    assert np.mean(bare <= satisfaction + 1e-12) < LEVEL or f == 1.0
    interval = running_mean_of_conditional_means(
        observed, spread, np.full(RUNS, 400), 0.5 - 0.5 / f, 0.5 + 0.5 / f, LEVEL
    )
    assert np.mean((interval.lower <= conditional) & (conditional <= interval.upper)) >= LEVEL
    assert np.median(interval.upper - interval.lower) < (0.2 if f == 1.0 else 0.5)


def test_u_is_where_the_tail_of_T9_is_the_error():
    for f, alpha in ((0.05, 0.7), (0.5, 0.2), (0.9, 0.5)):
        u = (alpha - certificates.path_satisfaction(Q_last=0.0, T=1_000, alpha=alpha, f=f)) * 1_000
        assert T9_path_tail(T=1_000, f=f, delta=max(alpha, 1 - alpha), u=u) == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"cells": [0, -1]}, "cells has"),
        ({"cells": [0, 3], "num_cells": 2}, "number 3"),
        ({"cells": [0.0, 1.0]}, "whole numbers"),
        ({"cost": [[1.0, -2.0], [1.0, 1.0]]}, "cost is -2"),
        ({"satisfaction": [[1.0, 2.0], [1.0, 1.0]]}, "satisfaction is 2"),
        ({"satisfaction": [[1.0, 0.0]]}, "shapes"),
        ({"level": 1.0}, "level is 1.0"),
        ({"alpha": 1.5}, "alpha"),
    ],
)
def test_bad_input_is_refused(change, named):
    good = {"cells": [0, 1], "cost": np.ones((2, 2)), "satisfaction": np.ones((2, 2)), "alpha": 0.5}
    with pytest.raises(ValueError, match=named):
        certificates.partition_optimum(**(good | change))
