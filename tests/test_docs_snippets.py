"""Every Python snippet of README.md and docs/ runs as it stands."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SNIPPETS = [
    pytest.param(code, id=f"{path.name}-{i}", marks=[pytest.mark.long] * (path.name != "README.md"))
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    for i, code in enumerate(re.findall(r"^```python\n(.*?)^```", path.read_text(encoding="utf-8"), re.S | re.M))
]


@pytest.mark.parametrize("code", SNIPPETS)
def test_snippet_runs(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "snippet", "exec"), {"__name__": "snippet"})


def test_the_example_statement_on_the_page_is_that_of_its_file() -> None:
    example = (ROOT / "docs" / "examples" / "own_statement.py").read_text(encoding="utf-8").split("\n\n", 1)[1]
    assert f"```python\n{example.rstrip()}\n```" in (ROOT / "docs" / "proofs_check.md").read_text(encoding="utf-8")


def test_readme_has_a_library_example() -> None:
    assert any(str(parameter.id).startswith("README") for parameter in SNIPPETS)
