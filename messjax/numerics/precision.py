"""JAX's 32-bit types for everything that is simulated or learned, whatever JAX_ENABLE_X64 says.

The numbers are designed for float32, int32 and uint32: exact queues, compensated sums, random words. With 64-bit
defaults the same expressions give other random numbers, and loops whose carry has 32 bits do not compile.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import jax
import jax.numpy as jnp

P = ParamSpec("P")
R = TypeVar("R")


def with_32_bit_types(function: Callable[P, R]) -> Callable[P, R]:
    """The function, run with `jax_enable_x64` switched off for its duration.

    Args:
        function: A function that computes with JAX.

    Returns:
        The function, with the same arguments.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> with jax.enable_x64(True):
        ...     str(with_32_bit_types(lambda: jnp.zeros(1))().dtype)
        'float32'
    """

    @functools.wraps(function)
    def run(*arguments: P.args, **options: P.kwargs) -> R:
        with jax.enable_x64(False):
            return function(*arguments, **options)

    return run


def narrowed(tree: Any) -> Any:
    """The tree with its 64-bit JAX arrays (a component built under `jax_enable_x64`) as the 32-bit ones of their kind.

    Args:
        tree: A pytree.

    Returns:
        The tree; the same leaves where there is nothing to change.
    """
    return jax.tree.map(_narrowed, tree)


def _narrowed(leaf: Any) -> Any:
    if not isinstance(leaf, jax.Array) or jnp.issubdtype(leaf.dtype, jax.dtypes.extended) or leaf.dtype.itemsize < 8:
        return leaf
    kinds = {"f": jnp.float32, "i": jnp.int32, "u": jnp.uint32}
    return leaf.astype(kinds[leaf.dtype.kind]) if leaf.dtype.kind in kinds else leaf
