"""A judgement as a table, as records, as words and as a figure."""

from __future__ import annotations

from typing import Any

import matplotlib
from matplotlib.figure import Figure
from rich.table import Table

from messjax import plot
from messjax.evaluation.ope.judgement import Judgement
from messjax.evaluation.ope.judging import NO, OWN, Judged
from messjax.evaluation.ope.learned_rows import MEASURED
from messjax.evaluation.ope.limits_of_means import KINDS, Limits
from messjax.evaluation.ope.pairs import Pair
from messjax.traces.logs.log_columns import UNNAMED
from messjax.traces.parsing import listed


def table(result: Judgement, unit: str) -> Table:
    """A row per policy.

    Args:
        result: The judgement.
        unit: Unit of the costs.

    Returns:
        A table that fits into 80 columns.
    """
    level = result.settings.level
    out = Table(
        caption=f"cost in {unit} per request; cost and satisfaction lie within their limits together with confidence "
        f"{level:g} ({KINDS[result.settings.interval]}); n: effective number, as many requests of the policy's own "
        "would tell as much; keep: it meets alpha and costs less than the log's own router, unless that one misses "
        "alpha; kill: it misses alpha, or costs more than the log's own router although that one may meet alpha; "
        "undecided: the log does not tell"
    )
    for name in ("policy", "cost", "satisfaction", "n", "verdict"):
        left = name in ("policy", "verdict")
        out.add_column(name, justify="left" if left else "right", overflow="fold", no_wrap=not left)
    for row in result.rows:
        size = "" if row.support is None else f"{row.support.effective:,.0f}"
        out.add_row(row.name, _cell(row.cost, ".4g", ".3g"), _cell(row.satisfaction, ".4f", ".3f"), size, _verdict(row))
    return out


def reference(result: Judgement) -> str:
    """The policy that others are compared with besides the log's own router.

    Args:
        result: The judgement.

    Returns:
        The cheapest of those that are kept, or else of those that are undecided; empty: there is none.
    """
    for verdict in ("keep", "undecided"):
        found = [(row.cost.value, row.name) for row in result.rows if row.verdict == verdict and row.cost is not None]
        if found:
            return min(found)[1]
    return ""


def pairs_table(result: Judgement, unit: str) -> Table:
    """Paired differences of every policy from the log's own router and from `reference`.

    Args:
        result: The judgement.
        unit: Unit of the costs.

    Returns:
        A table that fits into 80 columns.
    """
    best = reference(result)
    against = {"log": OWN} | ({"best": best} if best else {})
    named = "; ".join(f"{short}: {name}" for short, name in against.items())
    out = Table(
        caption=f"paired differences per request (against {named}); saves: cost in {unit} of the other less that of "
        f"the policy; satisfies: satisfaction of the policy less that of the other; both lie within their limits "
        f"together with confidence {result.settings.level:g}"
    )
    out.add_column("policy", overflow="fold")
    for short in against:
        for what in ("saves", "satisfies"):
            out.add_column(f"{what}\nagainst {short}", justify="right")
    for row in result.rows:
        if row.estimates is not None and row.name != OWN:
            cells = []
            for other in against.values():
                found = between(result, row.name, other)
                cells += ["-"] * 2 if found is None else [_cell(found.saved, ".3g", ".3g"), _plus(found.gained)]
            out.add_row(row.name, *cells)
    return out


def between(result: Judgement, policy: str, against: str) -> Pair | None:
    """A policy beside another one.

    Args:
        result: The judgement.
        policy: Name of the policy.
        against: Name of the other.

    Returns:
        The pair, turned around where it is stored the other way; None: both are the same, or one is not identifiable.
    """
    for each in result.pairs:
        if (each.policy, each.against) == (policy, against):
            return each
        if (each.policy, each.against) == (against, policy):
            return Pair(policy, against, _negative(each.saved), _negative(each.gained))
    return None


def _negative(limits: Limits) -> Limits:
    return limits._replace(value=-limits.value, lower=-limits.upper, upper=-limits.lower)


def _plus(limits: Limits) -> str:
    return f"{limits.value:+.3f}\n({limits.lower:+.3f} to {limits.upper:+.3f})"


def pair_records(result: Judgement) -> list[dict[str, Any]]:
    """A record per pair of policies, for JSON and CSV.

    Args:
        result: The judgement.

    Returns:
        The records.
    """
    parts = ("value", "lower", "upper")
    return [
        {"policy": each.policy, "against": each.against}
        | {f"saved_{part}": getattr(each.saved, part) for part in parts}
        | {f"gained_{part}": getattr(each.gained, part) for part in parts}
        for each in result.pairs
    ]


def _cell(limits: Limits | None, value: str, limit: str) -> str:
    if limits is None:
        return "-"
    return f"{limits.value:{value}}\n({limits.lower:{limit}} to {limits.upper:{limit}})"


def _verdict(row: Judged) -> str:
    return row.verdict + (f"\n(some {row.more:,} more)" if row.more else "")


