"""What was made of an array, kept for as long as the array lives: a digest, a copy on other devices."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable
from typing import Any

import jax
import numpy as np


class ArrayCache:
    """Remembers `make(array)`, as long as what it makes does not hold the array itself.

    Only of arrays that never change: jax.Arrays and NumPy's read-only ones; of anything else it is made anew each time.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int, Hashable], Any] = {}

    def of(self, array: Any, make: Callable[[Any], Any], how: Hashable = None) -> Any:
        """`make(array)`, made once for every `how`."""
        if not is_immutable(array):
            return make(array)
        name = id(array), how
        if name not in self._known:
            self._known[name] = make(array)
            weakref.finalize(array, self._known.pop, name, None)
        return self._known[name]


def is_immutable(array: Any) -> bool:
    """Whether an array stays as it is."""
    if isinstance(array, np.ndarray):
        return not array.flags.writeable and array.flags.owndata
    return isinstance(array, jax.Array) and not isinstance(array, jax.core.Tracer)


def frozen(values: Any) -> np.ndarray:
    """A read-only copy, float64."""
    copy = np.array(values, np.float64)
    copy.flags.writeable = False
    return copy
