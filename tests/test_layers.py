"""Imports go down only: a module may use lower floors and its own package, and nothing outside the library."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "messjax"
FLOORS = [
    {"types", "kept"},
    {"queue", "sums", "counters", "optimum", "bounds", "stats", "sequences", "scores"},
    {"meters", "zoo", "feedback", "streams", "predictors", "features", "traces", "router_metrics"},
    {"policies", "checks", "watch", "audits", "classes"},
    {"simulate"},
    {"results", "fast"},
    {"grid", "verdicts", "plot", "quality"},
    {"sweep"},
    {"compare", "shell"},
    {"commands"},
    {"cli"},
]
FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}
OUTSIDE = {"sims", "proofs_check", "tests"}
MODULES = sorted(
    path for path in PACKAGE.rglob("*.py") if path.name not in ("__init__.py", "__main__.py") or path.parent != PACKAGE
)


def imported(source: str, package: str) -> set[str]:
    """Dotted names a module imports, `from messjax import x` as messjax.x; relative ones resolved against `package`."""
    result = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            result |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parents, base] if base else parents)
            result |= {f"{base}.{alias.name}" for alias in node.names}
    return result


def breaches(source: str, room: str, package: str) -> list[str]:
    """Imports of a module of `room` (a top-level name of messjax) that go up, sideways or out."""
    bad = []
    for name in sorted(imported(source, package)):
        parts = name.split(".")
        inside = parts[0] == "messjax" and parts[1:2] not in ([], [room])
        if parts[0] in OUTSIDE or (inside and FLOOR.get(parts[1], 99) >= FLOOR[room]):
            bad.append(name)
    return bad


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_go_down(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    assert parts[0] in FLOOR, f"{parts[0]} has no floor: give it one in FLOORS"
    assert breaches(path.read_text(encoding="utf-8"), parts[0], ".".join(("messjax", *parts[:-1]))) == []


def test_the_check_sees_what_goes_up_or_out():
    up = "from messjax import sweep\nimport sims.regret\nfrom messjax.types import Law\nfrom ..policies import gate\n"
    assert breaches(up, "predictors", "messjax.predictors") == [
        "messjax.policies.rare_update",
        "messjax.engine.grid_sweep",
        "sims.regret",
    ]
    assert breaches("from messjax.streams import labels", "streams", "messjax.streams") == []
    assert breaches("from messjax import optimum", "queue", "messjax") == ["messjax.theory.optimum"]


def test_every_floor_is_lived_on():
    rooms = {path.relative_to(PACKAGE).with_suffix("").parts[0] for path in MODULES}
    assert set(FLOOR) == rooms