def answer(result: Judgement, unit: str) -> list[str]:
    """Which policy to keep, if any.

    Args:
        result: The judgement.
        unit: Unit of the costs.

    Returns:
        Sentences.
    """
    kept = [row for row in result.rows if row.verdict == "keep" and row.cost is not None]
    own, alpha = result.rows[0].satisfaction, result.settings.alpha
    if not kept and own is not None and own.upper < alpha:
        return [f"No policy is shown to meet alpha = {alpha:g}, and the log's own router misses it."]
    if not kept:
        return [f"No policy is shown to meet alpha = {alpha:g} at less than the log's own router costs."]
    best = min(kept, key=lambda row: row.cost.value)  # type: ignore[union-attr]
    assert best.saved is not None
    lines = [f"Keep {best.name}: it meets alpha = {alpha:g} and {_against_log(best.saved, unit)}."]
    others = [(row.name, between(result, best.name, row.name)) for row in kept if row.name != best.name]
    if open_ones := [name for name, each in others if each is not None and each.saved.lower <= 0]:
        lines.append(f"Whether it costs less than {listed(open_ones)}, which may be kept as well, is open.")
    return lines


def _against_log(saved: Limits, unit: str) -> str:
    less = saved.value >= 0
    gap = saved if less else _negative(saved)
    named = f"{unit} per request" if unit != UNNAMED else "per request in the log's own unit of cost"
    what = f"{gap.value:.3g} {named}{'' if less else ' more'} ({gap.lower:.3g} to {gap.upper:.3g})"
    return (
        f"saves {what} against the log's own router"
        if less
        else (f"costs {what} than the log's own router, which misses alpha")
    )


def reasons(result: Judgement) -> list[str]:
    """What the verdicts rest on.

    Args:
        result: The judgement.

    Returns:
        Sentences.
    """
    lines = [
        f"{result.logged:,} requests logged; policies were made on the first {result.trained:,} and are judged on the "
        f"{result.judged:,} after them."
    ]
    if result.screened:
        lines.append(f"MESS+ was tried at {result.screened:,} settings on the first part; the best are judged.")
    for row in result.rows:
        if row.verdict:
            lines.append(f"{row.reason}." if row.verdict == NO else f"{row.name}: {row.reason}.")
    if any(row.estimates is not None and row.estimates.terms is None for row in result.rows):
        lines.append(
            "Limits of policies that learn are asymptotic, and about the mean over runs on as many requests: those of "
            f"level 0.95 covered {MEASURED[0]:.1%} to {MEASURED[1]:.1%} of the time on logs of known truth."
        )
    return lines


def records(result: Judgement) -> list[dict[str, Any]]:
    """A record per policy, for JSON and CSV.

    Args:
        result: The judgement.

    Returns:
        The records.
    """
    rows = []
    for row in result.rows:
        record: dict[str, Any] = {"policy": row.name, "verdict": row.verdict, "reason": row.reason}
        for name, limits in (("cost", row.cost), ("satisfaction", row.satisfaction), ("saved", row.saved)):
            for part in ("value", "lower", "upper"):
                record[f"{name}_{part}"] = None if limits is None else getattr(limits, part)
        for name in ("effective", "largest", "most", "inverse", "uncovered", "agreeing"):
            record[name] = None if row.support is None else getattr(row.support, name)
        rows.append(record | {"more_requests": row.more})
    return rows


def figure(result: Judgement, title: str, unit: str) -> Figure:
    """Cost against satisfaction with limits, and the router's frontier over Q/V.

    Args:
        result: The judgement.
        title: Title of the figure.
        unit: Unit of the costs.

    Returns:
        The figure.
    """
    with matplotlib.rc_context(plot.STYLE):
        drawn = Figure(figsize=(7.2, 4.6), layout="constrained")
        axis = drawn.subplots()
        axis.axvline(result.settings.alpha, color="0.4", lw=1.0, ls=":")
        axis.annotate(
            f"alpha = {result.settings.alpha:g}", (result.settings.alpha, 1.0), xycoords=("data", "axes fraction"),
            fontsize=8, xytext=(3, -2), textcoords="offset points", va="top", color="0.3",
        )  # fmt: skip
        if len(result.ratios):
            axis.plot(result.ratios[:, 2], result.ratios[:, 1], color="0.6", lw=0.9, label="router at other Q/V")
        shown = [(row.name, row.satisfaction, row.cost) for row in result.rows if row.satisfaction and row.cost]
        for i, (name, satisfaction, cost) in enumerate(shown):
            style = plot.line_style(i)
            axis.errorbar(
                [satisfaction.value], [cost.value], xerr=_bars(satisfaction), yerr=_bars(cost), ls="",
                color=style["color"], marker=style["marker"], ms=5, capsize=2, lw=1.0, label=name,
            )  # fmt: skip
        axis.set(xlabel="satisfaction per request", ylabel=f"cost ({unit} per request)")
        drawn.suptitle(title, fontsize=10)
        drawn.legend(loc="outside lower center", ncols=3)
        return drawn


def _bars(limits: Limits) -> list[list[float]]:
    return [[max(limits.value - limits.lower, 0.0)], [max(limits.upper - limits.value, 0.0)]]
