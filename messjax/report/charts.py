"""The figures of a page as Vega-Lite specifications, which listen to chosen_V, chosen_alpha and chosen_statement."""

from __future__ import annotations

from typing import Any

import altair as alt

from messjax.report.collected import Collected, Record

COLORS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#b3b300"]  # Okabe and Ito's
VERDICTS = {"holds": "#009e73", "undecided": "#e69f00", "violated": "#d55e00", "not applicable": "#9e9e9e"}
MOST = 12  # policies that a figure tells apart
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
    kept = sorted(names, key=lambda name: name.split(": ")[-1].startswith("only "))[:MOST]
    return [each for each in points if each["policy"] in kept]


def _data(rows: list[Record], *names: str) -> alt.Data:
    return alt.Data(values=[{name: _plain(row.get(name)) for name in names} for row in rows])


def _plain(value: Any) -> Any:
    """A value as JSON has it; what is not finite is null."""
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not abs(value) < float("inf") else value


def _choices(*, statement: bool = False) -> list[Any]:
    names = ["chosen_V", "chosen_alpha", *(["chosen_statement"] if statement else [])]
    return [alt.param(name=name, value=EVERY) for name in names]


def _policy_color(points: list[Record]) -> alt.Color:
    scale = alt.Scale(domain=list(dict.fromkeys(each["policy"] for each in points)), range=COLORS)
    return alt.Color("policy:N", scale=scale, legend=alt.Legend(orient="bottom", columns=2, title=None))


def _numbers(*names: str) -> list[alt.Tooltip]:
    """What the pointer shows of numbers."""
    return [alt.Tooltip(f"{name}:Q", format=".5g") for name in names]


def _finish(chart: Any, height: int | dict[str, int], *, statement: bool = False) -> Spec:
    made = chart.add_params(*_choices(statement=statement)).properties(
        width="container", height=height, autosize=alt.AutoSizeParams(type="fit-x", contains="padding")
    )
    spec: Spec = made.to_dict()
    return spec


AT_ALPHA = "chosen_alpha == 'all' || datum.alpha == null || datum.alpha == chosen_alpha"
AT_V = "chosen_V == 'all' || datum.V == null || datum.V == chosen_V"


def _against_v(points: list[Record], name: str, title: str, bound: str, bound_title: str) -> Spec:
    """A metric against V with intervals, and what bounds it or what it settles at."""
    low, high = f"{name}_lower", f"{name}_upper"
    base = alt.Chart(_data(points, "policy", "V", "alpha", "c", name, low, high, bound)).transform_filter(AT_ALPHA)
    at = sorted({each["V"] for each in points if each.get("V") is not None})
    kind: Any = "log" if at and at[0] > 0 else "symlog"
    x = alt.X("V:Q", scale=alt.Scale(type=kind), title="V", axis=alt.Axis(values=at, format="~g"))
    y = alt.Y(
        f"{name}:Q", title=title, scale=alt.Scale(zero=False, type="symlog" if name == "queue_last" else "linear")
    )
    tips = ["policy:N", "V:Q", "alpha:Q", "c:Q", *_numbers(name, low, high)]
    color = _policy_color(points)
    lines = base.mark_line(opacity=0.5).encode(x=x, y=y, color=color, detail=["alpha:Q", "c:Q"])
    limits = base.mark_rule().encode(x=x, y=f"{low}:Q", y2=f"{high}:Q", color=color)
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
    base = alt.Chart(_data(points, "policy", "V", "alpha", "c", *names))
    base = base.transform_filter(AT_ALPHA).transform_filter(AT_V)
    color = _policy_color(points)
    x = alt.X("satisfaction:Q", scale=alt.Scale(zero=False), title="satisfaction")
    y = alt.Y("cost:Q", scale=alt.Scale(zero=False), title=f"cost per request ({unit})")
    tips = ["policy:N", "V:Q", "alpha:Q", *_numbers(*names)]
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
        {**{name: each.get(name) for name in ("policy", "V", "alpha")}, "ledger": ledger, "cost": each.get(name)}
        for each in points
        for ledger, name in (("full", "cost"), ("exploit only", "cost_exploit"))
    ]
    chart = (
        alt.Chart(_data(rows, "policy", "V", "alpha", "ledger", "cost"))
        .transform_filter(AT_ALPHA)
        .transform_filter(AT_V)
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
    rows = [{**each, "point": f"{each['policy']}, V = {each['V']:g}"} for each in terms]
    chart = (
        alt.Chart(_data(rows, "point", "V", "term", "cost"))
        .transform_filter(AT_V)
        .mark_bar()
        .encode(
            y=alt.Y("point:N", title=None, sort=None),
            x=alt.X("sum(cost):Q", title=f"cost gap per request ({unit})"),
            color=alt.Color("term:N", scale=alt.Scale(range=COLORS), legend=alt.Legend(orient="bottom", columns=2)),
            tooltip=["point:N", "term:N", alt.Tooltip("sum(cost):Q", format=".5g")],
        )
        .properties(title="what the cost gap is made of (identity I1)")
    )
    return _finish(chart, {"step": 18})


def _bounds(verdicts: list[Record]) -> Spec:
    """Measured values with intervals beside their bounds, of the chosen statement and V."""
    names = ("measured", "measured_lower", "measured_upper", "bound")
    usable = [each for each in verdicts if _plain(each.get("measured")) is not None]
    base = alt.Chart(_data(usable, "statement", "case", "V", "verdict", *names)).transform_filter(
        "chosen_statement == 'all' || datum.statement == chosen_statement"
    )
    base = base.transform_filter(AT_V)
    y = alt.Y("case:N", title=None, axis=alt.Axis(labelLimit=170))
    color = alt.Color("verdict:N", scale=alt.Scale(domain=list(VERDICTS), range=list(VERDICTS.values())),
                      legend=alt.Legend(orient="bottom", title=None))  # fmt: skip
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
    chart = (
        alt.Chart(_data(verdicts, "statement", "case", "V", "verdict", "reason"))
        .mark_rect(stroke="white", strokeWidth=0.5)
        .encode(
            y=alt.Y("statement:N", title=None, sort=None),
            x=alt.X("case:N", title=None, sort=None, axis=alt.Axis(labelAngle=-60, labelLimit=180)),
            color=alt.Color("verdict:N", scale=alt.Scale(domain=list(VERDICTS), range=list(VERDICTS.values())),
                            legend=alt.Legend(orient="top", title=None)),
            tooltip=["statement:N", "case:N", "verdict:N", "reason:N"],
        )
        .properties(title="verdicts: statements in rows, cases in columns")
    )  # fmt: skip
    return _finish(chart, {"step": 14})
