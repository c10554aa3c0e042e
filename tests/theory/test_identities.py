"""I1 to I4 as equalities, and the theorems that follow from them, on chains whose expectations are exact."""

from __future__ import annotations

from fractions import Fraction

import jax
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import messjax as mj
from messjax import plot, theory
from messjax.theory import exact, optimum
from messjax.types import Distribution

FEW = settings(max_examples=60, deadline=None, derandomize=True)
SLACK = 1e-9
unit = st.floats(0.0, 1.0)


@st.composite
def worlds(draw):
    """A law, an attainable alpha = n/N, V, exploration, predictions off by a drawn amount, and a start."""
    K, M, N = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.sampled_from([2, 4, 5, 10]))
    cells = st.lists(st.integers(0, 20), min_size=K * M, max_size=K * M)
    cost, mean, noise = (np.reshape(draw(cells), (K, M)) / 20 for _ in range(3))
    weight = np.array(draw(st.lists(st.integers(1, 5), min_size=K, max_size=K)), float)
    law = Distribution(weight / weight.sum(), cost * draw(st.sampled_from([0.1, 1.0, 5.0])), mean)
    n = draw(st.integers(0, N))
    assume(n / N <= optimum.largest_alpha(law))
    s_hat = np.clip(mean + (noise - 0.5) * draw(st.sampled_from([0.0, 0.1, 1.0, 2.0])), -0.5, 1.5)
    T, c, a = draw(st.sampled_from([1, 2, 5, 20, 60])), draw(st.sampled_from([0.0, 0.05, 0.3, 1.0])), draw(unit)
    p = theory.exploration_probability(t=np.arange(1, T + 1), c=c, a=a)
    V = draw(st.sampled_from([0.01, 0.3, 1.0, 10.0, 100.0]))
    lattice = Fraction(n, N).denominator
    return law, n / N, V, p, s_hat, draw(st.sampled_from([0, 0, 3, 5 * lattice])) / lattice


class Known:
    """A world's exact terms, and the bounds at them."""

    def __init__(self, law, alpha, V, p, s_hat, Q_1):
        self.best, k = optimum.solve(law, alpha), theory.distribution_constants(law, alpha)
        self.run = run = exact.transient(law, V=V, alpha=alpha, T=len(p), s_hat=s_hat, p=p, Q_1=Q_1)
        self.law, self.alpha, self.T = law, alpha, len(p)
        self.gap = run.cost.mean() - self.best.cost
        self.regret = self.T * self.gap + self.best.gamma * (alpha * self.T - run.satisfaction.sum())
        self.X, self.D = run.explored_queue.sum(), run.decision_loss.sum()
        self.VG = V * self.best.cost * (1.0 - p).sum() - run.dual.sum()
        left = (1.0 - p).sum()
        self.q = max(0.0, run.queue[:-1].sum() - self.X) / left if left > 1e-9 else None
        self.inputs = theory.BoundInputs.at(
            k, self.best, V=V, T=self.T, P_T=p.sum(), S_T=run.error.sum(), exploration_queue=self.X, Q_1=Q_1,
            D_T=self.D, D_above=run.decision_loss_above.sum(), VG_T=self.VG, L_T=run.loss.sum(), W_T=run.noise.sum(),
            Q_last=run.queue[-1],
        )  # fmt: skip


@given(worlds())
@FEW
def test_the_identities_are_equalities(world):
    law, alpha, V, p, _, Q_1 = world
    known = Known(*world)
    run, best, k = known.run, known.best, theory.distribution_constants(law, alpha)
    T, g, P = known.T, best.gamma, p.sum()
    drift = (run.queue_square[-1] - Q_1**2) / 2
    W, U, U2 = run.noise.sum(), run.reflection.sum(), run.reflection_square.sum()
    explored = V * (k.E_all - best.cost) * P - k.beta_M * known.X
    size = SLACK * (1 + V) * (1 + run.queue_square.max()) * T
    assert V * T * known.gap == pytest.approx(W - U2 + known.D - known.VG + explored - drift, abs=size)  # I1
    start, end = (Q_1 - V * g) ** 2, run.queue_square[-1] - 2 * V * g * run.queue[-1] + (V * g) ** 2
    right = (start - end) / 2 + W - U2 - V * g * U + known.D - known.VG + explored
    assert V * known.regret == pytest.approx(right, abs=size * (1 + g))  # I2
    right = run.loss.sum() + (k.E_all - best.cost - g * k.beta_M) * P
    assert known.regret == pytest.approx(right, abs=size * (1 + g))  # I3
    assert alpha * T - run.satisfaction.sum() == pytest.approx(run.queue[-1] - Q_1 - U, abs=SLACK * T)  # I4


