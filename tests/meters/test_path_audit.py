"""The auditor finds nothing on honest paths, and each planted break by its name and its request."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from messjax import feedback, policies, predictors, streams
from messjax.engine import grid_sweep
from messjax.engine.fast import loop
from messjax.meters import folds, path_audit, standard_meters
from messjax.numerics import virtual_queue as queue
from messjax.types import Controls, Distribution

LAW = Distribution(
    np.array([0.6, 0.4]), np.array([[1.0, 2.0, 4.0], [1.5, 2.0, 3.0]]), np.array([[0.2, 0.5, 0.9], [0.4, 0.6, 0.8]])
)
STREAM = streams.types(LAW)
MESS = policies.mess_plus(predictors.oracle(STREAM))
GRID = Controls(V=np.array([0.1, 3.0, 300.0]), alpha=np.array([0.5, 0.613217]), c=0.3)
SIZE = {"horizon": 400, "num_streams": 8}


def audited(policy=MESS, stream=STREAM, controls=GRID, **options):
    return grid_sweep.audit(jax.random.key(1), controls, policy=policy, stream=stream, **SIZE, **options)


@pytest.mark.parametrize("name", ["oracle", "linear", "noisy", "sparse feedback", "trace", "one model"])
def test_valid_paths_keep_every_lemma(name):
    rng = np.random.default_rng(0)
    trace = streams.replay(
        rng.normal(size=(400, 5)), rng.beta(0.5, 0.5, (400, 3)).round(6), rng.lognormal(size=(400, 3))
    )
    result = {
        "oracle": lambda: audited(),
        "linear": lambda: audited(policies.mess_plus(predictors.linear(2, 3))),
        "noisy": lambda: audited(policies.mess_plus(predictors.noisy(STREAM, 0.3))),
        "sparse feedback": lambda: audited(feedback=feedback.sparse, controls=GRID._replace(f=0.3)),
        "trace": lambda: audited(policies.mess_plus(predictors.linear(5, 3)), trace, GRID._replace(alpha=0.45)),
        "one model": lambda: audited(policies.single(0)),
    }[name]()
    assert path_audit.failures(result) == dict.fromkeys(path_audit.LEMMAS, 0)
    assert (result["audit_first"] == 0).all()
    assert float(result["audit_L4_ratio"].max()) <= 1.0


def broken_update(kind):
    """MESS+ whose queue is wrong at one level that every path crosses."""

    def wrong(state, features, decision, feedback_received, controls):
        new = MESS.update(state, features, decision, feedback_received, controls)
        Q = MESS.queue(new)
        at = {
            "too low": queue.Fixed(Q.whole - 1, Q.part),
            "too high": queue.Fixed(Q.whole + 1, Q.part),
            "one millionth": queue.add(Q, jnp.ones((), jnp.int32)),
            "reset": queue.zero(),
        }[kind]
        return new._replace(queue=queue.Fixed(*(jnp.where(Q.whole == 3, a, b) for a, b in zip(at, Q, strict=True))))

    return MESS._replace(update=wrong)


@pytest.mark.parametrize(
    ("kind", "lemmas"),
    [
        ("too low", {"L1", "reflection"}),
        ("too high", {"L2", "L3", "reflection"}),
        ("one millionth", {"L2", "reflection"}),
        ("reset", {"L1", "reflection"}),
    ],
)
def test_a_wrong_queue_is_found(kind, lemmas):
    result = audited(broken_update(kind), controls=Controls(V=30.0, alpha=0.6, c=0.1))
    failed = path_audit.failures(result)
    assert all(failed[lemma] > 0 for lemma in lemmas), failed
    assert (result["audit_first"] > 1).any()


def test_a_wrong_choice_is_found():
    """Serving the second best by the rule's own score is a violation of L4, and of no lemma about the queue."""

    def worse(key, state, features, cost, controls):
        decision = MESS.act(key, state, features, cost, controls)
        return decision._replace(serve=jnp.where(decision.explore, decision.serve, (decision.serve + 1) % 3))

    failed = path_audit.failures(audited(MESS._replace(act=worse)))
    assert failed["L4"] > 1000 and sum(failed.values()) == failed["L4"]


