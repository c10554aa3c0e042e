"""A digest of everything that a run's numbers depend on, the functions of components included."""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import types
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

__all__ = ["of"]


def of(*values: Any) -> str:
    """The digest of some values.

    Arrays count with all their bytes; functions with their name, code, defaults and what they close over; objects with
    their type and fields. What a function reads from the globals of its module counts by name only.

    Args:
        *values: Components, controls, keys, arrays, numbers, texts.

    Returns:
        16 hexadecimal digits.

    Raises:
        ValueError: A value of which nothing but its place in memory could be compared.
    """
    digest = hashlib.sha256()
    _Walk(digest).add(values)
    return digest.hexdigest()[:16]


class _Walk:
    """Feeds a digest; what was met before counts by the number of its first meeting."""

    def __init__(self, digest: Any) -> None:
        self.digest = digest
        self.met: dict[int, tuple[int, Any]] = {}  # values are kept: a freed one's id is used again

    def tell(self, *words: Any) -> None:
        self.digest.update("\0".join(map(str, words)).encode() + b"\1")

    def add(self, value: Any) -> None:
        if value is None or isinstance(value, bool | int | float | complex | str | bytes):
            self.tell(type(value).__name__, repr(value))
        elif id(value) in self.met:
            self.tell("met", self.met[id(value)][0])
        else:
            self.met[id(value)] = len(self.met), value
            self._add(value)

    def _add(self, value: Any) -> None:
        kind = type(value)
        self.tell(kind.__module__, kind.__qualname__)
        if isinstance(value, np.ndarray | np.generic | jax.Array):
            self._array(value)
        elif isinstance(value, type | types.ModuleType | types.BuiltinFunctionType | np.ufunc | np.dtype):
            self.tell(getattr(value, "__module__", ""), getattr(value, "__qualname__", value))
        elif isinstance(value, types.FunctionType):
            self._function(value)
        elif isinstance(value, types.MethodType):
            self._each(value.__func__, value.__self__)
        elif isinstance(value, types.CodeType):
            self.tell(value.co_code.hex(), value.co_names)
            self._each(*value.co_consts)
        elif isinstance(value, Mapping):
            self._each(*(each for pair in value.items() for each in pair))
        elif isinstance(value, set | frozenset):
            self.tell(*sorted(map(repr, value)))
        elif isinstance(value, list | tuple):
            self._each(*value)
        else:
            self._object(value)

    def _each(self, *values: Any) -> None:
        self.tell(len(values))
        for value in values:
            self.add(value)

    def _array(self, value: Any) -> None:
        if jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key):
            self.tell(jax.random.key_impl(value))
            value = jax.random.key_data(value)
        data = np.asarray(value)
        self.tell(data.dtype.str, data.shape)
        self.digest.update(
            np.ascontiguousarray(data).tobytes() if data.dtype != object else repr(data.tolist()).encode()
        )

    def _function(self, value: types.FunctionType) -> None:
        self.tell(value.__module__, value.__qualname__)
        closed = [each.cell_contents for each in value.__closure__ or () if each != types.CellType()]
        self._each(value.__code__, value.__defaults__, value.__kwdefaults__, *closed)

    def _object(self, value: Any) -> None:
        if hasattr(value, "func") and hasattr(value, "args"):  # functools.partial and jax's
            self._each(value.func, value.args, value.keywords)
        elif inspect.isfunction(wrapped := getattr(value, "__wrapped__", None)):  # jit and its like
            self.add(wrapped)
        elif dataclasses.is_dataclass(value):
            self._each(*(getattr(value, field.name, None) for field in dataclasses.fields(value)))
        elif state := getattr(value, "__dict__", None):
            self.add(state)
        elif type(value).__reduce__ is not object.__reduce__ or type(value).__repr__ is not object.__repr__:
            self.tell(repr(value)) if " at 0x" not in repr(value) else self._refuse(value)
        else:
            self._refuse(value)

    def _refuse(self, value: Any) -> None:
        raise ValueError(
            f"found {type(value).__qualname__}, of which only its place in memory could be compared with that of "
            "another run; expected functions, arrays, numbers, texts and dataclasses of them, or a run without a store"
        )