@given(worlds())
@FEW
def test_the_sharper_theorems_hold_exactly(world):
    law, alpha, V = world[:3]
    known = Known(*world)
    run, inputs, best = known.run, known.inputs, known.best
    wide = 1 + SLACK
    assert run.decision_loss.sum() <= 2 * inputs.S_T * wide + SLACK
    assert (
        inputs.W_T - run.reflection_square.sum() - inputs.k0 * (run.queue[-1] - inputs.Q_1)
        <= inputs.B0 * known.T + SLACK
    )
    assert run.queue[-1] <= theory.T1_prime_queue(inputs) * wide + SLACK
    assert run.queue[-1] <= theory.T1_double_prime_queue(inputs) * wide + 1e-4  # the root of a rounding error
    assert known.gap <= theory.T2_prime_cost(inputs) + SLACK * (1 + abs(theory.T2_prime_cost(inputs)))
    size = SLACK * (1 + abs(known.VG) + known.D) / min(1.0, V)
    assert known.regret / known.T <= theory.R_prime_regret(inputs) + size
    assert run.queue[:-1].mean() <= theory.T3_prime_queue(inputs) * wide + SLACK
    if known.q is not None:
        gap = best.cost - optimum.dual(law, alpha, known.q / V)
        assert gap <= theory.T6_prime_gap(inputs) * wide + size
        assert known.gap <= theory.T2_double_prime_cost(inputs, price_gap=gap) + size


def test_what_the_sharper_theorems_need():
    """Instances on which every one of them is false with a smaller constant."""
    fair, never = Distribution([1.0], [[0.0]], [[0.5]]), np.zeros(400)
    known = Known(fair, 0.5, 1.0, never, [[0.5]], 0.0)  # one model at alpha: a reflected random walk
    assert theory.T1_prime_queue(known.inputs, B0=0.59 * known.inputs.B0) < known.run.queue[-1]
    known = Known(Distribution([1.0], [[0.0, 0.01]], [[0.0, 0.5]]), 0.5, 1.0, never, [[0.25, 0.25]], 0.0)
    assert known.run.queue[-1] == 200.0 <= theory.T1_prime_queue(known.inputs)  # always the cheaper, wrong one
    for field, bound in (("D_above", theory.T1_prime_queue), ("D_T", theory.T1_double_prime_queue)):
        assert bound(known.inputs, **{field: 0.8 * known.D}) < 200.0
    known = Known(Distribution([1.0], [[0.0, 1.0]], [[0.5, 0.5]]), 0.5, 1.0, np.zeros(256), [[0.4, 0.6]], 0.0)
    assert theory.T2_prime_cost(known.inputs, D_T=0.0) < known.gap <= theory.T2_prime_cost(known.inputs)
    known = Known(Distribution([1.0], [[0.0, 0.01]], [[0.4, 0.9]]), 0.5, 1.0, never, [[0.65, 0.65]], 0.0)
    mean = known.run.queue[:-1].mean()
    assert theory.T3_prime_queue(known.inputs, D_T=0.75 * known.D) < mean <= theory.T3_prime_queue(known.inputs)


def test_the_centre_of_squares_and_its_constant():
    assert theory.centred_drift(0.667) == (pytest.approx(0.1110555), pytest.approx(0.167))
    assert theory.centred_drift(0.1)[0] == pytest.approx(0.0603, abs=1e-4)
    low, high = theory.centred_drift(0.5 - 1e-9), theory.centred_drift(0.5)
    assert low == pytest.approx(high, abs=1e-8)
    for alpha in np.linspace(0, 1, 41):  # L2' on a grid, and that a smaller constant is false
        B0, k0 = theory.centred_drift(float(alpha))
        Q, s = np.meshgrid(np.linspace(0, 3, 301), np.linspace(0, 1, 101))
        after = np.maximum(0, Q + alpha - s)
        excess = ((after - k0) ** 2 - (Q - k0) ** 2) / 2 - Q * (alpha - s)
        assert 0.9 * B0 - 1e-12 <= excess.max() <= B0 + 1e-12 <= max(alpha, 1 - alpha) ** 2 / 2 + 2e-12


