"""Against V: what was measured beside its bounds, and what the cost gap and the regret are made of."""

from __future__ import annotations

import textwrap
from typing import Any

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from messjax.components import expect
from messjax.plot.stacked_bars import WHAT, by_policy_and_v, draw_terms, term_handles
from messjax.plot.style import DASHES, STYLE, Drawing, line_style, note_omitted, plain


def versus_v(
    verdicts: xr.Dataset, *, title: str = "", cost_unit: str | None = None, terms: xr.Dataset | None = None
) -> Figure:
    """Against V: cost gap (T2), violation (T1), queue (T1, T3, V gamma*), adjusted regret (T5), and what is in them.

    Markers are measured means with their intervals, lines the bound of the same policy: the sharpest one that predicts
    of those that were judged (T2' before T2, T1' before T1, T3' before T3; thin: the first form). Below stand the terms
    of the measured cost gap and regret, as `decomposition` draws them, or without `terms` those of the bound T2 for the
    first and the last policy. The panel of a statement that does not apply says why; without one it is
    empty.

    Args:
        verdicts: What `theory.judge` returns for a sweep over V, with dimensions (statement, V) or (statement,
            policy, V). Where it has a variable `gamma`, V gamma* is drawn too.
        title: Title of the figure.
        cost_unit: Unit of the costs; by default the attribute `cost_unit` of `verdicts`, or "cost".
        terms: What `theory.decompose` returns for the same sweep.

    Returns:
        The figure.

    Raises:
        TypeError: `verdicts` or `terms` is no Dataset.
        ValueError: There is no dimension V, or one that is neither statement, policy nor V.
    """
    verdicts = _by_policy_and_v(verdicts)
    cost_unit = plain(str(verdicts.attrs.get("cost_unit", "cost")) if cost_unit is None else cost_unit)
    names = [plain(str(name)) for name in verdicts["policy"].values]
    with matplotlib.rc_context(STYLE):
        figure = Drawing(figsize=(9.2, 10.4), layout="constrained")
        axes = figure.subplots(3, 2)
        for axis, (bounds, heading, label) in zip(axes.flat, _panels(verdicts, cost_unit), strict=False):
            for i in range(len(names)):
                _measured_and_bounds(axis, verdicts.isel(policy=i), i, bounds)
            axis.set(xscale="log", xlabel=f"V (requests per {cost_unit})", ylabel=label, title=heading)
            axis.set_xticks(verdicts["V"].values, [f"{V:g}" for V in verdicts["V"].values])
            axis.minorticks_off()
        _signed_log(axes[0, 0])
        _signed_log(axes[0, 1])
        axes[1, 0].set_yscale("log")
        extras = _queue_extras(axes[1, 0], verdicts)
        _signed_log(axes[1, 1])
        extras.append(axes[1, 1].axhline(0.0, color="k", lw=1.6, label="(d) T5: bound 0 from below"))
        extras += _form_handles(verdicts)
        policies = [
            Line2D([], [], **line_style(i), label=f"{name}: measured (marker), bound (line)")
            for i, name in enumerate(names)
        ]
        if terms is not None:
            terms = by_policy_and_v(terms)
            for axis, letter, name in zip(axes[2], "ef", WHAT, strict=True):
                draw_terms(axis, terms, name, letter=letter, cost_unit=cost_unit)
            in_bars: dict[str, Any] = {"ls": "", "marker": "o", "color": "0.4", "mec": "white", "ms": 7}
            extras += [*term_handles(), Line2D([], [], **in_bars, label="(e), (f) marker: measured")]
        else:
            _draw_cost_terms(axes[2], verdicts, cost_unit)
        figure.legend(handles=[*policies, *extras], loc="outside lower center", ncols=3)
        figure.suptitle(plain(title), fontsize=10)
        if terms is None and len(names) > 2:
            note_omitted(figure, f"Terms of T2 are not drawn for {', '.join(names[1:-1])}.")
        return figure


LINEAR = 30.0  # largest over small numbers, below which an axis is linear
SHARPER = {"T2 cost gap": "T2'", "T1 queue": "T1'", "T3 mean queue": "T3'"}  # what draws a bound in place of which


def _panels(verdicts: xr.Dataset, cost_unit: str) -> tuple[tuple[tuple[str, ...], str, str], ...]:
    """Of each panel its statements, the first one with what was measured, a heading and a label."""
    judged = {str(name) for name in verdicts["statement"].values}

    def forms(statement: str) -> tuple[str, ...]:
        return (statement, *(name for first, name in SHARPER.items() if first == statement and name in judged))

    def heading(letter: str, what: str, *statements: str) -> str:
        words = [form.split()[0] for each in statements for form in forms(each)]
        return f"({letter}) {what} and {', '.join(words)}"

    regret = f"cost - C* T + gamma* T x violation ({cost_unit})"
    return (
        (forms("T2 cost gap"), heading("a", "cost gap", "T2 cost gap"), f"average cost - C* ({cost_unit} per request)"),
        (("T1 violation",), "(b) constraint violation and T1", "alpha - satisfaction"),
        (forms("T1 queue"), heading("c", "queue", "T1 queue", "T3 mean queue"), r"$Q_{T+1}$ (requests)"),
        (("T5 adjusted regret",), "(d) adjusted regret and T5", regret),
    )


def _form_handles(verdicts: xr.Dataset) -> list[Line2D]:
    """Legend of first and sharper forms of a bound, where both are drawn."""
    if not set(SHARPER.values()) & {str(name) for name in verdicts["statement"].values}:
        return []
    look: dict[str, Any] = {"color": "0.3"}
    return [
        Line2D([], [], lw=1.8, label="thick: primed, from the decision loss", **look),
        Line2D([], [], lw=0.7, alpha=0.6, label="thin: T1, T2", **look),
    ]


