"""What a trace must be."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from messjax.traces import Trace, check_trace, order_by_cost


def trace(**changes: Any) -> Trace:
    """A good trace of three requests and two models, with changes."""
    good = Trace(
        models=("cheap", "dear"),
        prompts=("a", "b", "c"),
        groups=("g", "g", "h"),
        satisfaction=np.array([[0.0, 1.0], [0.5, 0.25], [1.0, 1.0]]),
        cost=np.array([[0.0, 2.0], [0.1, 1.0], [0.2, 3.0]]),
        cost_unit="USD",
        source="made",
    )
    return good._replace(**changes)


def with_entry(name: str, value: float) -> dict[str, np.ndarray]:
    """The change that puts a value at request 1, model "dear"."""
    values = getattr(trace(), name).copy()
    values[1, 1] = value
    return {name: values}


def test_a_good_trace_passes() -> None:
    check_trace(trace())
    one = trace(models=("only",), satisfaction=np.ones((3, 1)), cost=np.zeros((3, 1)))
    check_trace(one)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"models": ()}, "trace 'made' has no model, expected at least one"),
        ({"models": ("x", "x")}, "two models named 'x', expected different names"),
        ({"prompts": (), "groups": ()}, "trace 'made' is empty, expected at least one request"),
        ({"groups": ("g",)}, "has 1 groups, expected 3, one per prompt"),
        ({"satisfaction": np.ones((3, 1))}, r"satisfaction has shape \(3, 1\), expected \(3, 2\)"),
        ({"cost": np.ones(3)}, r"cost has shape \(3,\), expected \(3, 2\)"),
        (
            with_entry("satisfaction", 1.5),
            r"request 1, model 'dear': satisfaction is 1.5, expected a number in \[0, 1\]",
        ),
        (with_entry("satisfaction", -0.1), "satisfaction is -0.1"),
        (with_entry("satisfaction", math.nan), "satisfaction is nan"),
        (with_entry("cost", -1.0), "request 1, model 'dear': cost is -1.0, expected a finite number >= 0"),
        (with_entry("cost", math.nan), "cost is nan"),
        (with_entry("cost", math.inf), "cost is inf"),
    ],
)
def test_check_trace_errors(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_trace(trace(**changes))


def test_order_by_cost_moves_columns_together() -> None:
    flipped = trace(models=("dear", "cheap"), satisfaction=trace().satisfaction[:, ::-1], cost=trace().cost[:, ::-1])
    ordered = order_by_cost(flipped)
    assert ordered.models == ("cheap", "dear")
    np.testing.assert_array_equal(ordered.satisfaction, trace().satisfaction)
    np.testing.assert_array_equal(ordered.cost, trace().cost)
    assert order_by_cost(trace(cost=np.ones((3, 2)))).models == ("cheap", "dear")  # ties keep their order
