"""Policies that learn, replayed on a log by rejection: the values are those of the same policy on fresh requests."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import messjax as mj
from messjax.evaluation.ope import NotIdentifiableError
from messjax.evaluation.ope.learning import check_learns_from_log, replay_log
from messjax.predictors import ridge_regression
from messjax.traces import Trace
from messjax.traces.logs.made_from_traces import log_of

N, SEEDS = 1500, 24


def learner() -> mj.Policy:
    start = ridge_regression.prior(np.full(2, 0.5), 1, strength=3.0)
    return mj.policies.one_sided(ridge_regression.ridge(start), learning="served")


def test_mess_plus_of_the_paper_is_not_identifiable():
    ridge = ridge_regression.ridge(ridge_regression.prior(np.full(2, 0.5), 1))
    with pytest.raises(NotIdentifiableError, match="mess_plus learns from models that it does not serve"):
        check_learns_from_log(mj.policies.mess_plus(ridge), 1, 2)


@pytest.mark.long
def test_what_a_log_identifies():
    check_learns_from_log(learner(), 1, 2)
    check_learns_from_log(mj.policies.lin_ucb(1, 2), 1, 2)
    ridge = ridge_regression.ridge(ridge_regression.prior(np.full(2, 0.5), 1))
    for policy, words in (
        (mj.policies.one_sided(ridge), "one_sided learns from some of the requests"),
        (mj.policies.lin_thompson(1, 2), "propensities are not known"),
    ):
        with pytest.raises(NotIdentifiableError, match=words):
            check_learns_from_log(policy, 1, 2)


@pytest.mark.long
def test_a_replay_agrees_with_fresh_requests():
    """The log is twice as long as the run: with uniform propensities of .5 every second request is accepted."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2 * N, 1))
    mean = 1 / (1 + np.exp(-np.array([0.0, 1.5]) - x * np.array([1.5, 0.3])))
    score, cost = (rng.random((2 * N, 2)) < mean).astype(float), np.broadcast_to([1.0, 4.0], (2 * N, 2))
    ids = [f"q{n}" for n in range(2 * N)]
    trace = Trace(("small", "large"), ids, ["g"] * 2 * N, score, cost, "USD", "world", ids=ids)
    controls = mj.Controls(V=np.array([1.0, 10.0]), alpha=0.7, c=1.0)
    found = []
    for seed in range(6):
        log = log_of(trace, np.array([0.5, 0.5]), seed=seed)
        found.append(replay_log(jax.random.key(seed), controls, policy=learner(), log=log, features=x, seeds=4))
        accepted = found[-1]["accepted"].values
        assert (np.abs(accepted - N) < 5 * np.sqrt(2 * N * 0.25)).all()
    stream = mj.streams.replay(x, score, cost)
    fresh = mj.sweep(
        jax.random.key(9), controls, policy=learner(), stream=stream, horizon=N, num_streams=SEEDS, engine="general"
    )
    for name in ("satisfaction", "cost"):
        values = np.stack([one[name].mean("stream").values for one in found])
        truth, error = fresh[name].mean("stream").values, fresh[name].std("stream").values / np.sqrt(SEEDS)
        spread = np.sqrt(values.var(axis=0, ddof=1) / len(values) + error**2)  # both are of one trace
        assert (np.abs(values.mean(axis=0) - truth) < 4 * spread).all(), (name, values.mean(axis=0), truth, spread)
        assert (found[0][f"{name}_error"] > 0).all()
    assert float(found[0]["cost"].sel(V=1.0).mean()) > float(found[0]["cost"].sel(V=10.0).mean())
