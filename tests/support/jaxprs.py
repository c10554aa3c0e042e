"""What tests look for in a jaxpr."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jax.extend.core import jaxprs_in_params


def loop_carries(jaxpr: Any) -> Iterator[tuple[int, ...]]:
    """Shapes carried by every scan and while of a jaxpr and of those inside it."""
    for equation in jaxpr.eqns:
        if equation.primitive.name in ("scan", "while"):
            yield from (variable.aval.shape for variable in equation.outvars)
        for inner in jaxprs_in_params(equation.params):
            yield from loop_carries(inner)
