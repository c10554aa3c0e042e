"""One page per public package and module: every public name once, with its signature and docstring."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import Any

import messjax

MODULES = ("components", "feedback", "plot", "results", "runtime", "types", "zoo", "theory.exact", "theory.optimum")
INTERNAL = {"messjax.engine.fast"}


def sources() -> list[str]:
    """The packages and modules with public names, those that define most first."""
    packages = [
        module.name
        for module in pkgutil.walk_packages(messjax.__path__, "messjax.")
        if module.ispkg and module.name not in INTERNAL and hasattr(importlib.import_module(module.name), "__all__")
    ]
    return [*dict.fromkeys([*packages, *(f"messjax.{name}" for name in MODULES)])]


def pages() -> dict[str, str]:
    """The pages by name.

    Returns:
        `api/messjax.NAME.md` for each source, and `api/index.md`.
    """
    seen: dict[int, str] = {}
    found = {}
    for source in sources():
        found[f"api/{source}.md"] = _page(source, seen)
    found["api/index.md"] = _index(seen)
    return found


def _page(source: str, seen: dict[int, str]) -> str:
    module = importlib.import_module(source)
    lines = [f"# `{source}`", "", "```{eval-rst}", f".. automodule:: {source}", "   :no-members:", "```", ""]
    blocks, elsewhere, values = [], [], []
    for name in module.__all__:
        value, full = getattr(module, name), f"{source}.{name}"
        if inspect.ismodule(value):
            elsewhere.append(f"- `{full}`: a module")
        elif not (inspect.isfunction(value) or inspect.isclass(value)) or not value.__module__.startswith("messjax"):
            values.append(f"- `{full}`: {_kind(value)}")
        elif id(value) in seen:
            elsewhere.append(f"- `{full}` is {{py:obj}}`{seen[id(value)]}`")
        else:
            seen[id(value)] = full
            blocks.append(_directive(full, value))
    lines += ["```{eval-rst}", *blocks, "```", ""] if blocks else []
    lines += ["## Values", "", *values, ""] if values else []
    lines += ["## Also reached from here", "", *elsewhere, ""] if elsewhere else []
    return "\n".join(lines)


def _directive(full: str, value: Any) -> str:
    if inspect.isfunction(value):
        return f".. autofunction:: {full}\n"
    fields = set(getattr(value, "_fields", ())) | set(getattr(value, "__dataclass_fields__", ()))
    own = [
        name
        for name, each in vars(value).items()
        if not name.startswith("_") and name not in fields and (inspect.isfunction(each) or isinstance(each, property))
    ]
    members = f"   :members: {', '.join(own)}\n" if own else ""
    return f".. autoclass:: {full}\n{members}"


def _kind(value: Any) -> str:
    if isinstance(value, tuple | list | dict | set | frozenset):
        return f"{type(value).__name__} of {len(value)}"
    return f"`{value!r}`" if isinstance(value, int | float | str) else f"a {type(value).__name__}"


def _index(seen: dict[int, str]) -> str:
    names = sources()
    top = {name: seen[id(value)] for name in messjax.__all__ if id(value := getattr(messjax, name)) in seen}
    lines = ["# API reference", "", "`import messjax as mj` reaches everything:", ""]
    lines += [f"- `mj.{name}` is {{py:obj}}`{full}`" for name, full in top.items()]
    lines += ["", f"{len(seen)} functions and classes in {len(names)} packages and modules.", ""]
    return "\n".join([*lines, "```{toctree}", ":maxdepth: 1", "", *names, "```", ""])
