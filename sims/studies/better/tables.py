"""The tables of the study: all candidates of each world, published beside ours on fresh streams, terms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from rich.table import Table

from messjax.statistics import intervals
from messjax.statistics.intervals import Interval
from sims.common import comparison
from sims.common.study import Results
from sims.studies.better import terms

PUBLISHED, OURS, PLAIN, FREE = range(4)  # places of `runs.ROLES`
TERMS = {"exploration": "exploration", "prediction": "prediction", "control": "control", "beyond": "beyond alpha"}
ALLOWED = {  # the terms of T2 that bound each: the twin with exact predictions has its start, too
    "exploration": ["bound_exploration"],
    "prediction": ["bound_prediction"],
    "control": ["bound_control", "bound_start"],
}


def paid(one: xr.Dataset) -> np.ndarray:
    """Full ledger of one role, with what was paid before the first request, [stream]."""
    return np.asarray(one["cost"].values, np.float64) + float(one["before"])


def ratio(dataset: xr.Dataset, role: int, ledger: str = "cost") -> Interval:
    """A role's cost over that of the best published setting, paired; brought to alpha where that did not keep it."""
    own, theirs = dataset.isel(role=role), dataset.isel(role=PUBLISHED)
    if dataset.attrs["compared"] != "cost" and ledger == "cost":
        return comparison.ratio(own["at_alpha"].values, theirs["at_alpha"].values)
    if ledger != "cost":
        return comparison.ratio(own[ledger].values, theirs[ledger].values)
    return comparison.ratio(own["cost"].values if role == FREE else paid(own), theirs["cost"].values)


def better(dataset: xr.Dataset, role: int = OURS) -> bool:
    """Whether a role kept alpha on the fresh streams and costs less than the published best, both at 95%."""
    return sla(dataset, role) == comparison.KEPT and float(ratio(dataset, role).upper) < 1.0


def shrank(dataset: xr.Dataset) -> tuple[str, float]:
    """The term that shrank most from the published best to ours, and its share of all that is saved."""
    less = shares(dataset)
    most = max(less, key=less.__getitem__)
    return TERMS.get(most, most), less[most]


def shares(dataset: xr.Dataset) -> dict[str, float]:
    """By how much each term shrank from the published best to ours, of all that is saved."""
    theirs, own = terms.measured(dataset, PUBLISHED), terms.measured(dataset, OURS)
    less = {name: theirs[name] - own[name] for name in theirs}
    total = sum(less.values())
    return {name: value / total if total else float("nan") for name, value in less.items()}


def tabulate(result: Results) -> Sequence[Table]:
    """All candidates of each world, then the comparison, then the terms."""
    return [*(_candidates(name, dataset) for name, dataset in result.items()), _compared(result), _terms(result)]


def _candidates(name: str, dataset: xr.Dataset) -> Table:
    at = dataset.attrs
    out = Table(
        title=f"{name}: every candidate's best setting on {at['tuning_streams']} tuning streams; "
        f"alpha = {at['alpha']:g}, T = {at['horizon']:,}, {at['cost_unit']} per request; "
        f"blind mixture {at['blind_cost']:.4g}, C* {at['optimal_cost']:.4g}"
    )
    heads = [
        *("candidate", "knows before", "V", "kappa T", "explores", "full ledger"),
        *("exploit only", "satisfied", "at alpha", "SLA"),
    ]
    for head in (*heads, "settings that keep it"):
        out.add_column(head, justify="left" if head in heads[:2] else "right")
    for candidate in dataset["candidate"].values:
        one = dataset.sel(candidate=candidate)
        number = {
            key: float(one[f"tuned_{key}"])
            for key in ("V", "kappa", "c", "a", "paid", "exploit", "satisfaction", "at_alpha")
        }
        out.add_row(
            str(candidate), str(one["tuned_knows"].values),
            f"{number['V']:.3g}", f"{number['kappa'] * at['horizon']:.3g}",
            schedule(number["c"], number["a"]), f"{number['paid']:.4g}", f"{number['exploit']:.4g}",
            f"{number['satisfaction']:.4f}", f"{number['at_alpha']:.4g}", "kept" if one["tuned_kept"] else "not kept",
            f"{int(one['settings_kept'])} of {int(one['settings'])}",
        )  # fmt: skip
    return out


