"""Labels of the models on one request: zero-one satisfactions [M] from uniforms [M] and their means mu [M]."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp

from messjax.types import Array


def independent(uniforms: Array, mu: Array) -> Array:
    """Each model has its own uniform.

    Args:
        uniforms: Uniforms in [0, 1) [M].
        mu: Means [M].

    Returns:
        Labels [M] float, 0 or 1.
    """
    return (uniforms < mu).astype(jnp.float32)


def comonotone(uniforms: Array, mu: Array) -> Array:
    """One uniform for all models: what a worse model satisfies, a better one satisfies too.

    Args:
        uniforms: Uniforms in [0, 1) [M], of which the first is used.
        mu: Means [M].

    Returns:
        Labels [M] float, 0 or 1.
    """
    return (uniforms[0] < mu).astype(jnp.float32)


def by_name(name: str) -> Callable[[Array, Array], Array]:
    """The function of a name.

    Args:
        name: "independent" or "comonotone".

    Returns:
        (uniforms [M], mu [M]) -> labels [M].

    Raises:
        ValueError: Any other name.
    """
    known = {"independent": independent, "comonotone": comonotone}
    if name not in known:
        raise ValueError(f"labels: found {name!r}, expected one of {', '.join(known)}")
    return known[name]