# --- decompose: the terms of a sweep --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def swept():
    """A sweep with a wrong predictor that never learns, its law, and the exact terms of the same chain."""
    law = Distribution(np.array([0.5, 0.5]), np.array([[0.0, 1.0], [0.0, 1.0]]), np.array([[0.3, 0.6], [0.5, 0.9]]))
    stream = mj.streams.types(law)
    meter = mj.meters.zip_meters(mj.meters.standard(), mj.meters.decomposition(law, 0.6))
    controls = mj.Controls(V=np.array([0.0, 2.0]), alpha=0.6, c=0.2)
    policy = mj.policies.mess_plus(mj.predictors.oracle(mj.streams.types(law._replace(mean=law.mean[::-1]))))
    runs = mj.sweep(
        jax.random.key(1), controls, policy=policy, stream=stream, horizon=200, num_streams=1024, meter=meter
    )
    p = theory.exploration_probability(t=np.arange(1, 201), c=0.2, a=0.25)
    return law, runs, Known(law, 0.6, 2.0, p, law.mean[::-1], 0.0)


def test_measured_terms_are_those_of_the_exact_chain(swept):
    _, runs, known = swept
    at, run = runs.sel(V=2.0), known.run
    exact_terms = {
        "decision_loss": known.D,
        "decision_loss_above": run.decision_loss_above.sum(),
        "dual_gap": known.VG,
        "price_loss": run.loss.sum(),
        "noise": run.noise.sum(),
        "reflection": run.reflection.sum(),
        "reflection_squares": run.reflection_square.sum(),
    }
    for name, value in exact_terms.items():
        samples = at[name].values
        assert abs(samples.mean() - value) <= 4.5 * samples.std() / np.sqrt(samples.size) + 1e-4, name


def test_decompose_adds_up_and_refuses_what_has_no_terms(swept):
    law, runs, known = swept
    terms = theory.decompose(runs, law)
    at = terms.sel(V=2.0)
    for name, total in (("cost_gap", "cost_gap_terms"), ("regret", "regret_terms")):
        residual = at[f"{name}_residual"]
        parts = at[total].sel(limit="mean").sum("term")
        np.testing.assert_allclose(at[name].sel(limit="mean") - parts, residual.sel(limit="mean"), atol=1e-9)
        assert residual.sel(limit="lower") <= 0.02 and residual.sel(limit="upper") >= -0.02
    assert float(at["C_star"].sel(limit="mean")) == pytest.approx(known.best.cost)
    np.testing.assert_allclose(terms["violation_residual"], 0.0, atol=1e-6)
    assert np.isnan(terms["cost_gap_terms"].sel(V=0.0)).all() and np.isfinite(terms["regret"]).all()
    with pytest.raises(ValueError, match="no metric 'decision_loss', expected a sweep with meters.decomposition"):
        theory.decompose(runs.drop_vars("decision_loss"), law)
    figure = plot.decomposition(terms)
    assert "C* = " in figure.axes[0].get_ylabel() and len(figure.axes) == 2
    with pytest.raises(ValueError, match="found the dimensions"):
        plot.decomposition(terms.isel(V=0))


def test_a_sweep_with_terms_is_judged_by_the_sharper_theorems(swept):
    law, runs, _ = swept
    verdicts = theory.judge(runs.sel(V=[2.0]), law)
    names = {each.name for each in theory.OF_TERMS}
    assert names <= set(verdicts["statement"].values)
    words = verdicts["verdict"].sel(statement=sorted(names)).values.ravel()
    assert set(words) <= {"holds", "undecided"} and (words == "holds").sum() >= 8
    without = theory.judge(runs.drop_vars("decision_loss"), law, statements="T2'")
    assert "meters.decomposition" in str(without["reason"].values.ravel()[1])
    forged = runs.assign(noise=runs["noise"] + 5.0)
    assert (theory.judge(forged, law, statements="I1")["verdict"] == "violated").any()
