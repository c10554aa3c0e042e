"""What was computed from an array, kept for as long as the array lives: a digest, a copy on other devices."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

import jax
import numpy as np

T = TypeVar("T")


class RecentCache(Generic[T]):
    """A cache of a fixed number of entries: the one that was not used for longest makes room for a new one."""

    def __init__(self, size: int = 256) -> None:
        self.size = size
        self._known: OrderedDict[Hashable, T] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def of(self, name: Hashable, make: Callable[[], T]) -> T:
        """The entry of this name, made by `make()` where there is none.

        Args:
            name: Any hashable name.
            make: Makes the entry.

        Returns:
            The entry.
        """
        if name in self._known:
            self._known.move_to_end(name)
            return self._known[name]
        made = self._known[name] = make()
        while len(self._known) > self.size:
            self._known.popitem(last=False)
        return made

    def get(self, name: Hashable) -> T | None:
        """The entry of this name, or None.

        Args:
            name: Any hashable name.

        Returns:
            The entry, now the most recently used one, or None.
        """
        if name not in self._known:
            return None
        self._known.move_to_end(name)
        return self._known[name]

    def drop(self, name: Hashable) -> None:
        """Forget an entry, where there is one.

        Args:
            name: Its name.
        """
        self._known.pop(name, None)


class ArrayCache:
    """Remembers `make(array)`, provided that what it makes does not hold the array itself.

    At most `size` results are kept, the most recently used ones. Only for arrays that never change: JAX arrays and
    NumPy's read-only ones. For any other it is computed anew each time.
    """

    def __init__(self, size: int = 256) -> None:
        self._known: RecentCache[Any] = RecentCache(size)

    def __len__(self) -> int:
        return len(self._known)

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

        def made() -> Any:
            weakref.finalize(array, self._known.drop, name)
            return make(array)

        return self._known.of(name, made)


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