def test_the_allowance_is_no_tolerance():
    """A choice that is worse by one part in a million of the scores is found: the allowance is of the order of 1e-7."""
    distribution = Distribution(np.ones(1), np.array([[1.0, 1.00001, 3.0]]), np.array([[0.5, 0.5, 0.9]]))
    stream = streams.types(distribution)
    honest = policies.mess_plus(predictors.oracle(stream))

    def second(key, state, features, cost, controls):
        decision = honest.act(key, state, features, cost, controls)
        return decision._replace(serve=jnp.where(decision.serve == 0, 1, decision.serve))

    controls = Controls(V=5.0, alpha=0.55, c=0.0)
    failed = path_audit.failures(audited(honest._replace(act=second), stream, controls))
    assert failed["L4"] > 0


def test_it_zips_with_other_meters():
    result = audited(meter=folds.zip_meters(standard_meters.ledger(), standard_meters.virtual_queue()))
    assert {"audit_L1", "cost", "queue_last"} <= set(result.data_vars)


def test_L2_far_from_zero_is_exact():
    """The bracket's sign survives the cut: queues of thousands, a jump that is off by one millionth."""
    for whole in (0, 1, 499, 501, 2_000_000):
        near = jnp.asarray(min(whole, path_audit.FAR) * queue.UNIT + 999_999)
        above = [bool(path_audit.above(near, jnp.asarray(500_000), jnp.asarray(500_000 + d))) for d in (-1, 0, 1)]
        assert above == [False, False, True]


@pytest.mark.long
@pytest.mark.parametrize("name", ["oracle", "linear", "one model", "long queues"])
def test_both_paths_audit_alike(name):
    policy = {"linear": policies.mess_plus(predictors.linear(2, 3)), "one model": policies.single(0)}.get(name, MESS)
    controls = GRID._replace(V=np.array([1.0, 1e5])) if name == "long queues" else GRID
    both = [audited(policy, controls=controls, engine=engine) for engine in ("fast", "general")]
    for lemma in path_audit.LEMMAS:
        assert int(both[0][f"audit_{lemma}"].sum()) == int(both[1][f"audit_{lemma}"].sum()) == 0
    assert all(float(result["audit_L4_ratio"].max()) <= 1.0 for result in both)


@pytest.mark.long
def test_the_fast_path_audits_what_it_did(monkeypatch):
    """Breaks planted in the fast path's own arithmetic are found, at the request where they happen."""
    honest_move, honest_choose = loop.move, loop.choose

    def lost(whole, part, base, step):
        whole, part = honest_move(whole, part, base, step)
        return jnp.where((base + whole == 3), whole - 1, whole), part

    def gained(whole, part, base, step):
        whole, part = honest_move(whole, part, base, step)
        return whole, jnp.where((base + whole == 3) & (part < 999_999), part + 1, part)

    def second(cost, relative, Q, V):
        return (honest_choose(cost, relative, Q, V) + 1) % 3

    for name, wrong, lemmas in (
        ("move", lost, {"L1", "reflection"}), ("move", gained, {"L2", "reflection"}), ("choose", second, {"L4"}),
    ):  # fmt: skip
        monkeypatch.setattr(loop, name, wrong)
        jax.clear_caches()
        result = audited(controls=Controls(V=30.0, alpha=0.6, c=0.1), engine="fast")
        failed = path_audit.failures(result)
        assert all(failed[lemma] > 0 for lemma in lemmas), (failed, lemmas)
        assert (result["audit_first"] > 0).any()
        assert name == "move" or sum(failed.values()) == failed["L4"]
        monkeypatch.undo()
    jax.clear_caches()
