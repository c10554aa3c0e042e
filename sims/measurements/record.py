"""Rows of a measurement, written after each one, so that a program that is stopped keeps what it has measured."""

from __future__ import annotations

import csv
import io
import json
import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from messjax import files, origin, runtime
from sims.common import page
from sims.common.finding import Rows

Row = Mapping[str, Any]  # numbers, texts and None (not measured) by name


class Record:
    """The rows of one run: OUT/NAME.json with what they are about, and OUT/NAME.csv.

    Args:
        folder: Where to write.
        name: Name of the program.
        command: The command line.
        about: What else is the same for all rows.
        rows: Those that are there already.
    """

    def __init__(
        self, folder: Path, name: str, command: str, about: Mapping[str, Any] | None = None, rows: Sequence[Row] = ()
    ) -> None:
        self.paths = folder / f"{name}.json", folder / f"{name}.csv"
        self.about: dict[str, Any] = {"program": name, "command": command, "created": origin.now()} | dict(about or {})
        self.rows: list[dict[str, Any]] = [dict(row) for row in rows]
        self._write()

    def add(self, row: Row) -> None:
        """Keep a row, on disk too. Numbers that are not finite become None."""
        self.rows.append({name: None if _is_nothing(value) else value for name, value in row.items()})
        self._write()

    def _write(self) -> None:
        files.write(self.paths[0], json.dumps(self.about | {"rows": self.rows}, indent=1) + "\n")
        text = io.StringIO()
        names = dict.fromkeys(name for row in self.rows for name in row)
        table = csv.DictWriter(text, list(names), lineterminator="\n")
        table.writeheader()
        table.writerows(self.rows)
        files.write(self.paths[1], text.getvalue())


def _is_nothing(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def load(folder: Path, name: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What a run has written into a folder: what its rows are about, and the rows.

    Raises:
        ValueError: There is no such file, or it is none of this program's.
    """
    path = folder / f"{name}.json"
    if not path.is_file():
        raise ValueError(f"--from: found no {path}, expected the folder of a run of `python -m sims {name}`")
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        return about, about.pop("rows")
    except (ValueError, KeyError, AttributeError) as error:
        raise ValueError(
            f"--from: {path} is damaged ({error}), expected what `python -m sims {name}` writes"
        ) from error


def show(rows: Rows, title: str, caption: Sequence[str] = (), *, markdown: bool = False) -> None:
    """Print a table: for a terminal or a pipe, or as Markdown for the documentation."""
    if markdown:
        print("\n".join([*page.table(rows), "", " ".join(caption)]).rstrip())
        return
    table = Table(title=title, title_justify="left")
    numeric = [_is_numeric([row[i] for row in rows.rows]) for i in range(len(rows.columns))]
    for column, right in zip(rows.columns, numeric, strict=True):
        table.add_column(column, justify="right" if right else "left")
    for row in rows.rows:
        table.add_row(*row)
    runtime.console().print(table)
    for line in caption:
        print(textwrap.fill(line, 80))


def _is_numeric(cells: Sequence[str]) -> bool:
    return all(not cell or cell[0].isdigit() or cell in ("-", "not run", "left out") for cell in cells)


def number(value: float | None, digits: int = 3, none: str = "-") -> str:
    """A number with so many digits: 1,234 or 0.0123; `none` for None."""
    if value is None or not math.isfinite(value):
        return none
    if value and not 1e-3 <= abs(value) < 1e7:
        return f"{value:.{digits - 1}e}"
    places = 0 if value == round(value) else max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{round(value, places):,.{places}f}" if places else f"{value:,.0f}"


def parser(name: str, docstring: str, quick: str) -> runtime.Parser:
    """The options that these programs share, as `python -m sims` has them."""
    result = runtime.Parser(prog=f"python -m sims {name}", description=docstring.split("\n\n")[0])
    result.add_argument("--quick", action="store_true", help=quick)
    result.add_argument("--out", type=Path, default=Path("results"), metavar="DIR", help="where to write (results)")
    result.add_argument("--from", type=Path, dest="source", metavar="DIR", help="show the finished run in DIR again")
    result.add_argument("--markdown", action="store_true", help="print the table as the documentation has it")
    return result


def program(name: str, run: Callable[[], int | None]) -> int:
    """Run a program; bad input is one line (exit code 2)."""
    code = 0

    def do() -> None:
        nonlocal code
        code = run() or 0

    return runtime.run_program(name, do) or code
