"""L1 to L5 and the reflection formula on every step of simulated paths, for random instances.

Scores and alpha are whole multiples of 1e-6, so L1, L2, L3 and the reflection are checked in integers, exactly.
"""

from __future__ import annotations

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.step_recorder import recorder, steps, units

from messjax import feedback, policies, predictors, streams, theory
from messjax.engine import grid_sweep
from messjax.numerics import virtual_queue
from messjax.types import Controls, Distribution

K, M, T = 4, 3, 200  # fixed: hypothesis draws numbers only, and one program serves every example
METER = recorder()
U = 2.0**-24  # half an ulp of 1 in float32

micro = st.integers(0, virtual_queue.UNIT).map(lambda n: n / virtual_queue.UNIT)
seeds = st.integers(0, 2**31 - 1)
many = settings(max_examples=60, deadline=None)


@st.composite
def instances(draw):
    """A law, an attainable alpha, controls, and the error of the predictor."""
    rng = np.random.default_rng(draw(seeds))
    distribution = Distribution(rng.dirichlet(np.ones(K)), rng.lognormal(0.0, 1.5, (K, M)), rng.random((K, M)).round(3))
    largest = float(distribution.weight @ distribution.mean.max(axis=1))
    alpha = np.floor(draw(micro) * largest * virtual_queue.UNIT) / virtual_queue.UNIT
    controls = Controls(
        V=draw(st.sampled_from([0.0, 0.01, 1.0, 30.0])),
        alpha=float(alpha),
        c=draw(st.sampled_from([0.0, 0.1, 1.0, 5.0])),
        a=draw(st.sampled_from([0.0, 0.25, 1 / 3, 2.0])),
        f=draw(st.sampled_from([1.0, 0.6, 0.1])),
    )
    return (
        distribution,
        controls,
        draw(st.sampled_from([0.0, 0.05, 0.7])),
        draw(st.sampled_from([0.0, 0.4])),
        draw(seeds),
    )


def simulate(instance) -> dict[str, np.ndarray]:
    distribution, controls, error, q, seed = instance
    stream = streams.types(distribution)
    run = grid_sweep.sweep(
        jax.random.key(seed), controls, policy=policies.mess_plus(predictors.noisy(stream, error, q)), stream=stream,
        horizon=T, num_streams=1, checkpoints=T, meter=METER, feedback=feedback.sparse,
    )  # fmt: skip
    return steps(run)


def served(path: dict[str, np.ndarray], name: str) -> np.ndarray:
    return path[name][np.arange(T), path["serve"]]


