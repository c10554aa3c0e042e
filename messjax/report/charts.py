"""The figures of a page as Vega-Lite specifications, which listen to chosen_V, chosen_alpha, ..., chosen_statement."""

from __future__ import annotations

from typing import Any

import altair as alt

from messjax.evaluation.comparison import ONLY
from messjax.report.collected import CONTROLS, Collected, Record

COLORS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#b3b300"]  # Okabe and Ito's
VERDICTS = {"holds": "#009e73", "undecided": "#e69f00", "violated": "#d55e00", "not applicable": "#88888844"}
MOST = 12  # policies that a figure tells apart
MOST_NAMED = 24  # cases whose names fit below a figure
EVERY = "all"
Spec = dict[str, Any]


def all_charts(found: Collected) -> dict[str, Spec]:
    """Figures by the name of their place on the page.

    Args:
        found: What the folder holds.

    Returns:
        Vega-Lite specifications, without those that have no data.
    """
    charts: dict[str, Spec] = {}
    points = fewer(found.points)
    if points:
        unit = found.unit or "cost"
        if any(each.get("V") is not None for each in points):
            charts["cost"] = _against_v(points, "cost", f"cost per request ({unit})", "optimal_cost", "C*")
            charts["satisfaction"] = _against_v(points, "satisfaction", "satisfaction", "alpha", "alpha")
        if any("queue_last" in each and each.get("V") is not None for each in points):
            charts["queue"] = _against_v(points, "queue_last", "queue at the end (requests)", "V_gamma", "V gamma*")
        charts["trade_off"] = _trade_off(points, unit)
        if any("cost_exploit" in each for each in points):
            charts["ledgers"] = _ledgers(points, unit)
    if found.terms:
        charts["decomposition"] = _decomposition(found.terms, found.unit or "cost")
    if found.cells:
        apply = {each["statement"] for each in found.cells if each["outcome"] not in ("not applicable", "not tested")}
        charts["assumptions"] = _assumptions([each for each in found.cells if each["statement"] in apply])
    if found.verdicts:
        charts["bounds"] = _bounds(found.verdicts)
        charts["matrix"] = _matrix(found.verdicts)
    return charts


def fewer(points: list[Record]) -> list[Record]:
    """The records of the first policies where there are many: those that route, then the others as they come.

    Args:
        points: Records with a policy each.

    Returns:
        Those of at most `MOST` policies.
    """
    names = list(dict.fromkeys(each["policy"] for each in points))
    kept = sorted(names, key=lambda name: name.split(": ")[-1].startswith(ONLY))[:MOST]
    return [each for each in points if each["policy"] in kept]


def _data(rows: list[Record], *names: str) -> alt.Data:
    return alt.Data(values=[{name: _plain(row.get(name)) for name in names} for row in rows])


def _plain(value: Any) -> Any:
    """A value as JSON has it; what is not finite is null."""
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not abs(value) < float("inf") else value


def _choices(*, statement: bool = False) -> list[Any]:
    names = [*(f"chosen_{name}" for name in CONTROLS), *(["chosen_statement"] if statement else [])]
    return [alt.param(name=name, value=EVERY) for name in names]


def _policy_color(points: list[Record]) -> alt.Color:
    scale = alt.Scale(domain=list(dict.fromkeys(each["policy"] for each in points)), range=COLORS)
    return alt.Color("policy:N", scale=scale, legend=alt.Legend(orient="bottom", columns=2, title=None))


def _controls(rows: list[Record]) -> list[str]:
    """The controls that the pointer shows: those that rows have."""
    return [f"{name}:Q" for name in CONTROLS if any(row.get(name) is not None for row in rows)]


def _numbers(*names: str) -> list[alt.Tooltip]:
    """What the pointer shows of numbers."""
    return [alt.Tooltip(f"{name}:Q", format=".5g") for name in names]


def _finish(chart: Any, height: int | dict[str, int], *, statement: bool = False) -> Spec:
    made = chart.add_params(*_choices(statement=statement)).properties(
        width="container", height=height, autosize=alt.AutoSizeParams(type="fit-x", contains="padding")
    )
    spec: Spec = made.to_dict()
    return spec


def _at(chart: alt.Chart, *names: str) -> alt.Chart:
    """The chart of what is at the chosen values of these controls; what has none of a control is at all its values."""
    for name in names:
        chart = chart.transform_filter(
            f"chosen_{name} == 'all' || datum.{name} == null || datum.{name} == chosen_{name}"
        )
    return chart


