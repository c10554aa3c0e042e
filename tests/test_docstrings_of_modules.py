"""Docstrings of the functions and classes of every module: arguments, shapes, returns, errors, attributes.

tests/test_docstrings.py checks the names that packages export, and runs the examples.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Modules and packages that do not follow the convention yet. The list may only shrink.
EXEMPT = (
    "cli",
    "engine/fast",
)
BEGINNINGS = tuple(f"{name}/" for name in EXEMPT)
ARRAYS = ("Array", "np.ndarray", "ArrayLike", "Floats", "virtual_queue.Fixed", "NDArray")
SHAPES = ("[", "shape", "broadcast", "a number", "random key", "not used", "as in `")


def modules() -> list[Path]:
    """Modules whose docstrings are checked."""
    paths = sorted((ROOT / "messjax").rglob("*.py"))
    return [
        path for path in paths if not f"{path.relative_to(ROOT / 'messjax').with_suffix('')}/".startswith(BEGINNINGS)
    ]


def public(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, ast.FunctionDef | ast.ClassDef]]:
    """Functions, classes and methods without a leading underscore, and `__call__`."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield prefix + node.name, node
            yield from public(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.FunctionDef) and (not node.name.startswith("_") or node.name == "__call__"):
            stated = "define_statement" in ast.unparse(node).split("def ")[0]  # the docstring is the statement
            yield from [] if stated else [(prefix + node.name, node)]


def entries(docstring: str, section: str) -> dict[str, str]:
    """The entries of a section of a docstring by name, each with its text."""
    result: dict[str, str] = {}
    inside = False
    for line in docstring.splitlines():
        if not line.startswith(" "):
            inside = line == f"{section}:" or (inside and not line)
        elif inside and line.startswith("    ") and not line.startswith("     "):
            name, _, text = line.strip().partition(":")
            result[name.lstrip("*")] = text
        elif inside and result:
            result[next(reversed(result))] += f" {line.strip()}"
    return result


def problems_of_function(node: ast.FunctionDef, docstring: str) -> list[str]:
    """What the docstring of a function lacks."""
    everything = [*node.args.posonlyargs, *node.args.args, node.args.vararg, *node.args.kwonlyargs, node.args.kwarg]
    given = {each.arg: each.annotation for each in everything if each is not None and each.arg not in ("self", "cls")}
    documented = entries(docstring, "Args")
    bad = [f"no argument {name}" for name in given if not documented.get(name)]
    bad += [f"an argument {name} that is not there" for name in documented if name not in given]
    for name, annotation in given.items():
        kinds = set() if annotation is None else set(ast.unparse(annotation).replace(" ", "").split("|"))
        text = documented.get(name, "")
        if text and kinds & set(ARRAYS) and not any(word in text.lower() for word in SHAPES):
            bad.append(f"no shape of {name}")
    returns = node.returns is not None and ast.unparse(node.returns) not in ("None", "NoReturn")
    decorators = {ast.unparse(each) for each in node.decorator_list}
    if returns and "property" not in decorators and "\nReturns:\n" not in docstring and "\nYields:\n" not in docstring:
        bad.append("no Returns")
    own = [each for each in ast.walk(node) if isinstance(each, ast.Raise) and each.exc is not None]
    if own and "\nRaises:\n" not in docstring:
        bad.append("no Raises")
    return bad


def problems(source: str) -> list[str]:
    """What the public docstrings of a module lack, by name."""
    bad = []
    for name, node in public(ast.parse(source).body):
        docstring = ast.get_docstring(node) or ""
        first, _, rest = docstring.partition("\n")
        if not first.rstrip().endswith((".", ":")) or (rest and not rest.startswith("\n")):
            bad.append(f"{name}: expected a sentence in the first line and an empty line after it")
        if isinstance(node, ast.FunctionDef):
            bad += [f"{name}: {each}" for each in problems_of_function(node, docstring)]
        else:
            fields = [each.target.id for each in node.body if isinstance(each, ast.AnnAssign)]  # type: ignore[union-attr]
            known = entries(docstring, "Attributes")
            bad += [
                f"{name}: no attribute {field}"
                for field in fields
                if not field.startswith("_") and not known.get(field)
            ]
    return bad


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(ROOT / "messjax").as_posix())
def test_public_docstrings_are_complete(path):
    assert problems(path.read_text(encoding="utf-8")) == []


def test_the_check_finds_what_is_missing():
    source = '''
def f(x: Array, y: int, *rest: int) -> Array:
    """Add.

    Args:
        x: Something.
        z: Something else.
    """
    if y:
        raise ValueError
    return x


class State(NamedTuple):
    """A state

    Attributes:
        t: The time.
    """

    t: int
    queue: int
'''
    assert problems(source) == [
        "f: no argument y",
        "f: no argument rest",
        "f: an argument z that is not there",
        "f: no shape of x",
        "f: no Returns",
        "f: no Raises",
        "State: expected a sentence in the first line and an empty line after it",
        "State: no attribute queue",
    ]


def test_exemptions_are_of_modules_that_exist():
    for name in EXEMPT:
        assert (ROOT / "messjax" / name).is_dir() or (ROOT / "messjax" / f"{name}.py").is_file(), name
