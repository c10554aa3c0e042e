"""docs/theory.md: every statement and assumption has its heading, and page and code name each other."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from messjax import theory
from messjax.theory.verdicts import known_statements

PAGE = (Path(__file__).parents[2] / "docs" / "theory.md").read_text(encoding="utf-8")
SECTIONS = {  # identifier -> its text, down to the next heading
    part.split(None, 1)[0].rstrip(":"): part for part in re.split(r"^#{2,3} ", PAGE, flags=re.MULTILINE)[1:]
}
STATEMENTS = [f"L{i}" for i in range(1, 6)] + [f"T{i}" for i in range(1, 14)]
STATEMENTS += ["L2'", "I1", "I2", "I3", "I4", "T1'", "T1''", "T2'", "T2''", "R'", "T3'", "T6'"]
REFERENCES = ["M25", "M24", "N10", "HN11", "WYN15", "YNW17"]
SOURCE = "".join(path.read_text(encoding="utf-8") for path in sorted(Path(theory.__file__).parent.glob("*.py")))
LEMMAS = Path(__file__).parents[2] / "proofs_check" / "lemmas"
PUBLIC = {
    name: function
    for name, function in inspect.getmembers(theory, inspect.isfunction)
    if not name.startswith("_") and function.__module__.startswith(f"{theory.__name__}.")
}


def identifier_of(function: str) -> str:
    """T1_prime_queue is of T1', T1_queue of T1; "" for a function of no statement."""
    found = re.match(r"([LTIR]\d*)(_double_prime|_prime|)_", function)
    return found[1] + {"_double_prime": "''", "_prime": "'", "": ""}[found[2]] if found else ""


@pytest.mark.parametrize("identifier", STATEMENTS)
def test_statement_has_a_heading_with_its_kind_and_names_what_computes_it(identifier):
    section = SECTIONS[identifier]
    assert re.match(rf"{identifier} \((path|mean|tail|rate)(, (path|mean|tail))*\): \w+", section)
    assert "*Proof.*" in section or identifier == "L4"  # L4 is a definition
    named = set(re.findall(r"`(\w+)`", section.split("Computed by")[1]))
    own = {name for name in PUBLIC if identifier_of(name) == identifier}
    assert (own or identifier == "L2'") and own <= named <= set(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_public_function_is_named_on_the_page_and_names_its_source(name):
    assert f"`{name}`" in PAGE
    documentation = inspect.getdoc(PUBLIC[name])
    cited = set(re.findall(r"\b[LT]\d+\b", documentation))
    assert cited <= set(SECTIONS)
    if identifier := identifier_of(name):
        assert documentation.startswith(identifier + " (")
    if re.match(r"[LT]\d+_", name):
        assert re.search(r"re-derived|The rule of \[M25\]", documentation, flags=re.IGNORECASE)


def test_assumptions_have_headings_and_the_code_cites_no_others():
    assert {f"A{i}" for i in range(1, 9)} <= set(SECTIONS)
    assert set(re.findall(r"\bA\d+\b", SOURCE)) <= set(SECTIONS)


def test_the_table_of_assumptions_is_that_of_the_code():
    """Every statement and assumption: what docs/theory prints is what `Statement.assumptions` holds."""
    assert theory.assumption_table() in PAGE
    assert PAGE.count("| statement | A1 |") == 1
    table = [line.split("|")[1:-1] for line in theory.assumption_table().splitlines()[2:]]
    assert [cells[0].strip() for cells in table] == [each.name for each in theory.ALL]
    for (_, *cells), each in zip(table, theory.ALL, strict=True):
        assert {f"A{n}" for n, cell in enumerate(cells, 1) if cell.strip()} == each.assumptions


@pytest.mark.parametrize(
    "identifier",
    ["T1", "T2", "T3", "T6", "T1'", "T1''", "T2'", "T2''", "R'", "T3'", "T6'", "T11", "T12", "T13", "Partition"],
)
def test_what_a_proof_assumes_is_what_its_statements_need(identifier):
    sentence = re.search(r"(?:Assume|[Uu]nder) (A\d[^.$]*)", SECTIONS[identifier])[1]
    for each in theory.statements_named(identifier):
        assert set(re.findall(r"A\d", sentence)) == each.assumptions, each.name


@pytest.mark.parametrize("each", known_statements(), ids=lambda each: each.name)
def test_a_statement_names_its_proof(each):
    identifier = each.name.split()[0]
    assert each.source == f"{identifier} in docs/theory" and identifier in SECTIONS
    assert all((LEMMAS / f"{name}.py").is_file() for name in each.lemmas)
    assert each.lemmas or identifier in ("L4", "T7")  # a definition, and Hoeffding's inequality
    assert not each.implied_by or each.implied_by in {other.name for other in known_statements()}


def test_every_lemma_belongs_to_a_statement_or_a_bound():
    named = {name for each in known_statements() for name in each.lemmas}
    named |= {name for name in (path.stem for path in LEMMAS.glob("*.py")) if f"Lemmas: {name}" in SOURCE}
    assert named == {path.stem for path in LEMMAS.glob("[lst][0-9t]*_*.py")}


def test_one_theorem_one_name():
    assert [each.name for each in theory.ALL if each.implied_by] == [
        "T1 (older form) queue",
        "T1 (older form) violation",
    ]
    sharp, older = theory.statements_named("T1 queue,T1 (older form) queue")
    assert "P_T" not in sharp.about and "P_T" in older.about


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
