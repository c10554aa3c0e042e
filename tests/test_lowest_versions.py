"""requirements.lowest pins the oldest versions that pyproject.toml allows; `.ci/lowest` runs tests with them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]


def _declared() -> dict[str, Version]:
    """Name -> lower bound of everything that `pip install -e '.[dev]'` asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    asked = [Requirement(text) for text in (*project["dependencies"], *extras["dev"])]
    own = {extra for each in asked if each.name == project["name"] for extra in each.extras}
    asked += [Requirement(text) for extra in own for text in extras[extra]]
    return {each.name: Version(next(iter(each.specifier)).version) for each in asked if each.name != project["name"]}


def test_the_oldest_allowed_versions_are_those_that_are_tested() -> None:
    lines = (ROOT / "requirements.lowest").read_text(encoding="utf-8").splitlines()
    pinned = {found[1]: Version(found[2]) for line in lines if (found := re.match(r"([\w.-]+)==([\w.]+)", line))}
    declared = _declared()
    assert len(declared) > 15
    for name, least in declared.items():  # where X.Y.0 was never published the first X.Y.Z is taken
        assert pinned[name].release[: len(least.release)] == least.release, name
