"""README.md and docs/: every relative link, anchor, file and dotted name that a page mentions exists."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
GENERATED = {"findings.md"}  # the program that writes it names what it ran
FOLDERS = ("messjax", "sims", "proofs_check", "tests", "docs")


def without_code(page: str) -> str:
    return re.sub(r"^```.*?^```", "", page, flags=re.DOTALL | re.MULTILINE)


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading: letters, digits, hyphens and underscores; spaces become hyphens."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(page: str) -> set[str]:
    return {slug(heading) for heading in re.findall(r"^#{1,6} (.+)$", without_code(page), re.MULTILINE)}


def broken_links(page: Path, text: str) -> list[str]:
    """Relative links of a page whose file or anchor does not exist."""
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(text)):
        if re.match(r"\w+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.exists() or (anchor and anchor not in anchors(file.read_text(encoding="utf-8"))):
            broken.append(target)
    return broken


def code_spans(text: str) -> set[str]:
    return set(re.findall(r"`([^`\n]+)`", without_code(text)))


def missing_files(text: str) -> list[str]:
    """Paths in backticks that begin with a folder of the repository and do not exist; capitals stand for a choice."""
    paths = [span for span in code_spans(text) if re.fullmatch(rf"({'|'.join(FOLDERS)})/[\w./]*", span)]
    return sorted(path for path in paths if not re.search(r"[A-Z]{2}", path) and not (ROOT / path).exists())


def resolves(name: str) -> bool:
    """Whether a dotted name is a module, or an attribute of one."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            value = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        try:
            for part in parts[cut:]:
                value = getattr(value, part)
        except AttributeError:
            return False
        return True
    return False


PUBLIC = ("streams", "policies", "predictors", "meters", "feedback", "zoo", "theory", "traces", "features")


def missing_names(text: str) -> list[str]:
    """Dotted names in backticks, perhaps with arguments, that begin with a package of the repository or of messjax."""
    heads = "|".join((*FOLDERS[:3], *PUBLIC))
    names = {match[0] for span in code_spans(text) if (match := re.match(rf"(?:{heads})(?:\.[A-Za-z_]\w*)+", span))}
    full = {name: name if name.split(".")[0] in FOLDERS else f"messjax.{name}" for name in names}
    return sorted(name for name, path in full.items() if not path.endswith((".py", ".md")) and not resolves(path))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_anchors_exist(page: Path) -> None:
    assert broken_links(page, page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("page", [page for page in PAGES if page.name not in GENERATED], ids=lambda page: page.name)
def test_files_and_names_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert (missing_files(text), missing_names(text)) == ([], [])


def test_every_page_is_reached_from_the_readme() -> None:
    reached, waiting = set(), [PAGES[0]]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        links = re.findall(r"\]\(([^)\s#:]+\.md)", page.read_text(encoding="utf-8"))
        waiting += [(page.parent / link).resolve() for link in links if (page.parent / link).exists()]
    assert set(PAGES) <= reached


def test_docstrings_point_to_pages_that_exist() -> None:
    named = {
        (path.relative_to(ROOT).as_posix(), page)
        for folder in FOLDERS[:4]
        for path in (ROOT / folder).rglob("*.py")
        for page in re.findall(r"docs/\w+(?:\.md|/\w+\.\w+)", path.read_text(encoding="utf-8"))
        if path != Path(__file__)
    }
    assert named
    assert sorted((path, page) for path, page in named if not (ROOT / page).exists()) == []


def test_docstrings_quote_headings_of_the_theory_that_exist() -> None:
    headings = re.findall(r"^#{2,3} (.+)$", (ROOT / "docs" / "theory.md").read_text(encoding="utf-8"), re.MULTILINE)
    quoted = {
        (path.relative_to(ROOT).as_posix(), " ".join(heading.split()))
        for folder in FOLDERS[:3]
        for path in (ROOT / folder).rglob("*.py")
        for heading in re.findall(
            r"[\"']([A-Z][^\"'.]{2,60})[\"'],? in\s+docs/theory", path.read_text(encoding="utf-8")
        )
    }
    assert quoted
    wrong = [
        (path, heading) for path, heading in sorted(quoted) if not any(each.startswith(heading) for each in headings)
    ]
    assert wrong == []


def test_the_checks_find_what_is_missing() -> None:
    page = ROOT / "docs" / "page.md"
    text = "# Two words\n[a](#two-words) [b](#three) [c](none.md) [d](theory.md#constants) [e](https://example.org/x)\n"
    assert broken_links(ROOT / "docs" / "theory.md", text.replace("#two-words", "#constants")) == ["#three", "none.md"]
    assert "two-words" in anchors(text)
    assert missing_files("`messjax/types.py` `messjax/none.py` `sims/studies/NAME.py`") == ["messjax/none.py"]
    assert missing_names("`messjax.types.Stream` `streams.types(x)` `streams.none` `theory.md`") == ["streams.none"]
    assert broken_links(page, "```\n[x](nowhere.md)\n```") == []
