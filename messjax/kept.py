"""What was made of an array, kept for as long as the array lives: a digest, a copy on other devices."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable
from typing import Any

import jax


class Kept:
    """Remembers `make(array)`. Only of jax.Arrays, which never change; anything else is made anew each time."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, Hashable], Any] = {}

    def of(self, array: Any, make: Callable[[Any], Any], how: Hashable = None) -> Any:
        """`make(array)`, made once for every `how`."""
        if not isinstance(array, jax.Array) or isinstance(array, jax.core.Tracer):
            return make(array)
        name = id(array), how
        if name not in self._known:
            self._known[name] = make(array)
            weakref.finalize(array, self._known.pop, name, None)
        return self._known[name]
