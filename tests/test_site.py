"""The site: generated pages are complete, docstrings become markup, tutorials run, Sphinx does not warn."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import messjax
from messjax import theory
from messjax.cli import command_parser

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
sys.path.insert(0, str(DOCS / "_site"))
api_pages, docstring_markup, generated_pages = map(
    importlib.import_module, ("api_pages", "docstring_markup", "generated_pages")
)
GALLERY = sorted((DOCS / "gallery").glob("*.py"))
TUTORIALS = sorted((DOCS / "tutorials").glob("*.md"))


def test_every_statement_has_a_row_with_code_proof_and_verdict():
    rows = [line for line in generated_pages.statements(DOCS).splitlines() if line.startswith("| ")][1:]
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows] == [each.name for each in theory.ALL]
    assert not [row for row in rows if "not run" in row or "theory.md#" not in row]
    page = (DOCS / "theory.md").read_text(encoding="utf-8")
    anchors = {generated_pages.slug(each) for each in re.findall(r"^#{2,4} (.+)$", page, re.MULTILINE)}
    assert set(re.findall(r"theory\.md#([^)]+)\)", "\n".join(rows))) <= anchors
    for place, line in re.findall(r"(\w+\.py):(\d+)", "\n".join(rows)):
        source = (ROOT / "messjax" / "theory" / place).read_text(encoding="utf-8").splitlines()
        assert re.match(r"\s*(@|def )", source[int(line) - 1]), (place, line)


def test_a_statement_is_linked_to_a_heading_of_its_own():
    headings = re.findall(r"^#{1,6} (.+)$", (DOCS / "theory.md").read_text(encoding="utf-8"), re.MULTILINE)
    by_slug = {generated_pages.slug(each): each for each in headings}
    assert len(by_slug) == len(headings), "two headings of docs/theory.md have one anchor"
    for each in theory.ALL:
        name, anchor = re.fullmatch(
            r"\[(.+)\]\(\.\./theory\.md#(.+)\)", generated_pages.proof_of(each, headings)
        ).groups()
        assert by_slug[anchor].split()[0].rstrip(":") == name.split()[0], (each.name, by_slug[anchor])


def test_every_public_function_and_class_is_in_the_api_reference_once():
    pages = api_pages.pages()
    found = re.findall(r"auto(?:function|class):: (\S+)", "\n".join(pages.values()))
    assert len(found) == len(set(found)) > 200
    objects = [eval_name(name) for name in found]
    assert len({id(each) for each in objects}) == len(objects)
    for name in messjax.__all__:
        value = getattr(messjax, name)
        assert any(value is each for each in objects) or inspect.ismodule(value), name


def eval_name(name: str) -> object:
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def test_the_command_line_page_has_every_option():
    page = generated_pages.command_line()
    for program in generated_pages.PROGRAMS:
        for name, each in command_parser.commands_of(command_parser.build(program, everything=True)).items():
            assert f"## `{program.name} {name}`" in page
            assert all(option in page for action in each._actions for option in action.option_strings)


def test_every_page_is_in_a_table_of_contents_once():
    listed: list[str] = []
    for page in DOCS.rglob("*.md"):
        if page.relative_to(DOCS).parts[0] != "generated":
            for block in re.findall(r"```\{toctree\}\n(.*?)```", page.read_text(encoding="utf-8"), re.S):
                listed += [line for line in block.splitlines() if line and not line.startswith(":")]
    pages = {path.stem for path in DOCS.glob("*.md")} | {f"tutorials/{path.stem}" for path in TUTORIALS}
    assert sorted(each for each in listed if not each.startswith("generated/")) == sorted(pages - {"index"})
    generated = {each.removeprefix("generated/") for each in listed if each.startswith("generated/")}
    assert generated == {path.removesuffix(".md") for path in generated_pages.pages(DOCS)} | {
        "api/index",
        "gallery/index",
    }


def test_docstrings_become_markup():
    text = [
        "C* of `a_b`: p_t, |x|, _last_.",
        "",
        "    V  weight *",
        "",
        "Args:",
        "    x: `one` of 2 * 3.",
        "    y_: no.",
    ]
    assert docstring_markup.as_rst(text) == [
        r"C\* of ``a_b``: p_t, \|x\|, _last\_.", "", "::", "", "    V  weight *", "", "Args:",
        r"    x: ``one`` of 2 \* 3.", r"    y\_: no.",
    ]  # fmt: skip
    returns = ["Returns:", "    One.", "        Two", "    three."]
    assert docstring_markup.as_rst(returns) == ["Returns:", "    One.", "    Two", "    three."]
    assert docstring_markup.as_rst(["    >>> a * b", "    6"]) == ["::", "", "    >>> a * b", "    6"]


def cells(page: Path) -> list[str]:
    return re.findall(r"^```\{code-cell\} python\n(.*?)^```", page.read_text(encoding="utf-8"), re.S | re.M)


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_tutorials_have_cells_that_compile(page):
    assert len(cells(page)) >= 4
    for number, code in enumerate(cells(page)):
        compile(code, f"cell {number}", "exec")


@pytest.mark.long
@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_tutorials_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "tutorial"}
    for number, code in enumerate(cells(page)):
        exec(compile(code, f"cell {number}", "exec"), names)


@pytest.mark.parametrize("script", GALLERY, ids=lambda script: script.stem)
def test_a_script_of_the_gallery_is_short_and_has_a_title(script):
    text = script.read_text(encoding="utf-8")
    title, line = ast.get_docstring(ast.parse(text)).splitlines()[:2]
    assert len(line) == len(title) and set(line) == {"="}
    assert f'"results/{script.stem}.png"' in text and len(text.split('"""')[2].strip().splitlines()) <= 36


@pytest.mark.long
@pytest.mark.parametrize("script", GALLERY, ids=lambda script: script.stem)
def test_scripts_of_the_gallery_run(script, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(script), run_name="__main__")
    assert (tmp_path / "results" / f"{script.stem}.png").stat().st_size > 20_000


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path):
    pytest.importorskip("myst_nb")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-b", "html", str(DOCS), str(tmp_path / "site")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    pages = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "site").rglob("*.html"))
    pictures = (tmp_path / "site" / "_images").glob("sphx_glr_*_001.png")
    assert {path.name for path in pictures} == {f"sphx_glr_{script.stem}_001.png" for script in GALLERY}
    assert not re.search(r'<(?:script|link|img)[^>]+(?:src|href)="https?:', pages)
