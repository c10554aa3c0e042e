"""The comparison as tables that fit 80 columns, and as records. Kinds of knowledge never share a table."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from rich.table import Table
from rich.text import Text

from messjax.evaluation.bench import answers
from messjax.evaluation.bench.bootstrap import ABSENT, KEEP, KILL
from messjax.evaluation.bench.timing import PACKAGE

MARKS = {KEEP: "keep", KILL: "kill", ABSENT: "n/a"}
ALWAYS = ("uniform", "mix (validation)", "mix (hindsight)", "LP optimum", "row oracle")


def kinds(dataset: xr.Dataset) -> list[tuple[str, str, list[str]]]:
    """Policies by what they know and query.

    Args:
        dataset: A result of `run_bench`.

    Returns:
        Kinds of history, of queries, and the names of the policies of each pair that occurs.
    """
    groups: dict[tuple[str, str], list[str]] = {}
    for name, history, queries in zip(
        dataset["policy"].values, dataset["history"].values, dataset["queries"].values, strict=True
    ):
        groups.setdefault((str(history), str(queries)), []).append(str(name))
    return [(*pair, names) for pair, names in groups.items()]


def kind(history: str, queries: str) -> str:
    """What policies know and query, in words.

    Args:
        history: A kind of history.
        queries: "all" or "one".

    Returns:
        For example "cold, one model a request".
    """
    return f"{history}, {'all models queried' if queries == 'all' else 'one model a request'}"


def headline(dataset: xr.Dataset, track: str) -> str | None:
    """The target of a track that is shown in full: the middle one.

    Args:
        dataset: A result of `run_bench`.
        track: "floor" or "ceiling".

    Returns:
        Its label; None where the track has none.
    """
    labels = [
        str(label) for label, of in zip(dataset["target"].values, dataset["track"].values, strict=True) if of == track
    ]
    return labels[len(labels) // 2] if labels else None


def controls(dataset: xr.Dataset, track: str, scenario: str) -> Table:
    """Cost and satisfaction of all controls at the track's headline target.

    Args:
        dataset: A result of `run_bench`.
        track: "floor" or "ceiling".
        scenario: Name of the scenario.

    Returns:
        The table.
    """
    target = headline(dataset, track)
    at = dataset.sel(target=target, scenario=scenario)
    table = Table(title=f"Controls: {track} track, {target}, {scenario}", title_justify="left")
    table.add_column("control", overflow="fold")
    for name in ("cost", "satisfaction"):
        table.add_column(name, justify="right")
    for name in at["control"].values:
        cost, s = (float(at[key].sel(control=name)) for key in ("control_cost", "control_satisfaction"))
        table.add_row(str(name), *(("-", "-") if np.isnan(cost) else (f"{cost:.3g}", f"{s:.4f}")))
    return table


def detail(
    dataset: xr.Dataset, track: str, scenario: str, names: list[str], title: str, setting: str = "tuned"
) -> Table:
    """Policies of one kind of knowledge at the track's headline target.

    Args:
        dataset: A result of `run_bench`.
        track: "floor" or "ceiling".
        scenario: Name of the scenario.
        names: The policies.
        title: What they know.
        setting: "tuned" or "default".

    Returns:
        The table.
    """
    target = headline(dataset, track)
    at = dataset.sel(target=target, scenario=scenario, setting=setting)
    table = Table(title=f"{title}, {setting}: {track} track, {target}, {scenario}", title_justify="left")
    table.add_column("policy", overflow="fold")
    missing = "alpha - s" if track == "floor" else "over budget"
    for name in ("cost", "satisfaction", missing, "gain over the mix", "verdict"):
        table.add_column(name, justify="right")
    for name in names:
        one = at.sel(policy=name)
        if str(one["verdict"].values) == ABSENT:
            table.add_row(name, "-", "-", "-", "-", "n/a")
            continue
        violation = _share(float(one["violation_mean"]), track) + answers.flag(one, answers.tolerated(dataset, track))
        table.add_row(
            name, f"{float(one['cost'].mean()):.3g}", f"{float(one['satisfaction'].mean()):.4f}", violation,
            _interval(one, "gain"), mark(str(one["verdict"].values)),
        )  # fmt: skip
    return table


def _share(value: float, track: str) -> str:
    return f"{value:+.3f}" if track == "floor" else f"{value:+.0%}"


def _interval(one: xr.Dataset, name: str) -> str:
    half = (float(one[f"{name}_upper"]) - float(one[f"{name}_lower"])) / 2.0
    return f"{float(one[name]):+.3f} +- {half:.3f}"


def mark(verdict: str) -> Text:
    """A verdict as it is shown.

    Args:
        verdict: One of keep, kill, undecided, not applicable.

    Returns:
        The text.
    """
    return Text(MARKS.get(verdict, "?"), style={KEEP: "green", KILL: "red"}.get(verdict, ""))


def by_target(dataset: xr.Dataset, track: str, scenario: str) -> Table:
    """The verdict of every policy at every target of a track.

    Args:
        dataset: A result of `run_bench`.
        track: "floor" or "ceiling".
        scenario: Name of the scenario.

    Returns:
        The table.
    """
    mine = dataset.isel(target=np.flatnonzero(dataset["track"].values == track)).sel(setting="tuned", scenario=scenario)
    what = "alpha" if track == "floor" else "budget"
    table = Table(title=f"Verdicts by {what}: {track} track, {scenario} (? = undecided)", title_justify="left")
    table.add_column("policy", overflow="fold")
    for level in mine["level"].values:
        table.add_column(f"{level:.2g}", justify="right")
    for _, _, names in kinds(dataset):
        for name in names:
            table.add_row(name, *(mark(str(v)) for v in mine["verdict"].sel(policy=name).values))
        table.add_section()
    return table


def by_scenario(dataset: xr.Dataset, track: str) -> Table:
    """Who keeps the target, at which cost, in which scenario: every policy at the track's headline target.

    Args:
        dataset: A result of `run_bench`.
        track: "floor" or "ceiling".

    Returns:
        The table: a line per scenario, and of every policy the violation with its 95% limits' verdict.
    """
    target = headline(dataset, track)
    at = dataset.sel(target=target, setting="tuned")
    tolerated = answers.tolerated(dataset, track)
    title = f"Who keeps {target}, at which cost: cost, and ! where it is missed for sure, ? where that is open"
    table = Table(title=title, title_justify="left")
    table.add_column("scenario", overflow="fold")
    numbers = [str(i) for i in range(1, at.sizes["policy"] + 1)]
    for number in numbers:
        table.add_column(number, justify="right")
    for scenario in at["scenario"].values:
        row = at.sel(scenario=scenario)
        table.add_row(str(scenario), *(_kept(row.sel(policy=name), tolerated) for name in at["policy"].values))
    return table


def _kept(one: xr.Dataset, tolerated: float) -> str:
    if str(one["verdict"].values) == ABSENT:
        return "-"
    return f"{float(one['cost'].mean()):.1e}".replace("e-0", "e-") + answers.flag(one, tolerated)


def overview(dataset: xr.Dataset, track: str, names: list[str], title: str) -> Table:
    """What a practitioner asks first: policies of one kind over all scenarios, at the track's headline target.

    Args:
        dataset: A result of `run_bench`.
        track: "floor" or "ceiling".
        names: The policies.
        title: What they know.

    Returns:
        The table, a line per policy: the gain over the static mix averaged over scenarios, how many of them have
        which verdict, and in which the target is missed for sure.
    """
    target = headline(dataset, track)
    at = dataset.sel(target=target, setting="tuned")
    tolerated = answers.tolerated(dataset, track)
    table = Table(title=f"{title}: all scenarios, {track} track, {target}", title_justify="left")
    for name in ("policy", "mean gain", *MARKS.values(), "?", "missed for sure in"):
        left = name in ("policy", "missed for sure in")
        table.add_column(name, justify="left" if left else "right", overflow="fold")
    for name in names:
        each = [at.sel(policy=name, scenario=scenario) for scenario in at["scenario"].values]
        ran = [one for one in each if str(one["verdict"].values) != ABSENT]
        verdicts = [str(one["verdict"].values) for one in each]
        counts = [verdicts.count(verdict) for verdict in MARKS]
        missed = [str(one["scenario"].values) for one in ran if answers.flag(one, tolerated) == "!"]
        gain = f"{np.mean([float(one['gain']) for one in ran]):+.3f}" if ran else "-"
        everywhere = len(missed) == len(ran) > 1
        table.add_row(
            name, gain, *map(str, [*counts, len(each) - sum(counts)]), "all" if everywhere else ", ".join(missed)
        )
    return table


def microseconds(dataset: xr.Dataset) -> Table:
    """Processor time per decision of every policy, and of a package beside them.

    Args:
        dataset: A result of `run_bench` with `Options.timed`.

    Returns:
        The table.
    """
    table = Table(title="Microseconds of processor time per decision", title_justify="left")
    table.add_column("policy", overflow="fold")
    table.add_column("us", justify="right")
    for _, _, names in kinds(dataset):
        for name in names:
            table.add_row(name, f"{float(dataset['microseconds'].sel(policy=name)):.2f}")
        table.add_section()
    if "microseconds_package" in dataset:
        table.add_row(f"the package {PACKAGE}", f"{float(dataset['microseconds_package']):.0f}")
    return table


def all_tables(dataset: xr.Dataset) -> list[Any]:
    """What the command prints, in order.

    Args:
        dataset: A result of `run_bench`.

    Returns:
        Tables of `rich`, and lines of text.
    """
    shown: list[Any] = []
    first = "stationary" if "stationary" in dataset["scenario"].values else str(dataset["scenario"].values[0])
    for track in dict.fromkeys(str(each) for each in dataset["track"].values):
        if dataset.sizes["scenario"] > 1:
            shown += [overview(dataset, track, names, kind(*known)) for *known, names in kinds(dataset)]
        shown.append(controls(dataset, track, first))
        for history, queries, names in kinds(dataset):
            what = kind(history, queries)
            shown.append(detail(dataset, track, first, names, what))
            own = dataset["verdict"].sel(
                setting="default", target=headline(dataset, track), scenario=first, policy=names
            )
            if (own != ABSENT).any():
                kept = [name for name in names if str(own.sel(policy=name).values) != ABSENT]
                shown.append(detail(dataset, track, first, kept, what, "default"))
        shown.append(by_target(dataset, track, first))
        if dataset.sizes["scenario"] > 1:
            shown += _pages(dataset, track)
        shown.append(" ".join(answers.in_words(dataset, track, headline(dataset, track) or "", first)))
    return [*shown, microseconds(dataset)] if "microseconds" in dataset else shown


MOST_COLUMNS = 6


def _pages(dataset: xr.Dataset, track: str) -> list[Any]:
    """`by_scenario` in tables of at most six policies of one kind, each with its legend."""
    pages: list[Any] = []
    for history, queries, names in kinds(dataset):
        for i in range(0, len(names), MOST_COLUMNS):
            some = names[i : i + MOST_COLUMNS]
            pages.append(by_scenario(dataset.sel(policy=some), track))
            legend = ", ".join(f"{j} = {name}" for j, name in enumerate(some, start=1))
            pages.append(f"{history}, {queries} queried: {legend}")
    return pages


def records(dataset: xr.Dataset) -> list[dict[str, Any]]:
    """A record for every setting, policy, target and scenario that was run.

    Args:
        dataset: A result of `run_bench`.

    Returns:
        Records of numbers and texts.
    """
    main = ("setting", "policy", "target", "scenario")
    reduced = {
        str(name): values.mean([dim for dim in values.dims if dim in ("seed", "phase")]).transpose(*main).values
        for name, values in dataset.data_vars.items()
        if set(main) <= set(values.dims) and values.dtype.kind == "f" and "t" not in values.dims
    }
    verdict = dataset["verdict"].transpose(*main).values
    names = [[str(value) for value in dataset[name].values] for name in main]
    texts = [("track", 2), ("history", 1), ("queries", 1)]
    result = []
    for at in map(tuple, np.argwhere(verdict != ABSENT)):
        row: dict[str, Any] = {name: own[i] for name, own, i in zip(main, names, at, strict=True)}
        row |= {name: str(dataset[name].values[at[place]]) for name, place in texts}
        row |= {name: _number(float(values[at])) for name, values in reduced.items()}
        result.append(row | {"verdict": str(verdict[at])})
    return result


def _number(value: float) -> float | None:
    return value if np.isfinite(value) else None
