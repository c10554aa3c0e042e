"""A Python file of the user's own: statements, policies or entrants in it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TypeVar

__all__ = ["run", "run_file"]

T = TypeVar("T")


def run_file(path: Path, expected: str) -> ModuleType:
    """Run a Python file.

    Args:
        path: The file.
        expected: What it should hold, for the message where it is not there.

    Returns:
        The module.

    Raises:
        ValueError: No such file, or one that does not run; the message names the file and the error.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such file, expected {expected}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path}: found a file that is not Python by its name, expected {expected}")
    module, loader = importlib.util.module_from_spec(spec), spec.loader
    run(path, lambda: loader.exec_module(module))
    return module


def run(path: Path, code: Callable[[], T]) -> T:
    """Run code of the user's.

    Args:
        path: The file that it stands in.
        code: The code.

    Returns:
        What it returns.

    Raises:
        ValueError: Whatever the code raises, with the file's name.
    """
    try:
        return code()
    except Exception as error:
        raise ValueError(f"{path}: {type(error).__name__}: {error}") from error
