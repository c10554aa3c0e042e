"""A model's folder as it is published: settings from JSON, tensors from safetensors, with clear errors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from messjax.types import PyTree

_LARGEST = 10**7  # of any size in config.json
_MOST_NAMED = 20  # tensors in an error
_MOST_JSON = 2**27  # bytes of a JSON file: the largest published tokenizers have 2**25
_LEAVES = {"kernel": "weight", "scale": "weight", "embedding": "weight", "bias": "bias"}
_OLD = {"gamma": "weight", "beta": "bias"}  # how the first BERT checkpoints call a LayerNorm's tensors
_FLOATS = ("F64", "F32", "F16", "BF16")


class Settings(NamedTuple):
    """The values of a JSON object; what is absent or null takes its default.

    Attributes:
        path: The file.
        values: The values by key.
        within: For a nested object, the keys above it.
    """

    path: Path
    values: dict[str, Any]
    within: str = ""

    def wrong(self, name: str, result: Any, expected: str) -> ValueError:
        """The error that names file and key.

        Args:
            name: The key.
            result: What was found.
            expected: What was expected, in words.

        Returns:
            A ValueError, to be raised.
        """
        return ValueError(f"{self.path}: {self.within}{name} is {_short(result)}, expected {expected}")

    def whole(self, name: str, default: int, least: int = 1, most: int = _LARGEST) -> int:
        """A whole number.

        Args:
            name: The key.
            default: Value where it is absent.
            least: Smallest allowed number.
            most: Largest allowed number.

        Returns:
            The number.

        Raises:
            ValueError: Anything else.
        """
        value = self._get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self.wrong(name, value, f"a whole number from {least} to {most}")
        return value

    def positive(self, name: str, default: float) -> float:
        """A positive number.

        Args:
            name: The key.
            default: Value where it is absent.

        Returns:
            The number.

        Raises:
            ValueError: Anything else.
        """
        value = self._get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 < value <= _LARGEST:
            raise self.wrong(name, value, f"a positive number of at most {_LARGEST}")
        return float(value)

    def flag(self, name: str, default: bool) -> bool:
        """True or false.

        Args:
            name: The key.
            default: Value where it is absent.

        Returns:
            The value.

        Raises:
            ValueError: Anything else.
        """
        value = self._get(name, default)
        if not isinstance(value, bool):
            raise self.wrong(name, value, "true or false")
        return value

    def text(self, name: str, default: str = "", choices: Sequence[str] = ()) -> str:
        """A string.

        Args:
            name: The key.
            default: Value where it is absent.
            choices: Allowed strings; empty: any.

        Returns:
            The string.

        Raises:
            ValueError: Anything else.
        """
        value = self._get(name, default)
        if not isinstance(value, str) or (choices and value not in choices):
            raise self.wrong(name, value, f"one of {', '.join(choices)}" if choices else "a string")
        return value

    def only(self, name: str, known: Any) -> None:
        """Refuse any value that is not implemented.

        Args:
            name: The key.
            known: The only allowed value, also where the key is absent.

        Raises:
            ValueError: Any other value.
        """
        value = self._get(name, known)
        if value != known:
            raise self.wrong(name, value, f"{json.dumps(known)}: nothing else is implemented")

    def multiple(self, name: str, value: int, of: str, factor: int) -> None:
        """Refuse a size that is not a multiple of another.

        Args:
            name: The key of the size.
            value: The size.
            of: The key of the other size.
            factor: What the size must be a multiple of.

        Raises:
            ValueError: It is not.
        """
        if value % factor:
            raise self.wrong(name, value, f"a multiple of {factor} ({of} is {_short(self.values.get(of))})")

    def inside(self, name: str) -> Settings:
        """A nested object.

        Args:
            name: The key.

        Returns:
            Its values; empty where it is absent.

        Raises:
            ValueError: Anything but an object.
        """
        value = self._get(name, {})
        if not isinstance(value, dict):
            raise self.wrong(name, value, "an object")
        return Settings(self.path, value, f"{self.within}{name}.")

    def _get(self, name: str, default: Any) -> Any:
        value = self.values.get(name)
        return default if value is None else value


def file_bytes(path: Path) -> bytes:
    """The bytes of a file.

    Args:
        path: The file.

    Returns:
        Its bytes.

    Raises:
        ValueError: There is no such file, or it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}, expected a file of a model's folder") from None


def settings(path: Path) -> Settings:
    """A JSON file that holds one object.

    Args:
        path: The file.

    Returns:
        Its values.

    Raises:
        ValueError: Naming the file and what was found: no such file, not JSON, not an object.
    """
    if path.is_file() and (size := path.stat().st_size) > _MOST_JSON:
        raise ValueError(f"{path}: found {size:,} bytes, expected at most {_MOST_JSON:,}")
    raw = file_bytes(path)
    try:
        values = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not JSON: {error}") from None
    if not isinstance(values, dict):
        raise ValueError(f"{path}: found a {type(values).__name__}, expected a JSON object")
    return Settings(path, values)


