"""Every public name is documented: one sentence, its arguments with shapes, what it returns; and its examples run."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import re
import sys
import types
from typing import Any

import pytest

import messjax

MODULES = ("components", "feedback", "plot", "results", "runtime", "types", "zoo", "theory.exact", "theory.optimum")
INTERNAL = {"messjax.engine.fast"}
PACKAGES = [
    module.name
    for module in pkgutil.walk_packages(messjax.__path__, "messjax.")
    if module.ispkg and module.name not in INTERNAL and hasattr(importlib.import_module(module.name), "__all__")
]
SOURCES = ["messjax", *PACKAGES, *(f"messjax.{name}" for name in MODULES)]
ARRAY = re.compile(r"\b(Array|ArrayLike|ndarray|Floats)\b")
SHAPE = re.compile(r"\[[A-Za-z0-9 _,.*+()-]*\]|scalar|any shape|\bnumber\b|\ball of which broadcast\b")
FREE = {"self", "cls"}


def public_names() -> dict[str, Any]:
    """Functions and classes by their first public name."""
    found: dict[int, tuple[str, Any]] = {}
    for source in SOURCES:
        module = importlib.import_module(source)
        for name in module.__all__:
            value = getattr(module, name)
            if (inspect.isfunction(value) or inspect.isclass(value)) and value.__module__.startswith("messjax"):
                found.setdefault(id(value), (f"{source}.{name}", value))
    return dict(found.values())


def sections(docstring: str) -> dict[str, dict[str, str]]:
    """The sections of a Google-style docstring: title -> entry -> its text. Text without entries is under ""."""
    result: dict[str, dict[str, str]] = {}
    title = entry = ""
    for line in inspect.cleandoc(docstring).split("\n"):
        if match := re.fullmatch(r"(Args|Attributes|Returns|Yields|Raises|Example|Source):", line):
            title, entry = match[1], ""
            result[title] = {}
        elif title and (match := re.fullmatch(r"    ?(?:  )?\*{0,2}(\w+)(?: \(.*?\))?: (.*)", line)):
            entry = match[1]
            result[title][entry] = match[2]
        elif title and line.startswith("  "):
            result[title][entry] = f"{result[title].get(entry, '')} {line.strip()}"
        elif line:
            title = ""
    return result


def complaints(value: Any, name: str = "") -> list[str]:
    """What is missing from the documentation of a function or class."""
    doc = value.__doc__ or ""
    if not doc or doc.startswith(
        f"{getattr(value, '__name__', '')}("
    ):  # what NamedTuple and dataclass write themselves
        return [f"{name}: no docstring"]
    first = inspect.cleandoc(doc).split("\n\n")[0].rstrip()
    leads_to_formula = inspect.cleandoc(doc)[len(first) :].startswith("\n\n    ")
    bad = [] if first.endswith((".", ":")) or leads_to_formula else [f"{name}: its first paragraph has no full stop"]
    parts = sections(doc)
    described = parts.get("Args", {}) | parts.get("Attributes", {})
    for argument, annotation in arguments(value).items():
        is_array = argument != "key" and ARRAY.search(annotation) and "Callable" not in annotation
        if argument not in described:
            bad.append(f"{name}: no description of the argument {argument}")
        elif is_array and not SHAPE.search(described[argument]):
            bad.append(f"{name}: no shape of the array {argument}")
    if inspect.isfunction(value):
        returns = str(value.__annotations__.get("return", "None"))
        if returns not in ("None", "NoReturn") and not {"Returns", "Yields"} & parts.keys():
            bad.append(f"{name}: no section Returns")
    return bad


def arguments(value: Any) -> dict[str, str]:
    """Arguments of a function, or fields of a NamedTuple or dataclass, with their annotations as written."""
    if inspect.isclass(value):
        if hasattr(value, "_fields") or hasattr(value, "__dataclass_fields__"):
            names = getattr(value, "_fields", None) or tuple(value.__dataclass_fields__)
            return {name: str(value.__annotations__.get(name, "")) for name in names if not name.startswith("_")}
        return {}
    parameters = inspect.signature(value).parameters.values()
    return {each.name: str(each.annotation) for each in parameters if each.name not in FREE}


def methods(value: Any) -> list[tuple[str, types.FunctionType]]:
    """Public methods that a class defines itself."""
    if not inspect.isclass(value):
        return []
    own = [(name, each) for name, each in vars(value).items() if inspect.isfunction(each) and not name.startswith("_")]
    return [(name, each) for name, each in own if each.__module__ == value.__module__]


NAMES = public_names()


@pytest.mark.parametrize("name", NAMES)
def test_public_name_is_documented(name):
    value = NAMES[name]
    found = complaints(value, name)
    for method, function in methods(value):
        found += complaints(function, f"{name}.{method}")
    assert found == []


EXAMPLES = [name for name, value in NAMES.items() if ">>>" in (value.__doc__ or "")]


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_runs(name):
    value = NAMES[name]
    finder = doctest.DocTestFinder(recurse=False)
    tests = finder.find(value, name, globs=dict(vars(sys.modules[value.__module__])))
    outcome = [doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test) for test in tests]
    assert sum(result.attempted for result in outcome) > 0
    assert sum(result.failed for result in outcome) == 0


def test_the_main_functions_have_examples():
    main = {
        *("sweep", "simulate", "judge", "solve", "dual", "get", "synthetic", "types", "calibrated", "replay"),
        *("linear", "oracle", "mess_plus", "single", "mixture", "summary", "stack", "ledger", "zip_meters", "fold"),
    }
    assert main - {name.rpartition(".")[2] for name in EXAMPLES} == set()


def test_the_check_finds_what_is_missing():
    def documented(x: Array, n: int) -> float:  # noqa: F821
        """Do it.

        Args:
            x: [N] costs,
                in kJ.
            n: How often.

        Returns:
            The number.
        """

    def shapeless(x: Array) -> None:  # noqa: F821
        """Do it.

        Args:
            x: Costs.
        """

    def bare(x: int) -> int:
        """Do it"""

    assert complaints(documented, "f") == []
    assert complaints(shapeless, "f") == ["f: no shape of the array x"]
    assert [line.partition(": ")[2][:12] for line in complaints(bare, "f")] == [
        "its first pa",
        "no descripti",
        "no section R",
    ]
    assert complaints(lambda: 0, "f") == ["f: no docstring"]
