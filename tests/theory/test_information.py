"""T2' for partitions on exact chains, what of its first form falls, and the corrected bound of D_G."""

from __future__ import annotations

import numpy as np
import pytest

from messjax.theory import BoundInputs, distribution_constants, exact, optimum
from messjax.theory.information import cells_of, partition_cost
from messjax.types import Distribution


def chain(law, s_hat, cells, V, n, N, p, Q_1=0):
    """Exact sums over requests of MESS+ with fixed predictions, alpha = n/N, probabilities p of exploration.

    Returns the expected cost, D_G, X, and the sums of two bounds of D_G: the first form 2 Q max_m |s_hat_m - nu_m| by
    type, and the corrected one, Q {max_m E[mu_m - s_hat_m | cell] + E[s_hat_i - mu_i | cell]}.
    """
    w, E, mu = law[:3]
    K, alpha, coarse, size = len(w), n / N, cells_of(law, cells), Q_1 + n * len(p) + N
    Q = np.arange(size) / N
    score = V * E + Q[:, None, None] * (alpha - s_hat)
    i, k = score.argmin(axis=2), np.arange(K)
    least = (V * coarse.cost + Q[:, None, None] * (alpha - coarse.mean)).min(axis=2)  # [size, B]
    served = V * E[k, i] + Q[:, None] * (alpha - mu[k, i])
    nu = coarse.mean[cells]
    first = Q[:, None] * 2.0 * np.abs(s_hat - nu).max(axis=1)
    under = np.array(
        [np.average((mu - s_hat)[cells == b], axis=0, weights=w[cells == b]).max() for b in range(max(cells) + 1)]
    )
    corrected = Q[:, None] * (under[cells] + (s_hat - mu)[k, i])
    state, out = np.zeros(size), dict.fromkeys(("cost", "D", "X", "first", "corrected"), 0.0)
    state[Q_1] = 1.0
    for explore in p:
        a = (1.0 - explore) * state
        out["cost"] += a @ (E[k, i] @ w) + explore * float(w @ E.sum(axis=1))
        out["D"] += a @ ((served - least[:, cells]) @ w)
        out["first"] += a @ (first @ w)
        out["corrected"] += a @ (corrected @ w)
        out["X"] += explore * float(state @ Q)
        good = (1.0 - explore) * (mu[k, i] @ w) + explore * float(w @ mu[:, -1])
        after = np.zeros(size)
        np.add.at(after, np.minimum(np.arange(size) + n, size - 1), state * (1.0 - good))
        np.add.at(after, np.clip(np.arange(size) + n - N, 0, size - 1), state * good)
        state = after
    return out


def instance(rng):
    K, M, N, T = rng.integers(1, 5), rng.integers(1, 4), int(rng.choice([2, 5, 10])), int(rng.choice([1, 5, 40]))
    cells = np.unique(rng.integers(0, rng.integers(1, K + 1), K), return_inverse=True)[1]
    w, mu = rng.dirichlet(np.ones(K)), rng.random((K, M)).round(2)
    E = rng.random((K, M)) * rng.choice([0.1, 1.0, 5.0])
    E = E if rng.random() < 0.5 else E[cells]  # half the time a function of the cell
    law = Distribution(w, E, mu)
    n = int(rng.integers(0, int(optimum.largest_alpha(cells_of(law, cells)) * N + 1e-9) + 1))
    s_hat = mu if rng.random() < 0.2 else mu + rng.normal(size=mu.shape) * rng.choice([0.05, 0.3, 1.0])
    s_hat = s_hat if rng.random() < 0.5 else s_hat[np.array([np.flatnonzero(cells == b)[0] for b in cells])]
    V, p = float(10 ** rng.uniform(-1, 2)), np.full(T, rng.choice([0.0, 0.2]))
    return law, s_hat, cells, V, n, N, p, int(rng.choice([0, 0, 3 * N]))


def bounds(law, s_hat, cells, V, n, N, p, Q_1):
    out, alpha, T = chain(law, s_hat, cells, V, n, N, p, Q_1), n / N, len(p)
    best, coarse = optimum.solve(law, alpha), optimum.solve(cells_of(law, cells), alpha)
    inputs = BoundInputs.at(distribution_constants(law, alpha), best, V=V, T=T, P_T=p.sum(), Q_1=Q_1 / N)
    bound = partition_cost(inputs, D_T=out["D"], exploration_queue=out["X"], C_cells=coarse.cost)
    return out, float(bound) - (out["cost"] / T - best.cost)


def test_the_bound_stands_on_exact_chains_and_the_corrected_bound_of_its_loss_too():
    rng = np.random.default_rng(4)
    for _ in range(400):
        given = instance(rng)
        out, margin = bounds(*given)
        law, s_hat, cells = given[:3]
        assert margin > -1e-9, given
        assert out["D"] <= out["corrected"] + 1e-9, given
        seen = np.hstack([s_hat, law.cost])
        function = all(np.ptp(seen[cells == b], axis=0).max() < 1e-12 for b in set(cells))
        if function:  # the choice is a function of the cell
            assert -1e-9 <= out["D"] <= out["first"] + 1e-9, given