def digest(parts: Sequence[Path | str]) -> str:
    """SHA-256 of the SHA-256s of files and texts.

    Args:
        parts: Files, whose bytes are streamed, and texts.

    Returns:
        The digest in hex.
    """
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            one = hashlib.sha256(part.encode("utf-8"))
        else:
            with part.open("rb") as file:
                one = hashlib.file_digest(file, "sha256")
        total.update(one.digest())
    return total.hexdigest()


class Names(NamedTuple):
    """How a family of models names its tensors.

    Attributes:
        prefixes: Prefixes that may stand before the names.
        backbone: Beginnings of the backbone's names.
        ignored: Beginnings of names of heads, which are left out.
    """

    prefixes: tuple[str, ...]
    backbone: tuple[str, ...]
    ignored: tuple[str, ...]


class Loaded(NamedTuple):
    """Parameters read from a file.

    Attributes:
        params: Parameters of the Linen module.
        unknown: Names of tensors that belong neither to the backbone nor to a known head.
    """

    params: PyTree
    unknown: tuple[str, ...]


def weights(path: Path, shapes: PyTree, names: Names) -> Loaded:
    """Tensors of a safetensors file for a Linen module's parameters, as float32 NumPy arrays.

    Args:
        path: The file. Its tensors may be float64, float32, float16 or bfloat16.
        shapes: The parameters' shapes, for example of `jax.eval_shape(module.init, ...)`. A parameter's path, joined
            with dots, is its tensor's name; kernels are transposed.
        names: See `Names`.

    Returns:
        The parameters, and the names of unknown tensors.

    Raises:
        ValueError: Naming the file and: missing tensors, those of another shape or kind, those of the backbone that the
            module has no place for (another number of layers, say), 20 of them at most; the first that holds NaN or
            infinities; or that it is not a safetensors file.
    """
    from safetensors import SafetensorError, safe_open

    check_file(path)
    try:
        with safe_open(path, framework="np") as file:
            return _weights(path, file, shapes, names)
    except (SafetensorError, OSError, TypeError) as error:
        raise ValueError(f"{path}: not a complete safetensors file: {error}") from None


def check_file(path: Path) -> None:
    """Refuse a path that is not a file, and name what the folder has instead.

    Args:
        path: The file.

    Raises:
        ValueError: There is no such file.
    """
    if path.is_file():
        return
    others = sorted(other.name for other in path.parent.glob("*") if other.suffix in (".safetensors", ".bin", ".json"))
    raise ValueError(f"{path}: no such file, expected one; the folder has {', '.join(others) or 'none like it'}")


def _weights(path: Path, file: Any, shapes: PyTree, names: Names) -> Loaded:
    stored = {_plain(name, names): name for name in file.keys()}  # noqa: SIM118 - not a dictionary
    leaves, tree = jax.tree_util.tree_flatten_with_path(shapes)
    expected = {published_name(keys): (leaf.shape, keys[-1].key == "kernel") for keys, leaf in leaves}
    wrong = [f"{name} is missing" for name in expected if name not in stored]
    for name in expected.keys() & stored.keys():
        part = file.get_slice(stored[name])
        shape, transposed = expected[name]
        shape = shape[::-1] if transposed else shape
        if tuple(part.get_shape()) != shape or part.get_dtype() not in _FLOATS:
            wrong.append(f"{name} is {part.get_dtype()} {part.get_shape()}, expected floats {list(shape)}")
    rest = sorted(name for name in stored.keys() - expected.keys() if not name.startswith(names.ignored))
    wrong += [f"{name} has no place in the model" for name in rest if name.startswith(names.backbone)]
    if wrong:
        more = [f"and {len(wrong) - _MOST_NAMED} more"] if len(wrong) > _MOST_NAMED else []
        raise ValueError(f"{path} does not fit config.json: {'; '.join(sorted(wrong)[:_MOST_NAMED] + more)}")
    arrays = []
    for keys, _ in leaves:
        name = published_name(keys)
        array = np.asarray(file.get_tensor(stored[name])).astype(np.float32)
        if not np.isfinite(array).all():
            count = array.size - np.count_nonzero(np.isfinite(array))
            raise ValueError(f"{path}: {name} has {count} NaN or infinite entries of {array.size}, expected numbers")
        arrays.append(np.ascontiguousarray(array.T) if expected[name][1] else array)
    return Loaded(jax.tree_util.tree_unflatten(tree, arrays), tuple(rest))


def _plain(name: str, names: Names) -> str:
    """A stored name without prefix and in today's spelling."""
    for prefix in names.prefixes:
        name = name.removeprefix(prefix)
    stem, _, last = name.rpartition(".")
    return f"{stem}.{_OLD[last]}" if last in _OLD and stem.endswith("LayerNorm") else name


def published_name(keys: Any) -> str:
    """The name of the tensor for a Linen parameter.

    Args:
        keys: The parameter's path in the tree of variables.

    Returns:
        The name.
    """
    *stem, last = (key.key for key in keys)
    return ".".join([*stem[1:], _LEAVES[last]])  # the first is "params"


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
