"""Debug runs assert shapes and dtypes of components; other runs do not spend time on it."""

import jax
import jax.numpy as jnp
import pytest
from support.component_tables import METERS, POLICIES, PREDICTORS, STREAMS

from messjax import feedback, policies
from messjax.engine import debug_checks
from messjax.engine.grid_sweep import sweep
from messjax.engine.simulation import simulate
from messjax.meters import standard_meters
from messjax.types import Controls

STREAM, POLICY, METER = STREAMS["types"](0.0), policies.single(0), standard_meters.ledger()
PARTS = {"policy": POLICY, "stream": STREAM, "meter": METER, "feedback": feedback.complete}


def one_satisfaction_for_all(key, state, t):
    """A stream with one satisfaction instead of one per model: it broadcasts."""
    state, request = STREAM.draw(key, state, t)
    return state, request._replace(satisfaction=request.satisfaction[0])


def truth_as_a_number(key, state, x, cost, controls):
    decision = POLICY.act(key, state, x, cost, controls)
    return decision._replace(explore=decision.explore.astype(jnp.float32))


def free_of_charge(key, decision, request, controls):
    return feedback.complete(key, decision, request, controls)._replace(cost=jnp.zeros(()))


def longer(state, *happened):
    return jax.tree.map(lambda x: x[None], state)


WRONG = {
    "stream": ({"stream": STREAM._replace(draw=one_satisfaction_for_all)},
               r"the request of the stream: satisfaction is float32\[\], expected float\[3\]"),
    "decision": ({"policy": POLICY._replace(act=truth_as_a_number)},
                 r"the decision of the policy: explore is float32\[\], expected bool\[\]"),
    "one of two policies": ({"policy": {"first": POLICY, "second": POLICY._replace(act=truth_as_a_number)}},
                            r"the decision of the policy 'second': explore is float32"),
    "state": ({"policy": POLICY._replace(update=longer)}, "the state of the policy: found .* after one request"),
    "feedback": ({"feedback": free_of_charge}, r"feedback: cost is float32\[\], expected float\[3\]"),
    "meter": ({"meter": METER._replace(add=longer)}, "the state of the meter: found"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_debug_run_refuses_what_would_broadcast(name, monkeypatch):
    change, message = WRONG[name]
    monkeypatch.setenv("MESSJAX_DEBUG", "1")
    with pytest.raises(ValueError, match=message):
        sweep(jax.random.key(0), Controls(alpha=0.5), horizon=2, num_streams=1, **(PARTS | change))


def test_off_by_default(monkeypatch):
    """The same stream runs without an error: that is what the debug run is for."""
    monkeypatch.delenv("MESSJAX_DEBUG", raising=False)
    monkeypatch.setattr(debug_checks, "check_shapes", lambda *parts: pytest.fail("checked in a run without debug"))
    stream = STREAM._replace(draw=one_satisfaction_for_all)
    simulate(jax.random.key(0), Controls(alpha=0.5), policy=POLICY, stream=stream, horizon=2)


def test_every_component_has_the_shapes_of_its_type():
    for stream in STREAMS.values():
        debug_checks.check_shapes(POLICY, stream(0.0), None, feedback.sparse)
    named = {name: make(PREDICTORS["linear"](STREAM, 0.0), 0.0) for name, make in POLICIES.items()}
    debug_checks.check_shapes(named, STREAM, None, feedback.noisy(0.1))
    for meter in METERS.values():
        debug_checks.check_shapes(POLICY, STREAMS["with_latency"](0.0), meter(), feedback.one_sided)