def _against_v(points: list[Record], name: str, title: str, bound: str, bound_title: str) -> Spec:
    """A metric against V with intervals, and what bounds it or what it settles at."""
    low, high = f"{name}_lower", f"{name}_upper"
    others = [control for control in CONTROLS if control != "V"]
    base = _at(alt.Chart(_data(points, "policy", *CONTROLS, name, low, high, bound)), *others)
    at = sorted({each["V"] for each in points if each.get("V") is not None})
    kind: Any = "log" if at and at[0] > 0 else "symlog"
    x = alt.X("V:Q", scale=alt.Scale(type=kind), title="V", axis=alt.Axis(values=at, format="~g"))
    is_queue = name == "queue_last"  # never below zero, whatever an interval by Student's t says
    scale = alt.Scale(type="symlog", domainMin=0.0) if is_queue else alt.Scale(zero=False)
    y = alt.Y(f"{name}:Q", title=title, scale=scale)
    tips = ["policy:N", *_controls(points), *_numbers(name, low, high)]
    color = _policy_color(points)
    lines = base.mark_line(opacity=0.8).encode(x=x, y=y, color=color, detail=[f"{control}:Q" for control in others])
    limits = base.mark_rule(clip=is_queue).encode(x=x, y=f"{low}:Q", y2=f"{high}:Q", color=color)
    size = alt.condition(f"chosen_V != 'all' && datum.V == chosen_V", alt.value(160), alt.value(45))  # noqa: F541
    dots = base.mark_point(filled=True).encode(x=x, y=y, color=color, size=size, tooltip=tips)
    layers = [lines, limits, dots]
    if any(isinstance(each.get(bound), float) for each in points):
        shown = [alt.Tooltip(f"{bound}:Q", title=bound_title, format=".5g"), "alpha:Q"]
        layers.append(
            base.mark_line(strokeDash=[6, 4], color="#888", strokeWidth=2).encode(
                x=x, y=f"{bound}:Q", detail="alpha:Q", tooltip=shown
            )
        )
    return _finish(alt.layer(*layers).properties(title=f"{title}; dashed: {bound_title}"), 260)


def _trade_off(points: list[Record], unit: str) -> Spec:
    """Cost against satisfaction at the chosen V, with both intervals."""
    names = ("cost", "cost_lower", "cost_upper", "satisfaction", "satisfaction_lower", "satisfaction_upper")
    base = _at(alt.Chart(_data(points, "policy", *CONTROLS, *names)), *CONTROLS)
    color = _policy_color(points)
    x = alt.X("satisfaction:Q", scale=alt.Scale(zero=False), title="satisfaction")
    y = alt.Y("cost:Q", scale=alt.Scale(zero=False), title=f"cost per request ({unit})")
    tips = ["policy:N", *_controls(points), *_numbers(*names)]
    layers = [
        base.mark_rule(opacity=0.6).encode(x=x, y="cost_lower:Q", y2="cost_upper:Q", color=color),
        base.mark_rule(opacity=0.6).encode(
            x=alt.X("satisfaction_lower:Q", title="satisfaction"), x2="satisfaction_upper:Q", y=y, color=color
        ),
        base.mark_point(filled=True, size=80).encode(x=x, y=y, color=color, tooltip=tips),
    ]
    return _finish(alt.layer(*layers).properties(title="cost against satisfaction"), 260)


def _ledgers(points: list[Record], unit: str) -> Spec:
    """What every call costs beside what exploited requests alone cost."""
    rows = [
        {**{name: each.get(name) for name in ("policy", *CONTROLS)}, "ledger": ledger, "cost": each.get(name)}
        for each in points
        for ledger, name in (("full", "cost"), ("exploit only", "cost_exploit"))
    ]
    chart = (
        _at(alt.Chart(_data(rows, "policy", *CONTROLS, "ledger", "cost")), *CONTROLS)
        .mark_bar()
        .encode(
            y=alt.Y("policy:N", title=None, sort=None),
            yOffset="ledger:N",
            x=alt.X("mean(cost):Q", title=f"cost per request ({unit}), mean of the chosen points"),
            color=alt.Color("ledger:N", scale=alt.Scale(range=COLORS), legend=alt.Legend(orient="bottom", title=None)),
            tooltip=["policy:N", "ledger:N", alt.Tooltip("mean(cost):Q", format=".5g")],
        )
        .properties(title="two ledgers: every call, and without exploration")
    )
    return _finish(chart, {"step": 14})


