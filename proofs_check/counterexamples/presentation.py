"""Results of the search for counterexamples as a table and a figure."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from rich.table import Table

from messjax import plot, theory
from messjax.theory.statement import Statement
from proofs_check import report
from proofs_check.counterexamples.exact_search import Least
from proofs_check.counterexamples.instances import Instance
from proofs_check.counterexamples.planted import Refutation
from proofs_check.counterexamples.search import NOT_APPLICABLE, SearchResult
from proofs_check.tables import Column, build

SEARCHED, RERUN = plot.COLORS[0], plot.COLORS[1]
COLUMNS = (
    Column("statement"), Column("verdict"), Column("measured", number=True), Column("bound", number=True),
    Column("bound / measured", number=True, wide=True), Column("margin / scale", number=True),
    Column("90% interval", number=True, wide=True), Column("in the search", number=True, wide=True),
    Column("instances", number=True, wide=True), Column("s", number=True, wide=True),
)  # fmt: skip


def table(results: Sequence[SearchResult], title: str = "Search for counterexamples") -> Table:
    """One row per statement: the tightest instance found, run again on new random numbers; instances are listed below.

    Args:
      results: a statement each.
      title: of the table.

    Returns:
      Verdict, measured and bound on that instance, its margin relative to the larger of the two with its limits, the
      margin that the search ended with, and the instances simulated.
    """
    rows = []
    for each in results:
        row, (low, middle, high) = each.row, each.margin
        margin, limits = f"{middle:.3g}", f"{low:.3g} to {high:.3g}"
        if middle == NOT_APPLICABLE:
            margin, limits = "-", "-"
        promised = "-" if each.promised == NOT_APPLICABLE else f"{each.promised:.3g}"
        numbers = map(report.number, (row.measured, row.bound, row.looseness))
        effort = promised, f"{each.tried:,}", f"{each.seconds:.1f}"
        rows.append([each.statement.name, row.verdict, *numbers, margin, limits, *effort])
    instances = "\n".join(
        f"{each.statement.name}: {each.instance}; {kept(each.statement, each.instance)}" for each in results
    )
    return build(
        COLUMNS,
        rows,
        title=f"{title}: the tightest instance of each statement, run again on new random numbers",
        caption=f"Instances ({ASKED}):\n{instances}",
    )


def kept(statement: Statement, instance: Instance) -> str:
    """The assumptions that a statement names, which of them an instance violates, and how near it is to their border.

    Requests that are i.i.d., scores in [0, 1], fair coins and known costs are how every instance is made.
    """
    constants = theory.distribution_constants(instance.distribution, instance.alpha)
    occurs = instance.weight > 0
    error = round(float(np.abs(instance.predicted - instance.mean)[occurs].max()), 6)  # means are float32
    mean, cost = instance.weight @ instance.mean, instance.weight @ instance.cost
    attainable = float(instance.weight @ instance.mean.max(axis=1))
    holds = {
        "A3": attainable > instance.alpha,
        "A6": error == 0,
        "A8": mean[-1] >= mean.max() and cost[-1] >= cost.max(),
    }
    violated = [name for name in sorted(statement.assumptions) if not holds.get(name, True)]
    needs = " ".join(sorted(statement.assumptions)) or "nothing"
    end = f", violated here: {' '.join(violated)}" if violated else ", kept here" if statement.assumptions else ""
    return f"beta = {constants.beta:.3g}, largest error of s_hat {error:.3g}; needs {needs}{end}"


def planted_table(refuted: Sequence[Refutation]) -> Table:
    """Every planted falsehood: the statement, the term, the share up to which it is refuted, and by how much."""
    rows = [
        [each.weakening.truth.name, each.weakening.what, f"{each.share:.3f}", f"{each.margin:.2g}",
         f"{each.true_margin:.2g}", "refuted" if each.ok else "not refuted"]
        for each in refuted
    ]  # fmt: skip
    columns = (
        Column("statement"), Column("term"), Column("share of it", number=True),
        Column("margin / scale", number=True, wide=True), Column("with all of it", number=True, wide=True),
        Column("verdict"),
    )  # fmt: skip
    return build(columns, rows, title="Planted falsehoods: a term reduced to a share, on a world of exact expectations")


def drawn_table(drawn: Sequence[Least]) -> Table:
    """The least margin of every true statement on drawn worlds of exact expectations."""
    rows = [[each.statement, f"{each.worlds:,}", f"{each.margin:.2g}" if each.worlds else "-"] for each in drawn]
    columns = Column("statement"), Column("worlds", number=True), Column("least margin / scale", number=True)
    return build(columns, rows, title="True statements on drawn worlds of exact expectations: none may be below 0")


ASKED = (
    "asked: the satisfaction agreed in the SLA, which T10 is about. MESS+ runs on alpha, at least as much; no other "
    "statement uses it."
)


def python(result: SearchResult, also: Sequence[Path] = ()) -> str:
    """A program that rebuilds the instance found, simulates it and prints the verdict of the statement.

    Args:
      result: of a search.
      also: the user's files of statements, in which that of the result may be. The program names them absolutely, so
        that it runs from any folder.
    """
    fields = [f"    {name}={_literal(value)}," for name, value in zip(Instance._fields, result.instance, strict=True)]
    more = "".join(f" + load_statements({str(path.absolute())!r})" for path in also)
    return "\n".join([
        "import jax",
        "import numpy as np",
        "",
        "from messjax.theory import ALL, statements_named",
        *(["from messjax.theory.statement import load_statements"] if also else []),
        "from proofs_check.counterexamples.instances import Instance, case",
        "from proofs_check.trials import trial",
        "",
        f"statements = list(ALL){more}",
        f"statement = statements_named({result.statement.name!r}, statements)[0]",
        f"key = jax.random.wrap_key_data(np.array({list(result.fresh)}, np.uint32))",
        f"# {kept(result.statement, result.instance)}",
        "found = Instance(",
        *fields,
        ")",
        f"run = trial.run_case(case(found), key, {result.row.streams}, audit=False)[0]",
        "row = trial.evaluate(statement, run)",
        'print(f"{row.statement}: measured {row.measured:.4g}, bound {row.bound:.4g}, {row.verdict}")',
        "",
    ])  # fmt: skip


def _literal(value: Any) -> str:
    return f"np.array({value.tolist()})" if isinstance(value, np.ndarray) else repr(value)


def figure(results: Sequence[SearchResult], left_out: Sequence[str] = ()) -> Figure:
    """One panel per statement: the smallest relative margin against instances tried, and the tightest one run again.

    Args:
      results: a statement each, at least one.
      left_out: statements that were not searched, to be named below.
    """
    columns = min(4, len(results))
    rows = -(-len(results) // columns)
    with matplotlib.rc_context(plot.STYLE):
        figure = Figure(figsize=(max(6.4, 2.6 * columns + 0.6), 1.9 * rows + 1.6), layout="constrained")
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for axes, each in zip(grid.flat, results, strict=False):
            _draw_search(axes, each)
        for axes in grid.flat[len(results) :]:
            axes.set_axis_off()
        low, high = grid[0, 0].get_ylim()
        grid[0, 0].set(ylim=(min(low, -0.15), max(high, 1.1)), xlim=(0, 1.15 * max(each.tried for each in results)))
        figure.suptitle(
            "Search for counterexamples by the margin bound - measured: 0 is tight, below 0 a violation",
            fontsize=10,
            x=0.01,
            ha="left",
        )
        for axes in grid.flat[max(0, len(results) - columns) : len(results)]:  # the last panel of each column
            axes.set_xlabel("instances tried")
            axes.tick_params(labelbottom=True)
        for axes in grid[:, 0]:
            axes.set_ylabel("margin / scale")
        omitted = f"not searched in a quick run: {', '.join(left_out)}" if left_out else ""
        handles = [
            Line2D([], [], color=SEARCHED, lw=1.4, label="smallest upper limit, on the random numbers of that stage"),
            Line2D([], [], color=RERUN, marker="D", ms=4, lw=1.0, label="tightest instance on new ones, 90% interval"),
        ]
        title = textwrap.fill(omitted, int(13 * figure.get_figwidth())) or None
        figure.legend(handles=handles, loc="outside lower center", ncols=1 if columns < 3 else 2, title=title)
        return figure


def _draw_search(axes: Axes, result: SearchResult) -> None:
    tried, smallest = result.path.T
    axes.axhline(0.0, color="0.3", lw=0.8)
    axes.plot(tried, np.where(smallest < NOT_APPLICABLE, smallest, np.nan), color=SEARCHED, lw=1.4)
    low, middle, high = result.margin
    if middle < NOT_APPLICABLE:
        spread = [[max(0.0, middle - low)], [max(0.0, high - middle)]]  # the jackknife's estimate is a little elsewhere
        axes.errorbar([1.05 * result.tried], [middle], yerr=spread, color=RERUN, fmt="D", ms=4, capsize=3, zorder=3)
    loose = f"\nbound / measured = {result.row.looseness:.3g}" if np.isfinite(result.row.looseness) else "\n"
    axes.set_title(f"{plot.plain(result.statement.name)}{loose}", fontsize=8)
