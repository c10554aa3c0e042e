"""A Sphinx extension: pages that are made of the code at build time, and docstrings turned into reStructuredText."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import api_pages
import docstring_markup
import generated_pages

FOLDER = "generated"


def write_pages(app: Any) -> None:
    """Write the generated pages into docs/generated, which git ignores; a page that did not change stays as it is."""
    folder = Path(app.srcdir) / FOLDER
    pages = {**generated_pages.pages(Path(app.srcdir)), **api_pages.pages()}
    for name, text in pages.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    for path in folder.rglob("*.md"):
        if path.relative_to(folder).as_posix() not in pages:
            path.unlink()


def setup(app: Any) -> dict[str, Any]:
    """What Sphinx calls."""
    app.connect("builder-inited", write_pages)
    app.connect("autodoc-process-docstring", docstring_markup.process, priority=100)  # before napoleon
    return {"version": "1", "parallel_read_safe": True}
