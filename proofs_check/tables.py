"""Tables for a terminal of 80 columns and for a pipe: columns that do not fit are left out, and named below."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich.table import Table
from rich.text import Text

from messjax import runtime

WIDE = 130  # columns of a terminal from which a table shows everything


class Column(NamedTuple):
    """How a column of a table is shown."""

    heading: str
    number: bool = False  # to the right, and never broken
    wide: bool = False  # only where there is room
    repeated: bool = False  # left out without a note: where there is no room another column has its text


def is_wide() -> bool:
    """Whether tables show all their columns."""
    return runtime.console().width >= WIDE


def build(
    columns: Sequence[Column],
    rows: Iterable[Sequence[str | Text]],
    *,
    title: str,
    caption: str = "",
    sections: Sequence[int] = (),
    elsewhere: str = "verdicts.json",
) -> Table:
    """A table as wide as the terminal allows.

    Args:
      columns: of the whole table.
      rows: one text per column each, shown as it is; a `Text` has a style.
      title: above the table.
      caption: below it.
      sections: numbers of the rows with a line below them.
      elsewhere: where the columns left out can be read.
    """
    wide = is_wide()
    shown = [i for i, column in enumerate(columns) if wide or not column.wide]
    omitted = [column.heading for column in columns if column.wide and not (wide or column.repeated)]
    note = f"Not shown at this width: {', '.join(omitted)} (in {elsewhere})." if omitted else ""
    out = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        caption="\n".join(text for text in (caption, note) if text) or None,
        caption_justify="left",
    )
    for i in shown:
        column = columns[i]
        out.add_column(
            column.heading, justify="right" if column.number else "left", no_wrap=column.number, overflow="fold"
        )
    for number, texts in enumerate(rows):
        out.add_row(*(texts[i] for i in shown), end_section=number in sections)
    return out
