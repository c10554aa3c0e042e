"""The ledger charges every queried model, and the served one alone where nothing is explored."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from messjax import policies, predictors, streams
from messjax.engine.grid_sweep import sweep
from messjax.meters import standard_meters
from messjax.types import Controls, Distribution

STREAM = streams.types(Distribution(np.ones(1), np.array([[1.0, 2.0, 4.0]]), np.array([[0.25, 0.5, 1.0]])))


@pytest.mark.parametrize("engine", ["general", "fast"])
def test_an_explored_request_costs_what_all_models_cost(engine):
    runs = sweep(
        jax.random.key(0), Controls(V=1.0, alpha=0.0, c=[0.0, 1.0], a=0.0), stream=STREAM, horizon=10, num_streams=2,
        policy=policies.mess_plus(predictors.oracle(STREAM)), meter=standard_meters.ledger(), engine=engine,
    )  # fmt: skip
    never, always = (runs.sel(c=c) for c in (0.0, 1.0))
    assert (always["cost"] == 7.0).all() and (always["cost_exploit"] == 0.0).all() and (always["calls"] == 10).all()
    assert (always["served"] == [0, 0, 10]).all() and (always["satisfaction"] == 1.0).all()
    assert (never["cost"] == 1.0).all() and (never["cost_exploit"] == 1.0).all() and (never["explored"] == 0).all()


def test_models_that_are_asked_at_the_same_time_take_the_largest_cost():
    runs = sweep(
        jax.random.key(0), Controls(V=1.0, alpha=0.0, c=[0.0, 1.0], a=0.0), stream=STREAM, horizon=10, num_streams=2,
        policy=policies.mess_plus(predictors.oracle(STREAM)), meter=standard_meters.ledger("largest"),
    )  # fmt: skip
    never, always = (runs.sel(c=c) for c in (0.0, 1.0))
    assert (always["cost"] == 4.0).all() and (always["cost_exploit"] == 0.0).all() and (always["calls"] == 10).all()
    assert (never["cost"] == 1.0).all() and (never["cost_exploit"] == 1.0).all()
    with pytest.raises(ValueError, match="paid is 'both', expected one of sum, largest"):
        standard_meters.ledger("both")
