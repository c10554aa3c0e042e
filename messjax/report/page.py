"""The page: HTML around the records, with the program that draws the figures inside."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Sequence
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from messjax import files
from messjax.report import program
from messjax.report.collected import CONTROLS, Collected, Record, collect

MISSING = "the figures are made by altair and vl-convert, which are not installed: pip install 'messjax[report]'"
OFFERED = "window.vegaEmbed = vegaEmbed;"  # what the bundled program gives to the page
MOST_BYTES = 3_000_000
TOLD_FIRST = (  # columns of a bench, which has thirty
    *("policy", "setting", "scenario", "track", "target", "verdict", "gain", "gain_lower", "gain_upper", "cost"),
    *("satisfaction", "violation_mean"),
)
COLOURED = ("holds", "violated", "rejected", "undecided", "keep", "kill")  # cells that are a verdict
LONG_ANSWER = 250  # letters of an answer that is set as plain text
LONG = 40  # letters of a cell from which it gets a wide column
VERDICTS = ("violated", "undecided", "holds", "not applicable")  # the worst first
FIRST = ("statements", "policies beside the static mix")  # tables that come before the figures of verdicts
MOST_ROWS = 5_000  # of a table that a page shows
MOST_CELLS = 30_000  # of a table, from which on its cells are short and a bench shows its first columns only
FIGURES = {  # place of a figure: the section that it is in
    "cost": "points", "satisfaction": "points", "queue": "points", "trade_off": "points", "ledgers": "points",
    "decomposition": "terms", "assumptions": "cells", "bounds": "verdicts", "matrix": "verdicts",
}  # fmt: skip
COLUMNS = (
    "statement",
    "case",
    "measured",
    "measured_lower",
    "measured_upper",
    "bound",
    "looseness",
    "verdict",
    "reason",
)
POINT_COLUMNS = (
    *("policy", "alpha", "V", "c", "a", "f", "cost", "cost_lower", "cost_upper", "satisfaction"),
    *("satisfaction_lower", "satisfaction_upper", "queue_last", "cost_exploit", "optimal_cost"),
)


def write_report(folder: Path, out: Path | None = None) -> Path:
    """Write one self-contained page of a folder of results.

    Args:
        folder: What `messjax` commands, `messjax-proofs` or `python -m sims` wrote.
        out: Where to write; by default `report.html` in the folder.

    Returns:
        Where it was written.

    Raises:
        ValueError: Nothing to show in the folder, or the packages of the extra `report` are not installed.
    """
    if find_spec("altair") is None or find_spec("vl_convert") is None:
        raise ValueError(MISSING)
    out = folder / "report.html" if out is None else out
    return files.write(out, html(collect(folder)))


def html(found: Collected) -> str:
    """The page of what was found.

    Args:
        found: What the folder holds.

    Returns:
        HTML without a reference to anything outside of itself.
    """
    from messjax.report import charts

    specs = charts.all_charts(found)
    values = {name: _values(found, name) for name in CONTROLS}
    sections = [f"<h1>{_text(found.folder.resolve().name)}</h1>", _words(found), _runs(found), _controls(values)]
    sections += [
        *_points(found, specs),
        *_terms(specs),
        *(_table(each.name, each.rows) for each in found.tables if each.name in FIRST),
        *_cells(found, specs),
        *_verdicts(found, specs),
        *(_table(each.name, each.rows) for each in found.tables if each.name not in FIRST),
    ]
    drawing = program.bundled(OFFERED) if specs else ""
    page = _wrapped(found.folder.resolve().name, "\n".join(sections), specs, drawing)
    room = MOST_BYTES - len(page.encode())
    return page.replace("<!-- figures -->", _figures(found, room))


def _values(found: Collected, name: str) -> list[float]:
    rows = [*found.points, *found.verdicts]
    return sorted({float(each[name]) for each in rows if isinstance(each.get(name), int | float)})


def _text(text: Any) -> str:
    """Any text as HTML shows it; control characters are shown as what they are."""
    from messjax import output

    return escape(output.visible(str(text)), quote=True)


def _runs(found: Collected) -> str:
    rows = [
        f"<dt>{_text(each['name'])}</dt><dd><code>{_text(each['command'])}</code><br><small>{_text(each['versions'])}"
        f"{'' if each['finished'] else '; <strong>not finished</strong>'}</small></dd>"
        for each in found.runs
    ]
    notes = "".join(f"<p class='note'>not read: {_text(each)}</p>" for each in found.unread)
    ran = f"<section id='runs'><h2>What was run</h2><dl>{''.join(rows)}</dl></section>" if rows else ""
    return notes + ran


def _words(found: Collected) -> str:
    blocks = []
    for source, text in found.words:
        first, *more = [line for line in text.split("\n") if line.strip()] or [""]
        items = "".join(f"<li>{_text(line)}</li>" for line in more)
        much = " long" * (len(first) > LONG_ANSWER)
        blocks.append(f"<p class='answer{much}'>{_text(first)}</p><ul>{items}</ul><small>{_text(source)}</small>")
    return f"<section id='words'><h2>In words</h2>{''.join(blocks)}</section>" if blocks else ""


def _controls(values: dict[str, list[float]]) -> str:
    """What moves all figures together; controls with one value are stated."""
    parts = []
    for name, numbers in values.items():
        if len(numbers) > 1:
            options = "".join(f"<option value='{number!r}'>{number:g}</option>" for number in numbers)
            parts.append(
                f"<label>{name} <select id='chosen_{name}'><option value='all'>all</option>{options}</select></label>"
            )
    if values["V"][1:]:
        most = len(values["V"])
        parts.append(
            f"<input type='range' id='slide_V' min='0' max='{most}' value='0' aria-label='V, all at the left'>"
        )
    fixed = ", ".join(f"{name} = {numbers[0]:g}" for name, numbers in values.items() if len(numbers) == 1)
    parts += [f"<span>everywhere: {fixed}</span>"] if fixed else []
    return f"<nav id='controls' aria-label='what the figures show'>{' '.join(parts)}</nav>" if parts else ""


def _places(specs: dict[str, Any], section: str) -> str:
    names = [name for name in specs if FIGURES[name] == section]
    return "".join(f"<figure class='chart' id='figure_{name}'></figure>" for name in names)


def _points(found: Collected, specs: dict[str, Any]) -> list[str]:
    if not found.points:
        return []
    figures = f"<div class='grid'>{_places(specs, 'points')}</div>"
    stated = {name for name in CONTROLS if len(_values(found, name)) == 1}  # beside the choices, for all rows
    columns = [name for name in POINT_COLUMNS if name not in stated]
    return [f"<section id='points'><h2>Cost, satisfaction and queue</h2>{figures}</section>",
            _table("every point", folded(found.points), columns)]  # fmt: skip


def folded(points: list[Record]) -> list[Record]:
    """The points with one record for a policy that V, c, a and f do not change, without them.

    Args:
        points: Records with a policy each.

    Returns:
        Records in the same order.
    """
    groups: dict[tuple[Any, Any], list[Record]] = {}
    for each in points:
        groups.setdefault((each["policy"], each.get("alpha")), []).append(each)
    found = []
    for rows in groups.values():
        numbers = {tuple(row.get(name) for name in ("cost", "satisfaction", "cost_exploit")) for row in rows}
        is_one = len(rows) > 1 and len(numbers) == 1
        found += (
            [{name: value for name, value in rows[0].items() if name not in ("V", "c", "a", "f")}] if is_one else rows
        )
    return found


def _terms(specs: dict[str, Any]) -> list[str]:
    places = _places(specs, "terms")
    return [f"<section id='terms'><h2>Where the cost goes</h2>{places}</section>"] if places else []


def _cells(found: Collected, specs: dict[str, Any]) -> list[str]:
    if not found.cells:
        return []
    about = "<p>A dot: the statement needs the assumption. Statements that apply to no case are in the table only.</p>"
    places = f"{about}{_places(specs, 'cells')}"
    section = f"<section id='cells'><h2>Assumptions violated on purpose</h2>{places}</section>"
    return [section, _table("all cells of the matrix", found.cells)]


def _verdicts(found: Collected, specs: dict[str, Any]) -> list[str]:
    if not found.verdicts:
        return []
    names = list(dict.fromkeys(str(each["statement"]) for each in found.verdicts))
    first = next((str(row["statement"]) for row in found.verdicts if _tells(row)), names[0])
    options = "".join(f"<option{' selected' * (name == first)}>{_text(name)}</option>" for name in names)
    counts: dict[str, int] = {}
    for each in found.verdicts:
        counts[str(each["verdict"])] = counts.get(str(each["verdict"]), 0) + 1
    said = ", ".join(f"{number:,} {_text(verdict)}" for verdict, number in counts.items())
    choose = f"<label>statement <select id='chosen_statement'>{options}</select></label>"
    section = f"<section id='verdicts'><h2>Verdicts</h2><p>{said}.</p>{choose}{_places(specs, 'verdicts')}</section>"
    worst_first = sorted(found.verdicts, key=lambda row: VERDICTS.index(row["verdict"]))
    return [section, _table("all verdicts", worst_first, COLUMNS)]


def _tells(row: Record) -> bool:
    """Whether a verdict is a bound above zero beside a measurement, which a figure shows best."""
    bound, measured = row.get("bound"), row.get("measured")
    return isinstance(bound, int | float) and isinstance(measured, int | float) and 0.0 < measured < bound


def _table(name: str, rows: Sequence[Record], columns: Sequence[str] = ()) -> str:
    """A table that sorts by its headings, filters by a text, and can be downloaded."""
    every = dict.fromkeys(each for row in rows for each in row)
    names = list(columns or [*(each for each in TOLD_FIRST if each in every and "gain" in every), *every])
    names = list(dict.fromkeys(names))
    names = [each for each in names if any(row.get(each) not in (None, "") for row in rows)]
    is_big = len(rows) * len(names) > MOST_CELLS
    notes = [f"the first {MOST_ROWS:,} of {len(rows):,} rows"] if len(rows) > MOST_ROWS else []
    if is_big and set(TOLD_FIRST) < set(names):
        notes.append(f"{len(names) - len(TOLD_FIRST)} further columns are in the files of the folder")
        names = list(TOLD_FIRST)
    heads = "".join(f"<th scope='col'><button>{_text(each.replace('_', ' '))}</button></th>" for each in names)
    lines = ["".join(_cell(row.get(each), short=is_big) for each in names) for row in rows[:MOST_ROWS]]
    body = "".join(f"<tr{_marks(row)}>{line}</tr>" for row, line in zip(rows[:MOST_ROWS], lines, strict=True))
    cut = "".join(f"<p class='note'>{note}</p>" for note in notes)
    return (
        f"<section class='rows'><h2>{_text(name[0].upper() + name[1:])}</h2>{cut}"
        f"<p class='tools'><label>filter <input type='search' class='filter'></label> "
        f"<button class='download' data-name='{_text(name)}.csv'>download CSV</button> <output></output></p>"
        f"<div class='scroll'><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div></section>"
    )


def _marks(row: Record) -> str:
    """What the choices of V and alpha hide a row by."""
    found = {name: row.get(name) for name in CONTROLS}
    return "".join(f" data-{name.lower()}='{float(value)!r}'" for name, value in found.items()
                   if isinstance(value, int | float) and not isinstance(value, bool))  # fmt: skip


def _cell(value: Any, *, short: bool = False) -> str:
    """A cell; with all digits for the download, or short."""
    if hasattr(value, "item"):
        value = value.item()
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "<td></td>" if short else "<td data-value=''></td>"
    if isinstance(value, bool) or not isinstance(value, int | float):
        verdict = f" class='{value}'" if value in COLOURED else ""
        if len(str(value)) > LONG:
            verdict = " class='long'"
        return f"<td{verdict}>{_text(value)}</td>"
    return f"<td>{value:.6g}</td>" if short else f"<td class='number' data-value='{value!r}'>{value:.6g}</td>"


def _figures(found: Collected, room: int) -> str:
    """The vector figures that fit, smallest first; those that do not are named."""
    parts, left = [], []
    for name, content in sorted(found.figures, key=lambda pair: len(pair[1])):
        code = base64.b64encode(content).decode()
        picture = f"<img alt='{_text(name)}' src='data:image/svg+xml;base64,{code}'>"
        part = f"<figure>{picture}<figcaption>{_text(name)}</figcaption></figure>"
        if len(part) + 2_000 > room:
            left.append(name)
            continue
        room -= len(part)
        parts.append(part)
    about = f"{len(left)} more in the folder, not shown for the size of the page"
    names = _text(", ".join(sorted(left)))
    note = f"<details class='note'><summary>{about}</summary>{names}</details>" if left else ""
    return f"<section id='figures'><h2>Figures</h2>{''.join(parts)}{note}</section>" if parts or left else ""


def _wrapped(title: str, body: str, specs: dict[str, Any], drawing: str) -> str:
    here = Path(__file__).parent
    drawing = drawing.replace("</script", "<\\/script")  # within its texts
    style, script = ((here / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    data = json.dumps(specs, allow_nan=False).replace("<", "\\u003c").replace("\u2028", "\\u2028")
    return (
        "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; img-src data: blob:; "
        "style-src 'unsafe-inline'; script-src 'unsafe-inline' 'unsafe-eval'\">"
        f"<title>{_text(title)} - messjax report</title><style>{style}</style></head>\n<body><main>{body}"
        f"<!-- figures --></main>\n<script type='application/json' id='specs'>{data}</script>\n"
        f"<script>{drawing}</script>\n<script>{script}</script></body></html>\n"
    )
