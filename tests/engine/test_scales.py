"""V from 1e-9 to 1e9 and costs from 1e-12 to 1e12: no NaN, no overflow, and units of cost change no decision."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messjax import policies, predictors, streams, sweep
from messjax.types import Controls, Distribution

COST = np.array([[1.0, 2.5, 4.0], [1.0, 3.0, 5.5]])
MEAN = np.array([[0.3, 0.6, 0.9], [0.5, 0.7, 0.8]])
DECISIONS = ("served", "calls", "explored", "satisfaction", "queue_last", "sla_from")


def run(V: float, scale: float, engine: str = "general"):
    stream = streams.types(Distribution(np.array([0.4, 0.6]), COST * scale, MEAN))
    policy = policies.mess_plus(predictors.oracle(stream))
    controls = Controls(V=V, alpha=0.7, c=0.5)
    return sweep(
        jax.random.key(1), controls, policy=policy, stream=stream, horizon=200, num_streams=4, devices=1, engine=engine
    )


@pytest.mark.long
@pytest.mark.parametrize("engine", ["general", "fast"])
def test_no_scale_gives_nan_or_overflow(engine):
    @settings(max_examples=25, deadline=None, derandomize=True)
    @given(st.floats(-9.0, 9.0), st.floats(-12.0, 12.0))
    def check(log_v, log_cost):
        result = run(10.0**log_v, 10.0**log_cost, engine)
        for name, values in result.data_vars.items():
            assert np.isfinite(values.values.astype(float)).all(), name
        low, high = COST.min() * 10.0**log_cost, COST.max() * 10.0**log_cost
        exploit = result["cost"].values
        assert (exploit >= 0.999 * low).all() and (exploit <= 3.001 * high).all()
        assert (result["served"].sum("model") == 200).all()

    check()


@pytest.mark.long
@pytest.mark.parametrize("engine", ["general", "fast"])
def test_units_of_cost_change_no_decision(engine):
    """All costs times 2^k and V times 2^-k: the same products, exactly, and the same C* in the new unit."""
    wanted = run(3.0, 1.0, engine)
    for k in (-50, -20, -1, 1, 20, 50):
        found = run(3.0 * 2.0**-k, 2.0**k, engine)
        for name in DECISIONS:
            np.testing.assert_array_equal(found[name].values, wanted[name].values, err_msg=f"{name} {k}")
        np.testing.assert_allclose(found["cost"].values, wanted["cost"].values * 2.0**k, rtol=1e-6)
        np.testing.assert_allclose(found["optimal_cost"], wanted["optimal_cost"] * 2.0**k, rtol=1e-9)


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({"horizon": 2**31 - 1}, r"horizon: expected less than 2\^31 - 1 requests"),
        ({"horizon": 10**12}, r"horizon: expected less than 2\^31 - 1 requests"),
        ({"num_streams": 2**31}, "num_streams: found 2147483648, expected 1 to 1073741824"),
        ({"checkpoints": 2**40}, "checkpoints: found 1099511627776"),
        ({"controls": Controls(V=1e19, alpha=0.7)}, r"V: expected every value in \[0, 1e\+18\]"),
    ],
)
def test_what_cannot_be_counted_is_refused_before_computing(given_, message):
    stream = streams.types(Distribution(np.array([0.4, 0.6]), COST, MEAN))
    options = {"controls": Controls(alpha=0.7), "horizon": 100, "num_streams": 2} | given_
    with pytest.raises(ValueError, match=message):
        sweep(jax.random.key(0), policy=policies.single(2), stream=stream, **options)


def test_costs_that_cannot_be_represented_are_refused():
    with pytest.raises(ValueError, match="a size between 1e-44 and 1e18"):
        streams.types(Distribution(np.array([0.4, 0.6]), COST * 1e19, MEAN))
