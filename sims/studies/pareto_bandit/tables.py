"""The tables of the study, printed and as rows of the findings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from rich.table import Table

from messjax.statistics import intervals
from messjax.statistics.intervals import Interval
from sims.common.finding import Rows
from sims.common.study import Results
from sims.studies.pareto_bandit import published
from sims.studies.pareto_bandit.courses import DEGRADED, DRIFT, ONBOARDING
from sims.studies.pareto_bandit.court import CEILING
from sims.studies.pareto_bandit.requests import FLASH, LLAMA
from sims.studies.pareto_bandit.runs import PUBLISHED


def tabulate(result: Results) -> Sequence[Table]:
    """The four experiments beside what is published, the pacer taken apart, and who does better."""
    source = next(iter(result.values())).attrs["source"]
    pairs = (
        (f"seven budgets, published and ours ({source})", stationary(result["pacer"])),
        ("a change and what comes after it, published and ours", changes(result["experiments"])),
        ("one part of the pacer changed: gain over the static mix at equal spend", parts(result["pacer"])),
        ("same knowledge, one model queried: reward at cost", contest(result["court"])),
    )
    return [_printed(title, rows) for title, rows in pairs]


def _printed(title: str, rows: Rows) -> Table:
    table = Table(*rows.columns, title=title)
    for row in rows.rows:
        table.add_row(*row)
    return table


def plus_minus(values: xr.DataArray | np.ndarray, digits: int = 4) -> str:
    """Mean and half-width over the seeds."""
    one = intervals.interval(np.asarray(values))
    return f"{one.mean:.{digits}f} +- {one.upper - one.mean:.{digits}f}"


def gain_of(one: xr.Dataset, name: str = "gain_hindsight") -> Interval:
    """A gain over the static mix with its limits, of prompts and seeds drawn anew."""
    mean, lower, upper = (float(one[each]) for each in (name, f"{name}_lower", f"{name}_upper"))
    return Interval(mean, lower, upper, 0.95, one.sizes["seed"])


def signed(one: Interval) -> str:
    """A gain and its half-width."""
    return f"{one.mean:+.4f} +- {one.upper - one.mean:.4f}"


def stationary(pacer: xr.Dataset) -> Rows:
    """Experiment 1: reward and cost, published and ours, and the static mix at that spend."""
    rows = []
    for i, budget in enumerate(published.BUDGETS):
        one = pacer.sel(variant=PUBLISHED).isel(budget=i)
        reward, cost = published.STATIONARY[i]
        mix = mix_at(one, cost)
        rows.append((
            f"{budget:.3g}", f"{reward:.4f}", plus_minus(one["reward"]), f"{cost / budget:.3f}",
            plus_minus(one["cost"] / budget, 3), f"{mix:.4f}", f"{reward - mix:+.4f}", signed(gain_of(one)),
        ))  # fmt: skip
    columns = (
        "budget, USD", "reward: published", "ours", "cost / budget: published", "ours ", "static mix at that spend",
        "gain of the published", "gain of ours",
    )  # fmt: skip
    return Rows(columns, tuple(rows))


def mix_at(one: xr.Dataset, cost: float) -> float:
    """Reward of the best static mix of two models that costs so much, by the means of the judged requests."""
    c, s = one["mix_cost"].values, one["mix_reward"].values
    return float(np.interp(cost, np.append(0.0, c), np.append(0.0, s)))


def changes(experiments: xr.Dataset) -> Rows:
    """Experiments 2 to 4: reward and cost of every phase, published and ours."""
    rows = []
    for name, known in ((DRIFT, published.DRIFT), (DEGRADED, published.DEGRADED)):
        for level, phases in known.items():
            for p, (reward, ratio) in enumerate(phases):
                one = experiments.sel(experiment=name, level=level).isel(phase=p)
                rows.append((
                    name, f"{level}, phase {p + 1}", f"{reward:.4f}", plus_minus(one["reward"]), f"{ratio:.2f}",
                    plus_minus(one["cost"] / float(one["budget"]), 3),
                ))  # fmt: skip
    for level, (reward, cost, share, adopted) in published.ONBOARDING.items():
        one = experiments.sel(experiment=ONBOARDING, level=level).isel(phase=0)
        budget, late = float(one["budget"]), one["adopted"].values
        rows.append((
            ONBOARDING, level, f"{reward:.3f}", plus_minus(one["reward"]), f"{cost / budget:.2f}",
            plus_minus(one["cost"] / budget, 3),
        ))  # fmt: skip
        new = one["share"].isel(model=FLASH)
        found = "none" if np.isnan(late).all() else f"{np.nanmean(late):.0f} ({int(np.isfinite(late).sum())} seeds)"
        rows.append((ONBOARDING, f"{level}: share of the new model", f"{share:.3f}", plus_minus(new, 3), "", ""))
        rows.append((ONBOARDING, f"{level}: adopted at request", str(adopted), found, "", ""))
    columns = ("experiment", "budget", "reward: published", "ours", "cost / budget: published", "ours ")
    return Rows(columns, tuple(rows))


def parts(pacer: xr.Dataset) -> Rows:
    """Gains over the mix at equal spend of every variant, with the share of the cheapest model."""
    rows = []
    for variant in pacer["variant"].values:
        cells = []
        for i in range(pacer.sizes["budget"]):
            one = pacer.sel(variant=variant).isel(budget=i)
            ratio = float(one["cost"].mean() / one["budget"])
            over = f", spends {ratio:.2f} B" if ratio > 1.05 else ""
            cells.append(f"{float(one['gain_hindsight']):+.4f} ({float(one['share'][LLAMA]):.0%} Llama{over})")
        rows.append((str(variant), *cells))
    return Rows(("pacer", *(f"B = {each:.3g}" for each in pacer["budget"].values)), tuple(rows))


def contest(court: xr.Dataset) -> Rows:
    """Reward at cost of every policy for every budget and alpha, and which does best."""
    rows = []
    for target in court["target"].values:
        one = court.sel(target=target)
        cells = [_cell(one.sel(policy=name)) for name in court["policy"].values]
        rows.append((str(target), *cells, best(one)))
    return Rows(("target", *map(str, court["policy"].values), "best that keeps the target"), tuple(rows))


def _cell(one: xr.Dataset) -> str:
    missed = "" if keeps(one) else ", misses"
    return f"{float(one['reward'].mean()):.4f} at {float(one['cost'].mean()):.3g} ({float(one['gain']):+.4f}{missed})"


def keeps(one: xr.Dataset) -> bool:
    """Whether the mean over seeds keeps the target, within 5% of the budget or .01 of alpha, as in the bench."""
    if str(one["track"].values) == CEILING:
        return bool(one["cost"].mean() <= 1.05 * one["level"])
    return bool(one["reward"].mean() >= one["level"] - 0.01)


def best(one: xr.Dataset) -> str:
    """Among those that keep the target: the policy of largest gain over the mix (ceiling), or of least cost (floor)."""
    on_ceiling = str(one["track"].values) == CEILING
    score = one["gain"] if on_ceiling else -one["cost"].mean("seed")
    kept = {str(name): float(score.sel(policy=name)) for name in one["policy"].values if keeps(one.sel(policy=name))}
    return max(kept, key=kept.__getitem__) if kept else "none"
