"""Public names of a package, imported when they are first used (PEP 562), so that importing the package costs nothing.

A package writes its public imports once, where type checkers and editors read them, and takes its functions from here:

    if TYPE_CHECKING:
        from messjax.streams.recorded import replay as replay

    __all__ = ["replay"]
    __getattr__, __dir__ = lazy_imports.attach(__name__)
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from collections.abc import Callable
from typing import Any


def attach(package: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The `__getattr__` and `__dir__` of a package whose public imports stand under `if TYPE_CHECKING:`.

    Args:
        package: Name of the package, its `__name__`.

    Returns:
        `__getattr__`, which imports a public name when it is first read, and `__dir__`, which lists the public names.

    Raises:
        AttributeError: By `__getattr__`, for a name that is not public.
    """
    places: dict[str, tuple[str, str]] = {}

    def find(name: str) -> Any:
        if not places:
            places.update(public_imports(package))
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, attribute = places[name]
        if module == package:  # a submodule of the package itself
            value: Any = importlib.import_module(f"{package}.{attribute}")
        else:
            source = importlib.import_module(module)
            value = getattr(source, attribute)
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        module = sys.modules[package]
        return sorted({*module.__all__, *(name for name in vars(module) if name.startswith("__"))})

    return find, names


def public_imports(package: str) -> dict[str, tuple[str, str]]:
    """Where each public name of a package comes from.

    Args:
        package: Name of the package.

    Returns:
        For each public name the module it is imported from and its name there.
    """
    spec = importlib.util.find_spec(package)
    source = spec.loader.get_source(package) if spec is not None and spec.loader is not None else ""  # type: ignore[attr-defined]
    return {
        alias.asname or alias.name: (str(node.module), alias.name)
        for block in ast.parse(source).body
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