def check_queue_laws(path: dict[str, np.ndarray], alpha: float):
    """L1, L2, L3 and the reflection, in units of 1e-6, on the requests that were heard of; elsewhere Q stands still."""
    Q, Q_next, feedback_received = units(path["Q"]), units(path["Q_next"]), path["heard"]
    assert Q[0] == 0 and (Q[1:] == Q_next[:-1]).all() and (Q >= 0).all()
    move, jump = round(alpha * virtual_queue.UNIT) - units(served(path, "s")), Q_next - Q
    assert (jump[~feedback_received] == 0).all()
    move, jump, before, after = (
        move[feedback_received],
        jump[feedback_received],
        Q[feedback_received],
        Q_next[feedback_received],
    )
    assert (jump >= move).all()  # L1
    delta = max(round(alpha * virtual_queue.UNIT), virtual_queue.UNIT - round(alpha * virtual_queue.UNIT))
    assert (after**2 - before**2 <= move**2 + 2 * before * move).all()  # L2, twice
    assert (move**2 <= delta**2).all()
    low, high = theory.L3_increment(alpha=round(alpha * virtual_queue.UNIT) / virtual_queue.UNIT)
    assert (jump >= round(low * virtual_queue.UNIT)).all() and (jump <= round(high * virtual_queue.UNIT)).all()  # L3
    walk, ends = np.concatenate([[0], np.cumsum(move)]), np.concatenate([before[:1], after])
    for start in (0, len(move) // 3, len(move) // 2):  # L1 summed, over all requests and over windows
        assert (walk[start:] - walk[start] <= ends[start:] - (ends[start] if len(ends) > start else 0)).all()
    path_in_units = round(alpha * virtual_queue.UNIT) - move  # integers below 2^53: float64 is exact
    np.testing.assert_array_equal(
        virtual_queue.reflection(path_in_units, round(alpha * virtual_queue.UNIT)), ends if len(ends) else [0]
    )


@many
@given(instances())
@pytest.mark.long
def test_L1_L2_L3_and_the_reflection(instance):
    check_queue_laws(simulate(instance), instance[1].alpha)


def allowance(V, path):
    """How far the float32 scores V (E_m - min E) + Q (max s_hat - s_hat_m) that are compared may be off, [T, M].

    Q is rounded when made a float (a product and a sum: 2u of Q + 1), either difference once, either product once and
    the sum once: at most 3u V (E_m - min E) + 5u (Q + 1) (max s_hat - s_hat_m) to first order; more, for second order.
    """
    dearer = path["E"] - path["E"].min(axis=1, keepdims=True)
    worse = path["s_hat"].max(axis=1, keepdims=True) - path["s_hat"]
    return 4 * U * V * dearer + 8 * U * (path["Q"][:, None] + 1) * worse


@many
@given(instances())
def test_L4_and_L5_with_the_error_known(instance):
    _, controls, error, q, _ = instance
    path = {name: np.asarray(value, np.float64) for name, value in simulate(instance).items()}
    V, alpha = (np.float64(np.float32(value)) for value in (controls.V, controls.alpha))
    Q, exploit = path["Q"], path["explore"] == 0
    served_model = path["serve"].astype(int)
    slack = allowance(V, path)
    slack = slack + slack[np.arange(T), served_model][:, None]
    score = theory.L4_score(V=np.full(T, V), cost=path["E"], Q=Q, alpha=np.full(T, alpha), s_hat=path["s_hat"])
    assert (score[np.arange(T), served_model][exploit] <= (score + slack).min(axis=1)[exploit]).all()  # L4

    learned = np.concatenate([[0], np.cumsum((path["explore"] == 1) & (path["heard"] == 1))[:-1]])
    e = np.abs(path["s_hat"] - path["mu"]).max(axis=1)
    np.testing.assert_allclose(e, error * (1.0 + learned) ** -q, atol=8 * U)  # noisy's e_t is the one it states
    right = theory.L5_bound(V=np.full(T, V), cost=path["E"], Q=Q, alpha=np.full(T, alpha), mu=path["mu"], e=e)
    left = theory.L4_score(V=np.full(T, V), cost=path["E"], Q=Q, alpha=np.full(T, alpha), s_hat=path["mu"])[
        np.arange(T), served_model
    ]
    assert (left[exploit] <= (right + slack).min(axis=1)[exploit]).all()  # L5 for models
    mixture = np.random.default_rng(0).dirichlet(np.ones(M), T)
    assert (left <= ((right + slack) * mixture).sum(axis=1))[exploit].all()  # and mixtures
    explored = path["explore"] == 1
    assert (served_model[explored] == M - 1).all()


@pytest.fixture(scope="module")
def continuous_paths():
    """A function (seed, alpha) -> path on a recorded trace whose scores are anywhere in [0, 1]."""

    def run(seed, alpha):
        rng = np.random.default_rng(seed)
        scores = rng.beta(0.5, 0.5, (T, M)).round(6)
        scores[0] = (0.0, 0.5, 1.0)
        stream = streams.replay(rng.normal(size=(T, K)), scores, rng.lognormal(size=(T, M)))
        alpha = float(np.floor(alpha * scores.max(axis=1).mean() * virtual_queue.UNIT) / virtual_queue.UNIT)
        path = steps(
            grid_sweep.sweep(
                jax.random.key(seed), Controls(V=0.5, alpha=alpha, c=1.0, f=0.7),
                policy=policies.mess_plus(predictors.linear(K, M)), stream=stream, horizon=T, num_streams=1,
                checkpoints=T, meter=METER, feedback=feedback.sparse,
            )
        )  # fmt: skip
        return path, alpha

    return run


@pytest.mark.long
@many
@given(seed=seeds, share=micro)
def test_the_queue_laws_hold_for_continuous_scores(continuous_paths, seed, share):
    path, alpha = continuous_paths(seed, share)
    assert len(np.unique(served(path, "s"))) > 10
    check_queue_laws(path, alpha)
