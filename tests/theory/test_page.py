"""docs/theory.md: every statement and assumption has its heading, and page and code name each other."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from messjax import theory

PAGE = (Path(__file__).parents[2] / "docs" / "theory.md").read_text(encoding="utf-8")
SECTIONS = {  # identifier -> its text, down to the next heading
    part.split(None, 1)[0].rstrip(":"): part for part in re.split(r"^#{2,3} ", PAGE, flags=re.MULTILINE)[1:]
}
STATEMENTS = [f"L{i}" for i in range(1, 6)] + [f"T{i}" for i in range(1, 11)]
REFERENCES = ["M25", "M24", "N10", "HN11", "WYN15", "YNW17"]
SOURCE = "".join(path.read_text(encoding="utf-8") for path in sorted(Path(theory.__file__).parent.glob("*.py")))
PUBLIC = {
    name: function
    for name, function in inspect.getmembers(theory, inspect.isfunction)
    if not name.startswith("_") and function.__module__.startswith(f"{theory.__name__}.")
}


@pytest.mark.parametrize("identifier", STATEMENTS)
def test_statement_has_a_heading_with_its_kind_and_names_what_computes_it(identifier):
    section = SECTIONS[identifier]
    assert re.match(rf"{identifier} \((path|mean|tail|rate)(, (path|mean|tail))*\): \w+", section)
    assert "*Proof.*" in section or identifier == "L4"  # L4 is a definition
    named = set(re.findall(r"`(\w+)`", section.split("Computed by")[1]))
    own = {name for name in PUBLIC if name.startswith(f"{identifier}_")}
    assert own and own <= named <= set(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_public_function_is_named_on_the_page_and_names_its_source(name):
    assert f"`{name}`" in PAGE
    documentation = inspect.getdoc(PUBLIC[name])
    cited = set(re.findall(r"\b[LT]\d+\b", documentation))
    assert cited <= set(SECTIONS)
    if re.match(r"[LT]\d+_", name):
        assert documentation.startswith(name.split("_")[0] + " (")
        assert re.search(r"re-derived|The rule of \[M25\]", documentation, flags=re.IGNORECASE)


def test_assumptions_have_headings_and_the_code_cites_no_others():
    assert {f"A{i}" for i in range(1, 9)} <= set(SECTIONS)
    assert set(re.findall(r"\bA\d+\b", SOURCE)) <= set(SECTIONS)


def test_references_are_listed_and_used():
    body, listing = PAGE.split("## References")
    assert re.findall(r"^- \[(\w+)\]", listing, flags=re.MULTILINE) == REFERENCES
    cited = set(re.findall(r"\[([A-Z]+\d\d)\]", body + SOURCE))
    assert cited == set(REFERENCES)


def test_displayed_and_inline_formulas_are_closed():
    without_displays = re.sub(r"\$\$.*?\$\$", "", PAGE, flags=re.DOTALL)
    assert PAGE.count("$$") % 2 == 0
    for paragraph in without_displays.split("\n\n"):
        assert paragraph.count("$") % 2 == 0, paragraph
