"""What was computed from an array, kept for as long as the array lives: a digest, a copy on other devices."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable
from typing import Any

import jax
import numpy as np


class ArrayCache:
    """Remembers `make(array)`, provided that what it makes does not hold the array itself.

    Only for arrays that never change: JAX arrays and NumPy's read-only ones. For any other it is computed anew each
    time.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int, Hashable], Any] = {}

    def of(self, array: Any, make: Callable[[Any], Any], how: Hashable = None) -> Any:
        """`make(array)`, computed once for every `how`.

        Args:
            array: The array.
            make: array -> anything that does not hold the array.
            how: Tells several results of one array apart.

        Returns:
            What `make` returned.
        """
        if not is_immutable(array):
            return make(array)
        name = id(array), how
        if name not in self._known:
            self._known[name] = make(array)
            weakref.finalize(array, self._known.pop, name, None)
        return self._known[name]


def is_immutable(array: Any) -> bool:
    """Whether an array cannot change.

    Args:
        array: Anything.

    Returns:
        True for read-only NumPy arrays that own their data, and for JAX arrays that are not being traced.
    """
    if isinstance(array, np.ndarray):
        return not array.flags.writeable and array.flags.owndata
    return isinstance(array, jax.Array) and not isinstance(array, jax.core.Tracer)


def frozen(values: Any) -> np.ndarray:
    """A read-only copy.

    Args:
        values: Numbers of any shape.

    Returns:
        The copy, float64.
    """
    copy = np.array(values, np.float64)
    copy.flags.writeable = False
    return copy
