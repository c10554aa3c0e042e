"""What pickles of DataFrames may name, and the inert records that stand for it."""

from __future__ import annotations

from typing import Any

EXPECTED = "a pandas DataFrame of texts and numbers"
_DTYPES = [f"{kind}{bits}Dtype" for kind in ("Int", "UInt") for bits in (8, 16, 32, 64)]
_ARRAYS = ("ArrowStringArray", "BooleanArray", "FloatingArray", "IntegerArray", "StringArray")
_TABLE: dict[str, tuple[str, ...]] = {  # module: names in it; pandas 1.3 to 3, NumPy 1 and 2, protocols 0 to 5
    "builtins": ("bytearray", "bytes", "object", "slice"),
    "__builtin__": ("bytearray", "bytes", "object", "slice"),
    "_codecs": ("encode",),
    "copyreg": ("_reconstructor",),
    "copy_reg": ("_reconstructor",),
    "numpy": ("dtype", "ndarray"),
    "numpy.core.multiarray": ("_reconstruct", "scalar"),
    "numpy._core.multiarray": ("_reconstruct", "scalar"),
    "numpy.core.numeric": ("_frombuffer",),
    "numpy._core.numeric": ("_frombuffer",),
    "pandas": (
        *("BooleanDtype", "Categorical", "CategoricalDtype", "DataFrame", "Float32Dtype", "Float64Dtype", "Index"),
        *("NA", "RangeIndex", "StringDtype", *_DTYPES),
    ),
    "pandas.arrays": _ARRAYS,
    "pandas._libs.arrays": ("__pyx_unpickle_NDArrayBacked",),
    "pandas._libs.internals": ("_unpickle_block",),
    "pandas._libs.missing": ("NA",),
    "pandas.core.arrays.boolean": ("BooleanArray", "BooleanDtype"),
    "pandas.core.arrays.categorical": ("Categorical",),
    "pandas.core.arrays.floating": ("Float32Dtype", "Float64Dtype", "FloatingArray"),
    "pandas.core.arrays.integer": ("IntegerArray", *_DTYPES),
    "pandas.core.arrays.string_": ("StringArray", "StringDtype"),
    "pandas.core.arrays.string_arrow": ("ArrowStringArray", "ArrowStringArrayNumpySemantics"),
    "pandas.core.dtypes.dtypes": ("CategoricalDtype",),
    "pandas.core.frame": ("DataFrame",),
    "pandas.core.indexes.base": ("Index", "_new_Index"),
    "pandas.core.indexes.numeric": ("Float64Index", "Int64Index", "UInt64Index"),
    "pandas.core.indexes.range": ("RangeIndex",),
    "pandas.core.internals.managers": ("BlockManager",),
    "pyarrow.lib": ("_restore_array", "chunked_array", "py_buffer", "type_for_alias"),
}
KNOWN = frozenset((module, name) for module, names in _TABLE.items() for name in names)


class RefusedError(ValueError):
    """A pickle asks for something that is not in `KNOWN`; the message names it."""


class Named:
    """A function or class that a pickle names: only its name, never the object itself."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<{self.name}>"


class Made:
    """What a pickle makes by a call: the last part of the name (`DataFrame`), arguments, and the state set later."""

    __slots__ = ("arguments", "name", "state")

    def __init__(self, name: str, arguments: tuple[Any, ...]) -> None:
        self.name, self.arguments = name, arguments
        self.state: Any = None

    def __repr__(self) -> str:
        return f"<{self.name}>"


def named(module: str, name: str = "") -> Named:
    """A record of a name that is in `KNOWN`.

    Args:
        module: Name of the module.
        name: Name within it.

    Returns:
        The record.

    Raises:
        RefusedError: Any other name.
    """
    if (module, name) not in KNOWN:
        raise RefusedError(ascii(f"{module}.{name}")[1:-1][:200])
    return Named(name)


def made_of(value: Any, name: str = "") -> Made:
    """A value, which must be a record of a call.

    Args:
        value: The value.
        name: The function that must have been called; empty: any.

    Returns:
        The value.

    Raises:
        ValueError: Anything else.
    """
    if not isinstance(value, Made) or (name and value.name != name):
        result = value.name if isinstance(value, (Made, Named)) else type(value).__name__
        raise ValueError(f"found {result}" + (f" where {name} should be" if name else ""))
    return value


def state_of(value: Any, name: str = "") -> dict[str, Any]:
    """The fields of an object.

    Args:
        value: A record of a call.
        name: The function that must have been called; empty: any.

    Returns:
        Its fields by name.

    Raises:
        ValueError: Anything else, or an object without fields.
    """
    state = made_of(value, name).state
    if not isinstance(state, dict):
        raise ValueError(f"found {value.name} without its fields")
    return state


def whole(value: Any) -> int:
    """A value, which must be a whole number below 2^62 in absolute value.

    Args:
        value: The value.

    Returns:
        The number.

    Raises:
        ValueError: Anything else.
    """
    if type(value) is not int or not -(2**62) < value < 2**62:
        raise ValueError("found a size that is no whole number")
    return value
