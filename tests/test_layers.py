"""Imports go down only, no circle of modules is left, and no test module imports another."""

from __future__ import annotations

import ast
import re
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]


class Layer(NamedTuple):
    """Packages and modules of one height: they may import lower layers and themselves, and not one another."""

    members: str  # separated by spaces
    holds: str


LAYERS: dict[str, list[Layer]] = {  # lowest first
    "messjax": [
        Layer(
            "types lazy_imports output files user_files interruption arguments",
            "types, imports at first use, texts as they are shown, whole files, options of programs",
        ),
        Layer(
            "components runtime run_folder fingerprint result_files summary_tables",
            "components as a whole; what a program needs; checked files; tables of summaries",
        ),
        Layer("numerics statistics feedback", "exact sums and counter keys, intervals, which labels are observed"),
        Layer("theory origin", "C* and gamma*, bounds L1 to T13 and statements; where a result comes from"),
        Layer("streams", "requests: types, recorded, drifting, with service classes"),
        Layer("meters predictors features traces results plot", "what is measured, predicted, read, saved, drawn"),
        Layer(
            "policies deploy zoo_tables",
            "MESS+, its variants and baselines; a validated policy in production, NumPy alone; files of zoos",
        ),
        Layer("engine zoo", "one run and grids of runs, by the general or the fast program; model zoos"),
        Layer("evaluation", "comparisons of policies, metrics of routers and of predictors"),
        Layer("report", "one page of a folder of results"),
        Layer("cli", "the commands"),
        Layer("__main__", "python -m messjax"),
    ],
    "proofs_check": [
        Layer("tables trials", "tables for terminal and pipe; statistical tests of statements on simulated runs"),
        Layer("report", "the collected rows, verdicts and files"),
        Layer("lemmas rates counterexamples violations assumptions", "the independent parts of the program"),
        Layer("parts", "the list of parts, each with its options"),
        Layer("workers", "parts side by side in processes"),
        Layer("cli", "its commands, and what their help pages say"),
        Layer("__main__", "the command"),
    ],
    "sims": [
        Layer("common reference", "what several studies share; independent implementations to compare with"),
        Layer("studies", "one module or package per study"),
        Layer("measurements", "programs that measure this machine"),
        Layer("__main__", "the command"),
    ],
}
MAY_IMPORT = {"messjax": {"messjax"}, "proofs_check": {"messjax", "proofs_check"}, "sims": {"messjax", "sims"}}


def module_of(path: Path) -> str:
    """Dotted name of a file below ROOT."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for package in LAYERS for path in (ROOT / package).rglob("*.py")}


@cache
def imported(source: str, package: str) -> frozenset[str]:
    """Dotted names that a module of `package` imports anywhere, also inside functions and for type checkers only."""
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
    return frozenset(result)


def names_in(module: str, path: Path) -> frozenset[str]:
    """The dotted names that a module of this repository imports."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    return imported(path.read_text(encoding="utf-8"), package)


def part_of(name: str) -> str:
    """Name of the member of a layer: "messjax.engine.fast.loop" is in "engine"; "" for the top package itself."""
    return ".".join(name.split(".")[1:2])


def heights(package: str) -> dict[str, int]:
    """Height of each member of the layers of a package; its own `__init__`, the public interface, is above all."""
    layers = LAYERS[package]
    return {name: n for n, layer in enumerate(layers) for name in layer.members.split()} | {"": len(layers)}


def forbidden(source: str, module: str, package: str) -> list[str]:
    """The names imported by a module that its layer may not import."""
    top, height = module.split(".")[0], heights(module.split(".")[0])
    bad = []
    for name in sorted(imported(source, package)):
        other = name.split(".")[0]
        if other in LAYERS or other == "tests":
            inside = other == top and part_of(name) != part_of(module)
            if other not in MAY_IMPORT[top] or (inside and height.get(part_of(name), 99) >= height[part_of(module)]):
                bad.append(name)
    return bad


