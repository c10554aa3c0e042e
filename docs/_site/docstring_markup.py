"""Docstrings of messjax, which are plain text with code in backticks, as the reStructuredText that autodoc expects."""

from __future__ import annotations

import re
from typing import Any

_SECTION = re.compile(r"(Args|Attributes|Returns|Yields|Raises|Example|Source):")
_CODE = re.compile(r"`([^`\n]+)`")


def as_rst(lines: list[str]) -> list[str]:
    """Lines of a docstring with literal blocks marked and everything escaped that would be markup.

    Args:
        lines: The lines, without the indentation of the docstring.

    Returns:
        The lines.
    """
    found: list[str] = []
    section, in_block, in_doctest = "", False, False
    for n, line in enumerate(lines):
        if match := _SECTION.fullmatch(line):
            section, in_block = match[1], False
        elif line and not line.startswith(" "):
            section, in_block = "", False
        if section in ("Returns", "Yields") and line.startswith(" "):
            line = f"    {line.strip()}"  # one paragraph, however it is broken into lines
        indent = len(line) - len(line.lstrip())
        before = lines[n - 1] if n else ""
        if not section and not in_block and indent >= 4 and not before.strip():
            found += ["::", ""]
            in_block = True
        in_doctest = line.lstrip().startswith(">>>") or (in_doctest and bool(line.strip()))
        found.append(line if in_block or in_doctest else _escaped(line))
    return found


def _escaped(line: str) -> str:
    """One line: code as literals, and the rest without markup."""
    parts = _CODE.split(line)
    for n, part in enumerate(parts):
        if n % 2:
            parts[n] = f"``{part}``" if part == part.strip() else f"``{part.strip()}``"
        else:
            text = re.sub(r"([\\*|`])", r"\\\1", part)
            parts[n] = re.sub(r"(?<=\w)_(?!\w)", r"\\_", text)
    # reStructuredText wants a space or punctuation after a literal, and not a letter before it
    joined = "".join(parts)
    return re.sub(r"(``[^`]+``)(?=[\w])", r"\1\\ ", joined)


def process(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """What autodoc calls for every docstring: changes the lines in place."""
    lines[:] = as_rst(lines)
