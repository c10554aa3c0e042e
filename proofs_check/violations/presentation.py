"""The matrix assumption x statement as tables and as a figure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from rich.table import Table
from rich.text import Text

from messjax import plot
from messjax.output import counted
from proofs_check.tables import Column, build, is_wide
from proofs_check.violations.matrix import NOT_TESTED, Cell, Row, summary

SIGNS = {"not applicable": "-", NOT_TESTED: "."}
LEGEND = (
    'a number n: not refuted by n breaks; "-": not applicable, a hypothesis is seen to fail; '
    f'"{SIGNS[NOT_TESTED]}": not tested, no case is of the kind that it is about; "!": unexpected'
)


def table(rows: Sequence[Row]) -> Table:
    """Statements down, violated assumptions across; in brackets where the statement needs the assumption."""
    cells = summary(rows)
    across, down = _axes(cells)
    out = Table(
        "statement",
        *across,
        title="Every statement where one assumption is violated on purpose: fails, or not refuted by so many breaks",
        title_justify="left",
        title_style="bold",
        caption=f"in brackets: the statement needs the assumption{'' if is_wide() else '; F: fails'}\n{LEGEND}\n"
        f"{counts(cells)}",
        caption_justify="left",
        padding=(0, 1) if is_wide() else 0,
    )
    for statement in down:
        words = []
        for assumption in across:
            cell = cells.get((assumption, statement))
            word = _word(cell, "fails" if is_wide() else "F")
            word = f"[{word}]" if cell and cell.needed else word  # not by a style, which a pipe loses
            words.append(Text(word, "bold" if cell and cell.verdict == "violated" else ""))
        out.add_row(statement, *words)
    return out


def counts(cells: Mapping[tuple[str, str], Cell]) -> str:
    """How many cells were tested, by what was found, and how many were not."""
    number, odd = Counter(cell.verdict for cell in cells.values()), sum(bool(cell.surprise) for cell in cells.values())
    silent = {verdict: number[verdict] for verdict in SIGNS}
    tested = counted(len(cells) - sum(silent.values()), "cell")
    return (
        f"{tested} tested, of which {number['violated']} fail and {odd} are unexpected; "
        f"{', '.join(f'{n} {verdict}' for verdict, n in silent.items())}"
    )


def evidence(rows: Sequence[Row]) -> Table:
    """The instance behind every failure: measured against bound, and how many runs failed."""
    columns = (
        Column("violated"), Column("statement"), Column("case"), Column("measured", number=True),
        Column("bound", number=True), Column("runs that fail", number=True),
    )  # fmt: skip
    lines = []
    for (assumption, statement), cell in summary(rows).items():
        if cell.verdict == "violated":
            row = cell.instance
            silent = cell.runs["not applicable"] + cell.runs[NOT_TESTED]
            runs = f"{cell.runs['violated']} of {sum(cell.runs.values()) - silent}"
            case = row.case.removeprefix(f"{assumption} ")
            lines.append([assumption, statement, case, f"{row.measured:.4g}", f"{row.bound:.4g}", runs])
    return build(columns, lines, title="Statements that fail where an assumption is violated, an instance of each")


def figure(rows: Sequence[Row]) -> Figure:
    """The matrix as a grid of words: a frame where the assumption is needed, dark where the statement fails."""
    cells = summary(rows)
    across, down = _axes(cells)
    with matplotlib.rc_context(plot.STYLE):
        figure = Figure(figsize=(2.4 + 0.66 * len(across), 1.9 + 0.24 * len(down)), layout="constrained")
        axes = figure.subplots()
        for x, assumption in enumerate(across):
            for y, statement in enumerate(down):
                if (cell := cells.get((assumption, statement))) is not None:
                    _draw(axes, x, y, cell)
        axes.set(xlim=(-0.55, len(across) - 0.45), ylim=(len(down) - 0.45, -0.55))
        axes.set_xticks(range(len(across)), across)
        axes.set_yticks(range(len(down)), down)
        axes.set_xlabel("assumption violated on purpose")
        axes.xaxis.set_label_position("top")
        axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
        axes.grid(False)
        axes.spines[:].set_visible(False)
        figure.legend(
            handles=[
                Rectangle((0, 0), 1, 1, fc="0.3", ec="0.75", label="fails"),
                Rectangle((0, 0), 1, 1, fc="white", ec="0.75", label="a number n: not refuted by n breaks"),
                Rectangle((0, 0), 1, 1, fc="0.92", ec="0.75", label='"-": not applicable'),
                Rectangle((0, 0), 1, 1, fc="0.92", ec="0.92", label=f'"{SIGNS[NOT_TESTED]}": not tested'),
                Rectangle((0, 0), 1, 1, fc="white", ec="black", lw=1.4, label="framed: needs the assumption"),
            ],
            loc="outside lower center",
            ncols=2,
            title=f'"!": fails without need, or needs it and is not seen to fail\n{counts(cells)}',
        )
    return figure


def _draw(axes: Axes, x: int, y: int, cell: Cell) -> None:
    fails = cell.verdict == "violated"
    fill = "0.3" if fails else "0.92" if cell.verdict in SIGNS else "white"
    ink = "white" if fails else "black"
    axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, fc=fill, ec="0.75", lw=0.6))
    if cell.needed:
        axes.add_patch(Rectangle((x - 0.43, y - 0.38), 0.86, 0.76, fill=False, ec=ink, lw=1.1))
    axes.text(x, y + 0.03, _word(cell), ha="center", va="center", fontsize=7, color=ink)


def _axes(cells: dict[tuple[str, str], Cell]) -> tuple[list[str], list[str]]:
    """Assumptions and statements, each once, in their order."""
    return list(dict.fromkeys(a for a, _ in cells)), list(dict.fromkeys(s for _, s in cells))


def _word(cell: Cell | None, fails: str = "fails") -> str:
    if cell is None:
        return ""
    short = ({"violated": fails} | SIGNS).get(cell.verdict, str(cell.breaks))
    return short + (" !" if cell.surprise else "")
