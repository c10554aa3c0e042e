"""What pickles of DataFrames may name, and the inert notes that stand for it."""

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
    """A pickle that asks for something that is not in `KNOWN`; the message names it."""


class Named:
    """A function or class that a pickle names: its name, and nothing behind it."""

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
    """A note of a name that is in `KNOWN`; RefusedError otherwise."""
    if (module, name) not in KNOWN:
        raise RefusedError(ascii(f"{module}.{name}")[1:-1][:200])
    return Named(name)


def made_of(value: Any, name: str = "") -> Made:
    """A note of a call, of the function `name` where it is given; ValueError where it is something else."""
    if not isinstance(value, Made) or (name and value.name != name):
        result = value.name if isinstance(value, (Made, Named)) else type(value).__name__
        raise ValueError(f"found {result}" + (f" where {name} should be" if name else ""))
    return value


def state_of(value: Any, name: str = "") -> dict[str, Any]:
    """The fields of an object; ValueError where it is none, or has none."""
    state = made_of(value, name).state
    if not isinstance(state, dict):
        raise ValueError(f"found {value.name} without its fields")
    return state


def whole(value: Any) -> int:
    """A whole number below 2^62 in size; ValueError otherwise."""
    if type(value) is not int or not -(2**62) < value < 2**62:
        raise ValueError("found a size that is no whole number")
    return value