def _draw_cost_terms(axes: Any, verdicts: xr.Dataset, cost_unit: str) -> None:
    """Panels (e) and (f) without measured terms: those of the bound T2, of the first and the last policy."""
    names = [plain(str(name)) for name in verdicts["policy"].values]
    last = ((axes[1], "f", len(names) - 1),) if len(names) > 1 else ()
    axes[1].set_visible(bool(last))
    for axis, letter, i in ((axes[0], "e", 0), *last):
        _cost_terms(axis, verdicts.isel(policy=i))
        axis.set(title=f"({letter}) terms of T2, {names[i]}", xlabel=f"V (requests per {cost_unit})")
        axis.set_ylabel(f"bound on the cost gap ({cost_unit})")


def _by_policy_and_v(verdicts: xr.Dataset) -> xr.Dataset:
    """The verdicts with dimensions statement, policy and V; ValueError where others are left."""
    expect("verdicts", verdicts, xr.Dataset, "the Dataset that theory.judge returns")
    if "policy" not in verdicts.dims:
        verdicts = verdicts.expand_dims(policy=[str(verdicts.coords.get("policy", "MESS+"))])
    grid = verdicts["measured"].dims if "measured" in verdicts else ()
    if others := sorted({str(name) for name in grid} ^ {"statement", "policy", "V"}):
        raise ValueError(
            f"verdicts: found the dimensions {', '.join(map(str, grid))}, expected statement, V and perhaps policy: "
            f"{'select one' if others[0] in grid else 'there is no'} {others[0]}"
        )
    return verdicts


def _measured_and_bounds(axis: Any, rows: xr.Dataset, i: int, statements: tuple[str, ...]) -> None:
    """What was measured for the first statement, and the bounds: the last one thick, the others thin."""
    known = [name for name in statements if name in rows["statement"]]
    if not known:
        return
    first, style = rows.sel(statement=known[0]), line_style(i)
    V, mean = first["V"].values, first["measured"].values
    if not np.isfinite(mean).any():  # an empty panel says why
        why = dict.fromkeys(str(reason) for reason in np.ravel(first.get("reason", "")) if str(reason))
        words = textwrap.fill(plain(f"{known[0]} is not applicable: {'; '.join(why) or 'nothing was measured'}"), 44)
        axis.text(0.5, 0.85 - 0.25 * i, words, transform=axis.transAxes, ha="center", va="top", fontsize=8)
        return
    spread = np.stack([mean - first["measured_lower"].values, first["measured_upper"].values - mean])
    axis.errorbar(V, mean, yerr=spread, **(style | {"ls": ":", "lw": 0.8, "markersize": 5, "capsize": 3}))
    if known[0] == "T5 adjusted regret":
        return
    for name in known:
        bound = rows.sel(statement=name)["bound"].values
        look = {"lw": 1.8} if name == known[-1] else {"lw": 0.7, "alpha": 0.6}
        axis.plot(V, np.where(np.isfinite(bound), bound, np.nan), color=style["color"], ls=style["ls"], **look)


def _cost_terms(axis: Any, rows: xr.Dataset) -> None:
    for i, (term, label) in enumerate(
        (
            ("control", "control: B / V"),
            ("exploration", "exploration: ~ T^-a"),
            ("prediction", "prediction: 2 S / (V T)"),
        )
    ):
        values = rows["cost_bound_terms"].sel(term=term).values
        if (values > 0).any():
            axis.plot(rows["V"].values, values, color="0.25", ls=DASHES[i], marker="_", lw=1.2, label=label)
    total = rows["cost_bound_terms"].sum("term").values
    axis.plot(rows["V"].values, total, color="k", lw=2.2, alpha=0.5, label="T2, their sum")
    axis.set(xscale="log", yscale="log")
    axis.legend()


def _queue_extras(axis: Any, verdicts: xr.Dataset) -> list:
    V, handles = verdicts["V"].values, []
    if "gamma" in verdicts:
        gamma = float(np.ravel(verdicts["gamma"])[0])
        handles += axis.plot(V, V * gamma, color="0.8", lw=5, label="(c) V gamma*", zorder=0)
    T3 = "T3'" if "T3'" in verdicts["statement"] else "T3 mean queue"
    for i, name in enumerate(verdicts["policy"].values if T3 in verdicts["statement"] else ()):
        bound = verdicts.sel(statement=T3, policy=name)["bound"].values
        if np.isfinite(bound).all():
            handles += axis.plot(
                V,
                bound,
                color=line_style(i)["color"],
                lw=1.8,
                ls=DASHES[3],  # beside the bound on the last Q, in the policy's own dashes
                label=f"(c) {T3.split()[0]}, {plain(str(name))}: on the mean of Q",
            )
    return handles


def _signed_log(axis: Any) -> None:
    # Gaps and violations may be negative at finite T: linear near zero, logarithmic beyond. Numbers of about one decade
    # have hardly a tick on such an axis: they are drawn on a linear one.
    shown = np.concatenate([np.zeros(0), *(line.get_ydata() for line in axis.get_lines())])
    shown = shown[np.isfinite(shown) & (shown != 0)]
    if not shown.size:
        return
    axis.axhline(0.0, color="0.3", lw=0.8)
    low = np.quantile(np.abs(shown), 0.15)
    if np.abs(shown).max() < LINEAR * low:
        return
    step = 10.0 ** np.floor(np.log10(low))
    axis.set_yscale("symlog", linthresh=step, linscale=0.6)
    axis.set_yticks([0.0, *(tick for tick in axis.get_yticks() if abs(tick) >= 0.99 * step)])
    axis.set_ylim(min(-step / 2, 3.0 * shown.min()), 3.0 * shown.max())  # after the ticks, which widen it