def _decomposition(terms: list[Record], unit: str) -> Spec:
    """What a cost gap is made of (I1), stacked."""
    chart = (
        _at(alt.Chart(_data(terms, "point", *CONTROLS, "term", "cost")), *CONTROLS)
        .mark_bar()
        .encode(
            y=alt.Y("point:N", title=None, sort=None),
            x=alt.X("sum(cost):Q", title=f"cost gap per request ({unit})"),
            color=alt.Color(
                "term:N", scale=alt.Scale(range=COLORS), legend=alt.Legend(orient="bottom", columns=2, title=None)
            ),
            tooltip=["point:N", "term:N", alt.Tooltip("sum(cost):Q", format=".5g")],
        )
        .properties(title="what the cost gap is made of (identity I1)")
    )
    return _finish(chart, {"step": 18})


def _bounds(verdicts: list[Record]) -> Spec:
    """Measured values with intervals beside their bounds, of the chosen statement and V."""
    names = ("measured", "measured_lower", "measured_upper", "bound")
    usable = [each for each in verdicts if _plain(each.get("measured")) is not None]
    base = _at(alt.Chart(_data(usable, "statement", "case", *CONTROLS, "verdict", *names)), *CONTROLS)
    base = base.transform_filter("chosen_statement == 'all' || datum.statement == chosen_statement")
    y = alt.Y("case:N", title=None, axis=alt.Axis(labelLimit=170))
    color = alt.Color("verdict:N", scale=alt.Scale(domain=list(VERDICTS), range=list(VERDICTS.values())),
                      legend=alt.Legend(orient="bottom", title=None, columns=2))  # fmt: skip
    tips = ["statement:N", "case:N", "verdict:N", *_numbers(*names)]
    scale = alt.Scale(type="symlog")
    layers = [
        base.mark_rule(strokeWidth=2).encode(y=y, x="measured_lower:Q", x2="measured_upper:Q", color=color),
        base.mark_point(filled=True, size=60).encode(
            y=y, x=alt.X("measured:Q", scale=scale, title="measured (dot, interval) and bound (bar)"), color=color,
            tooltip=tips,
        ),
        base.mark_tick(thickness=3, size=16).encode(y=y, x=alt.X("bound:Q", scale=scale), color=color, tooltip=tips),
    ]  # fmt: skip
    return _finish(alt.layer(*layers).properties(title="bounds beside measurements"), {"step": 18}, statement=True)


def _matrix(verdicts: list[Record]) -> Spec:
    """Statement x case, coloured by verdict."""
    number = len({each["case"] for each in verdicts})
    many = number > MOST_NAMED
    title = f"{number} cases; point at one for its name" if many else None
    chart = (
        alt.Chart(_data(verdicts, "statement", "case", "V", "verdict", "reason"))
        .mark_rect(stroke="white", strokeWidth=0.5)
        .encode(
            y=alt.Y("statement:N", title=None, sort=None),
            x=alt.X("case:N", title=title, sort=None, axis=alt.Axis(labels=not many, labelAngle=-60, labelLimit=180)),
            color=alt.Color("verdict:N", scale=alt.Scale(domain=list(VERDICTS), range=list(VERDICTS.values())),
                            legend=alt.Legend(orient="top", title=None, columns=2)),
            tooltip=["statement:N", "case:N", "verdict:N", "reason:N"],
        )
        .properties(title="verdicts: statements in rows, cases in columns")
    )  # fmt: skip
    return _finish(chart, {"step": 14})


OUTCOMES = {
    "not refuted": "#009e73",
    "undecided": "#e69f00",
    "not applicable": "#88888844",
    "not tested": "#88888811",
    "fails, as it may: it needs the assumption": "#8c510a",
    "fails, unneeded": "#d7191c",
}


def _assumptions(cells: list[Record]) -> Spec:
    """Statement x assumption that was violated on purpose: what became of it; a dot where it needs the assumption."""
    names = ("violated", "statement", "outcome", "needs it", "breaks", "case", "reason")
    base = alt.Chart(_data(cells, *names))
    y = alt.Y("statement:N", title=None, sort=None)
    x = alt.X("violated:N", title="assumption violated on purpose", axis=alt.Axis(orient="top", labelAngle=0))
    scale = alt.Scale(domain=list(OUTCOMES), range=list(OUTCOMES.values()))
    legend = alt.Legend(orient="bottom", title=None, columns=2, labelLimit=320)
    layers = [
        base.mark_rect(stroke="white").encode(
            y=y, x=x, color=alt.Color("outcome:N", scale=scale, legend=legend), tooltip=[f"{name}:N" for name in names]
        ),
        base.transform_filter("datum['needs it'] == 'yes'")
        .mark_point(filled=True, size=18, color="black")
        .encode(y=y, x=x, tooltip=[f"{name}:N" for name in names]),
    ]
    title = "statements where an assumption is violated"
    return _finish(alt.layer(*layers).properties(title=title), {"step": 16})
