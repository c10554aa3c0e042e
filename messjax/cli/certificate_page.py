"""The certificates of `messjax certify` as a page of 80 columns, and as JSON."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import Any, NamedTuple

from rich import box
from rich.table import Table

from messjax import runtime
from messjax.output import counted
from messjax.statistics import confidence_sequences
from messjax.theory.certificates import OptimumLimit
from messjax.traces import Trace

WIDTH = 80
ASSUMED = (
    "What each certificate assumes",
    "- By the queue: scores in [0, 1] and the recursion of the queue, nothing about the requests. {path}",
    "- Conditional mean, the average over t of E[s_t | past], which is what the router earned without luck: {coins} "
    "The interval holds at every T simultaneously ({level}), so one may look at any time and stop.",
    "- C*, the least cost per request of a router that meets alpha on average and knows only what is named: requests "
    "are independent draws of one distribution (A1), and whether a request is labelled does not depend on it (A4, "
    "A5). {costs} Each limit by itself has {level}. Difficulty: classes learned from the first {share:.0%} of "
    "the requests, the limit uses the others. In brackets: cells. 'No router': none of the kind reaches alpha. "
    "Labels 'explored' were paid for by this run; "
    "'recorded' are all of the trace, which a deployment does not have.",
    "- Prediction errors: what they add to the cost at most, the pair bound: the sum over exploited requests of Q_t "
    "((s_m - s_hat_m) - (s_i - s_hat_i)) / (V T), i the model served, m averaged as the router without features would "
    "serve. By all labels of the trace, an estimate without confidence (A1). It is loose where V is small.",
    "- WARNING, all labels: the same assumptions. It bounds C* of every router, whatever it learns, by a router that "
    "knows all labels in advance. This is loose, more requests do not make it tight, and the gap to the best router "
    "that can exist is likely much smaller than this row says.",
)


class Certified(NamedTuple):
    """The certificates of one run. Costs per request."""

    V: float
    alpha: float
    c: float
    cost: float
    satisfaction: float
    queue_last: float
    path: float  # lower limit of the average satisfaction
    sequence: confidence_sequences.Sequence
    prediction_errors: float  # estimate of what they cost at most, against routers without features
    optima: dict[str, dict[str, OptimumLimit]]  # by what the router knows, then by whose labels


def show(certified: Sequence[Certified], trace: Trace, *, level: float, f: float, share: float) -> None:
    """Print a block per run, then what the certificates assume."""
    num, models = trace.satisfaction.shape
    print(f"\n{trace.source}: {counted(num, 'request')}, {counted(models, 'model')}; costs in {trace.cost_unit}")
    for each in certified:
        _show_run(each, level, f)
    observed = f"feedback arrives by independent coins of probability {f:g}"
    words = {
        "path": "It holds on these requests without exception." if f == 1.0 else f"And {observed} ({level:.0%}).",
        "coins": "no more than that." if f == 1.0 else f"scores in [0, 1], and {observed}.",
        "level": f"confidence {level:.0%}",
        "costs": "Each model has one price, taken as known."
        if (trace.cost == trace.cost[:1]).all()
        else "Costs vary: their means have limits of their own.",
        "share": share,
    }
    print()
    for text in ASSUMED:
        print(textwrap.fill(text.format(**words), WIDTH, subsequent_indent="  ", break_on_hyphens=False))


def _show_run(run: Certified, level: float, f: float) -> None:
    sure = "without exception" if f == 1.0 else f"confidence {level:.0%}"
    sparse = f", f = {f:g}" if f < 1.0 else ""
    low, high = float(run.sequence.lower), float(run.sequence.upper)
    print(
        f"\nMESS+ with V = {run.V:.4g}, alpha = {run.alpha:g}, c = {run.c:g}{sparse}, once over the requests\n"
        f"  average satisfaction      {run.satisfaction:.4f}\n"
        f"    certified by the queue  at least {run.path:.4f} ({sure}; Q = {run.queue_last:.2f})\n"
        f"    conditional mean        {low:.4f} to {high:.4f} (confidence {level:.0%}, at any time)\n"
        f"  average cost              {run.cost:.4g} (full ledger: exploration is paid for)"
    )
    if math.isfinite(run.prediction_errors):
        print(f"    prediction errors       at most {run.prediction_errors:.4g} above C* of 'no feature' (estimated)")
    if run.satisfaction < run.alpha:
        missed = run.alpha - run.satisfaction
        print(f"  note: alpha is missed by {missed:.4f}: the run may cost less than C* for that alone")
    runtime.console().print(_table(run, level))


def _table(run: Certified, level: float) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        title="Least cost C* of a router that meets alpha and knows no more than is named",
        title_justify="left",
        title_style="",
    )
    headings = ("knows", "labels", "number", "C*, estimated", f"C* at least ({level:.0%})", "run above C* by at most")
    for name, width in zip(headings, (15, 8, 9, 9, 11, 12), strict=True):
        table.add_column(name, justify="left" if name in ("knows", "labels") else "right", width=width)
    for knows, by_labels in run.optima.items():
        for labels, limit in by_labels.items():
            estimate = f"{limit.estimate:.4g}" if math.isfinite(limit.estimate) else "no router"
            reached = math.isfinite(limit.lower)
            table.add_row(
                f"{knows} ({limit.cells})" if limit.cells > 1 else knows,
                labels,
                f"{limit.labelled:,}",
                estimate if limit.cells and limit.labelled else "-",
                f"{limit.lower:.4g}" if reached else "no router",
                f"{run.cost - limit.lower:.4g}" if reached else "-",
            )
    return table


def records(certified: Sequence[Certified]) -> list[dict[str, Any]]:
    """The tables of all runs, a row for each limit of C*."""
    rows = []
    for run in certified:
        numbers = {name: value for name, value in plain(run).items() if name not in ("C_star", "conditional_mean")}
        rows += [numbers | limit for limit in plain(run)["C_star"]]
    return rows


def plain(run: Certified) -> dict[str, Any]:
    """The numbers of a run for JSON, which has no infinity: null."""

    def number(value: float) -> float | None:
        return value if math.isfinite(value) else None

    optima = [
        {"knows": knows, "labels": labels, **{k: number(v) for k, v in limit._asdict().items()},
         "cost_above": number(run.cost - limit.lower)}
        for knows, by_labels in run.optima.items() for labels, limit in by_labels.items()
    ]  # fmt: skip
    numbers = {name: getattr(run, name) for name in ("V", "alpha", "c", "cost", "satisfaction", "queue_last")}
    return numbers | {
        "satisfaction_at_least": run.path,
        "conditional_mean": [float(run.sequence.lower), float(run.sequence.upper)],
        "level": run.sequence.level,
        "prediction_errors": number(run.prediction_errors),
        "C_star": optima,
    }