def schedule(c: float, a: float) -> str:
    """p_t in words."""
    if c == 0.0:
        return "never"
    return f"first {c**0.5:.0f}" if a == 2.0 else f"c = {c:g}"


def _compared(result: Results) -> Table:
    out = Table(
        title="Fresh streams (traces: other orders): the best published setting and ours, paired; 95% intervals"
    )
    heads = [
        *("world", "role", "policy", "full ledger", "ratio"),
        *("ratio, exploit only", "satisfied - alpha", "SLA", "kept by"),
    ]
    for head in heads:
        out.add_column(head, justify="left" if head in heads[:3] else "right")
    for name, dataset in result.items():
        for place, role in enumerate(dataset["role"].values):
            one = dataset.isel(role=place)
            over = intervals.interval(np.asarray(one["satisfaction"].values, np.float64) - dataset.attrs["alpha"])
            cost = intervals.interval(one["cost"].values if place == FREE else paid(one))
            plain = place == PUBLISHED
            out.add_row(
                name if plain else "", str(role), str(one["who"].values), comparison.formatted(cost, 4),
                "1" if plain else comparison.formatted(ratio(dataset, place)),
                "1" if plain else comparison.formatted(ratio(dataset, place, "cost_exploit")),
                f"{over.mean:+.4f} [{over.lower:+.4f}, {over.upper:+.4f}]",
                str(one["sla"].values), f"{float(one['kept_by']):.0%}",
            )  # fmt: skip
        out.add_section()
    return out


def _terms(result: Results) -> Table:
    out = Table(
        title="Why: cost above C* by terms, published -> ours, measured at the price gamma* (what T2 allows); climb: "
        "(V gamma* - Q_1)/T of T1. Of traces: what explored requests cost"
    )
    for head in ("world", *TERMS.values(), "climb", "shrank most"):
        out.add_column(head, justify="left" if head == "world" else "right")
    for name, dataset in result.items():
        pair = [terms.measured(dataset, role) for role in (PUBLISHED, OURS)]
        cells = [_pair(dataset, key, pair) for key in TERMS]
        climb = [float(dataset["climb"][role]) for role in (PUBLISHED, OURS)]
        most, share = shrank(dataset)
        cells.append(f"{climb[0]:.2g} -> {climb[1]:.2g}" if np.isfinite(climb).all() else "-")
        out.add_row(name, *cells, f"{most} ({share:.0%} of the saving)")
    return out


def _pair(dataset: xr.Dataset, key: str, pair: Sequence[dict[str, float]]) -> str:
    if key not in pair[0]:
        return "-"
    formatted = [f"{each[key]:.3g}" for each in pair]
    if key in ALLOWED and not dataset.attrs["recorded"]:
        bound = [sum(float(dataset[name][role]) for name in ALLOWED[key]) for role in (PUBLISHED, OURS)]
        formatted = [f"{text} ({most:.2g})" for text, most in zip(formatted, bound, strict=True)]
    return " -> ".join(formatted)


def sla(dataset: xr.Dataset, role: int) -> str:
    """Whether a role kept alpha on the fresh streams."""
    return str(dataset["sla"].values[role])


def against_blind(dataset: xr.Dataset, role: int) -> int:
    """1 where a role costs more than the blind mixture does at alpha, -1 where less, 0 where neither is shown."""
    result, blind = intervals.interval(paid(dataset.isel(role=role))), float(dataset.attrs["blind_cost"])
    return int(result.lower > blind) - int(result.upper < blind)