CELL = np.zeros(2, int)


def test_a_choice_that_sees_more_than_the_cell_breaks_the_first_form():
    """Predictions within .01 of the cell's mean, and yet the loss is a quarter of Q: the second model is chosen where
    it fails. Refuted: D_G <= sum 2 Q max_m |s_hat_m - nu_m|, which gives 2 Q .01."""
    law = Distribution(np.full(2, 0.5), np.array([[0.0, 1.0]] * 2), np.array([[0.0, 0.0], [0.0, 1.0]]))
    s_hat = np.array([[0.0, 0.51], [0.0, 0.49]])
    out = chain(law, s_hat, CELL, V=1.0, n=0, N=2, p=np.zeros(1), Q_1=4)  # Q = 2 = V / nu
    assert out["D"] == pytest.approx(2.0 * 0.25) and out["first"] == pytest.approx(2.0 * 2.0 * 0.01)
    assert out["D"] <= out["corrected"] + 1e-12


def test_costs_that_vary_within_the_cell_break_the_first_form_even_where_predictions_are_calibrated():
    """s_hat = nu exactly; the second model is cheap where it fails, so it is served there and nowhere else."""
    law = Distribution(np.full(2, 0.5), np.array([[0.0, 0.5], [0.0, 1.5]]), np.array([[0.0, 0.0], [0.0, 1.0]]))
    s_hat = np.array([[0.0, 0.5]] * 2)
    out = chain(law, s_hat, CELL, V=1.0, n=0, N=2, p=np.zeros(1), Q_1=4)
    assert out["first"] == 0.0 and out["D"] > 0.2 and out["D"] <= out["corrected"] + 1e-12


def test_more_information_than_the_cell_may_make_the_loss_negative_and_finer_cells_never_lower_it():
    law = Distribution(
        np.full(4, 0.25), np.array([[0.1, 1.0]] * 4), np.array([[0.1, 0.9], [0.8, 0.9], [0.5, 0.6], [0.3, 0.9]])
    )
    given = {"V": 3.0, "n": 3, "N": 5, "p": np.zeros(60)}
    losses = [chain(law, law.mean, np.array(cells), **given)["D"] for cells in ([0] * 4, [0, 1, 1, 0], [0, 1, 2, 3])]
    assert losses[0] < losses[1] < losses[2] == pytest.approx(0.0, abs=1e-9)


def test_cells_are_averaged_and_bad_ones_refused():
    law = Distribution(np.array([0.25, 0.75]), np.array([[1.0], [5.0]]), np.array([[0.0], [0.8]]))
    one = cells_of(law, [3, 3])
    assert one.weight == pytest.approx([1.0]) and one.cost == pytest.approx(np.array([[4.0]]))
    assert one.mean == pytest.approx(np.array([[0.6]]))
    for bad in ([0], [0, -1], [0.0, 1.0]):
        with pytest.raises(ValueError, match="cells has"):
            cells_of(law, bad)


def test_the_observed_pair_bound_stands_on_exact_chains_and_falls_without_either_error():
    """Against the best router without features: signed errors of the served model and of its models, weighted by Q."""
    rng, needed = np.random.default_rng(6), {"served": 0, "other": 0}
    for _ in range(300):
        law, s_hat, _, V, n, N, p, Q_1 = instance(rng)
        cells = np.zeros(len(law.weight), int)
        if n / N > optimum.largest_alpha(cells_of(law, cells)):
            continue
        w, mu, T, alpha = law.weight, law.mean, len(p), n / N
        run = exact.transient(law, V=V, alpha=alpha, T=T, s_hat=s_hat, p=p, Q_1=Q_1 / N)
        score = V * law.cost + run.states[:, None, None] * (alpha - s_hat)
        i = (score <= score.min(axis=2, keepdims=True) + 1e-12 * (1 + run.states[:, None, None])).argmax(axis=2)
        over = (s_hat - mu)[np.arange(len(w)), i] @ w  # of what is served, by Q
        weighted = run.exploited * run.states
        best, coarse = optimum.solve(law, alpha), optimum.solve(cells_of(law, cells), alpha)
        served, other = float(weighted @ over), float(weighted.sum()) * float((w @ (mu - s_hat)) @ coarse.mixture[0])
        inputs = BoundInputs.at(distribution_constants(law, alpha), best, V=V, T=T, P_T=p.sum(), Q_1=Q_1 / N)

        def left(D, run=run, best=best, coarse=coarse, inputs=inputs):
            X = run.explored_queue.sum()
            return float(partition_cost(inputs, D_T=D, exploration_queue=X, C_cells=coarse.cost)) - (
                run.cost.mean() - best.cost
            )

        assert left(served + other) > -1e-9
        needed["served"] += left(other) < -1e-6
        needed["other"] += left(served) < -1e-6
    assert min(needed.values()) > 0, needed