def circle(arrows: dict[str, set[str]]) -> list[str]:
    """Modules that import one another in a circle; empty where there is none."""
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def arrows_between_modules() -> dict[str, set[str]]:
    """Of each module, the modules of this repository that it imports; `messjax` itself imports all, lazily."""
    arrows = {}
    for module, path in MODULES.items():
        targets = set()
        for name in names_in(module, path):
            target = name if name in MODULES else name.rpartition(".")[0]  # a function or class of a module
            if target in MODULES and target != module:
                targets.add(target)
        arrows[module] = targets
    return arrows


@pytest.mark.parametrize("package", LAYERS)
def test_imports_go_down(package):
    bad = {}
    for module, path in MODULES.items():
        if module.split(".")[0] == package:
            assert part_of(module) in heights(package), f"{module} is in no layer: enter it in LAYERS"
            parent = module if path.name == "__init__.py" else module.rpartition(".")[0]
            bad[module] = forbidden(path.read_text(encoding="utf-8"), module, parent)
    assert {module: names for module, names in bad.items() if names} == {}


def test_no_modules_import_one_another_in_a_circle():
    assert circle(arrows_between_modules()) == []


def test_no_study_imports_another():
    for module, targets in arrows_between_modules().items():
        if module.startswith("sims.studies."):
            study = module.split(".")[2]
            assert {name.split(".")[2] for name in targets if name.startswith("sims.studies.")} <= {study}, module


def test_upward_and_outward_imports_are_found():
    source = "from messjax import engine\nimport sims.common\nimport messjax.types\nfrom ..policies import mess_plus\n"
    assert forbidden(source, "messjax.predictors.mlp_head", "messjax.predictors") == [
        "messjax.engine",
        "messjax.policies.mess_plus",
        "sims.common",
    ]
    assert forbidden("from messjax.streams import labels", "messjax.streams.switching", "messjax.streams") == []
    beside = "if TYPE_CHECKING:\n    from messjax.zoo import Zoo\n"
    assert forbidden(beside, "messjax.meters.per_class", "messjax.meters") == ["messjax.zoo.Zoo"]
    assert forbidden("import messjax", "messjax.theory.cost", "messjax.theory") == ["messjax"]
    assert forbidden("from proofs_check import trials", "sims.common.worlds", "sims.common") == ["proofs_check.trials"]
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) and not circle({"a": {"b", "c"}, "b": {"c"}, "c": set()})


@pytest.mark.parametrize("package", LAYERS)
def test_every_member_of_a_layer_exists_once(package):
    members = [name for layer in LAYERS[package] for name in layer.members.split()]
    assert len(set(members)) == len(members)
    assert {part_of(module) for module in MODULES if module.startswith(f"{package}.")} == set(members)


def test_the_documented_layers_are_these():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| (.*?) \|", page, flags=re.MULTILINE)
    documented = [(int(number), " ".join(re.findall(r"`(\w+)`", names))) for number, names in rows]
    assert documented == [(n, layer.members) for n, layer in enumerate(LAYERS["messjax"])]


TESTS = {path: path.relative_to(ROOT / "tests").as_posix() for path in sorted((ROOT / "tests").rglob("*.py"))}


def test_no_test_module_imports_another():
    """What several test modules need is in tests/support."""
    tests = {path.stem for path in TESTS if path.stem.startswith("test_")}
    for path, shown in TESTS.items():
        names = {part for name in imported(path.read_text(encoding="utf-8"), "tests") for part in name.split(".")}
        assert not names & (tests | {"conftest"}), shown


def test_no_module_is_named_by_a_letter_or_number():
    for path in [*MODULES.values(), *TESTS]:  # V is the paper's weight of costs: adaptive_v, regret_vs_v
        assert not re.search(r"(^|_)([a-uw-z]|\d+)$", path.stem), path.relative_to(ROOT)
