"""The tables of the study."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from rich.table import Table

from messjax.statistics import intervals
from sims.common import worlds
from sims.common.published_results import (
    AVERAGES,
    LEDGERS,
    LINES,
    NOT_HAD,
    REPORTED,
    SKILLS,
    Reached,
    at_alpha,
    learned,
    least_skill,
    mean_of,
    points,
    skill_of,
)
from sims.common.study import Results


def tabulate(result: Results) -> Sequence[Table]:
    """The published table with what stands beside it; MESS+ by skill; what reaches the reported points."""
    return [_published(result), _by_skill(result), _by_V(result), _reaching(result)]


def _published(result: Results) -> Table:
    out = Table(
        title="MJ for the whole benchmark; in brackets satisfaction",
        caption="coin: between cheapest and most expensive model, as alpha demands. Ours: V = 1e-6 per J, all c "
        "together, as their table; 'running' is the mean over steps of the running "
        "satisfaction, which is what their table says",
    )
    models = [str(model) for model in next(iter(result.values()))["model"].values]
    out.add_column("")
    for column in ("alpha", *models, *LINES, "MESS+ reported", "LP mixture there", "ours: exploit", "full"):
        out.add_column(column, justify="right")
    for column in ("satisfied", "running"):
        out.add_column(column, justify="right")
    for name, one in result.items():
        own = one.isel(sla_target=0)
        text = [f"{cost:.2f} ({s:.3f})" for cost, s in zip(one["single_cost"], one["single_accuracy"], strict=True)]
        reported = [NOT_HAD, "-"]
        if name in REPORTED:
            cost, satisfaction = REPORTED[name]
            reported = [
                f"{cost:.2f} ({satisfaction:.3f})",
                f"{float(one['LP mixture at'].sel(sla_target=satisfaction)):.2f}",
            ]
        lines = [f"{float(own[f'{line} at']):.2f}" for line in LINES]
        out.add_row(name, f"{one.attrs['alpha']:g}", *text, *lines, *reported, *_as_theirs([own]))
    rows = [one.isel(sla_target=0) for one in result.values()]
    prices = np.mean([one["single_cost"].values for one in rows], axis=0)
    lines = [f"{mean_of(result, line):.2f}" for line in LINES]
    whole = len(result) == len(worlds.BENCHMARKS)
    others = ", ".join(f"{name} {cost:.2f}" for name, cost in AVERAGES.items()) if whole else "-"
    alpha = np.mean([one.attrs["alpha"] for one in rows])
    out.add_row("mean", f"{alpha:.4g}", *(f"{p:.2f}" for p in prices), *lines, others, "-", *_as_theirs(rows))
    return out


def _as_theirs(runs: Sequence[xr.Dataset]) -> list[str]:
    """Exploit and full cost, satisfaction at the end and running, of our MESS+ in the setting of their table."""
    at = [one.sel(policy=learned(one)[-1]).isel(V=0).mean(("c", "stream")) for one in runs]
    metrics = (("cost_exploit", 2), ("cost", 2), ("satisfaction", 3), ("running", 3))
    return [f"{np.mean([float(one[metric]) for one in at]):.{digits}f}" for metric, digits in metrics]


def _by_skill(result: Results) -> Table:
    out = Table(
        title="MESS+ at its cheapest published setting that kept alpha: MJ exploit only / full",
        caption="skill: share of the variance of mu explained (mean over models); * no setting kept alpha on the "
        "streams that it was chosen by, or this one significantly missed it on those that it is measured on",
    )
    first = next(iter(result.values()))
    heads = learned(first)
    out.add_column("")
    for name in (*SKILLS, *heads):
        skill = max(0.0, float(first["skill"].sel(policy=name)))
        out.add_column(name if name in heads else f"{name}, skill {skill:.2f}", justify="right")
    kept = {(p, ledger): at_alpha(result, p, ledger) for p in (*SKILLS, *heads) for ledger in LEDGERS}
    for name in result:
        out.add_row(name, *(_pair(*(kept[p, ledger][name] for ledger in LEDGERS)) for p in (*SKILLS, *heads)))
    mean = [
        " / ".join(f"{np.mean([one.cost.mean for one in kept[p, ledger].values()]):.2f}" for ledger in LEDGERS)
        for p in (*SKILLS, *heads)
    ]
    out.add_row("mean", *mean)
    return out


def _by_V(result: Results) -> Table:
    out = Table(
        title=f"one V for {len(result)} benchmarks at alpha, c = 0.1: mean MJ exploit only / full, how many keep alpha",
        caption="kept: not significantly below alpha at 95%",
    )
    first = next(iter(result.values()))
    names = [*SKILLS, *learned(first)]
    for column in ("V per J", *names):
        out.add_column(column, justify="right")
    for V in first["V"].values:
        cells = []
        for policy in names:
            at = [one.isel(sla_target=0).sel(policy=policy, V=V, c=0.1) for one in result.values()]
            kept = [intervals.interval(one["satisfaction"].values).upper >= one.attrs["alpha"] for one in at]
            paid = [np.mean([float(one[metric].mean()) for one in at]) for metric in LEDGERS.values()]
            cells.append(f"{paid[0]:.2f} / {paid[1]:.2f}, {sum(kept)}")
        out.add_row(f"{V / 1000:.0e}", *cells)
    return out


def _pair(exploit: Reached, full: Reached) -> str:
    return f"{exploit.cost.mean:.2f} / {full.cost.mean:.2f}{'' if full.enough else '*'}"


def _reaching(result: Results) -> Table:
    out = Table(
        title="least skill that reaches a reported point: costing no more and satisfying no less, at 95%",
        caption="of averages: one V and c for all eight benchmarks, each of which keeps its alpha",
    )
    for column in ("point", "ledger"):
        out.add_column(column)
    for column in (
        "MJ",
        "satisfaction",
        "LP mixture",
        "ratio",
        "sees",
        "skill",
        "sla_target",
        "V per J",
        "c",
        "MJ",
        "satisfied",
    ):
        out.add_column(column, justify="right")
    for name, point in points(result).items():
        for ledger in LEDGERS:
            head = [name, ledger, f"{point.cost:.2f}", f"{np.mean(point.wanted):.4g}"]
            head += [f"{point.mixture:.2f}", f"{point.cost / point.mixture:.2f}"]
            least = least_skill(point.runs, ledger, point.cost, point.wanted)
            if least is None:
                out.add_row(*head, "none", *[""] * 6)
                continue
            policy, at = least
            args = f"{at.sla_target:g}" if len(point.runs) == 1 else "alpha"
            reached = [f"{at.V / 1000:.0e}", f"{at.c:g}", f"{at.cost.mean:.2f}", f"{at.satisfaction.mean:.4f}"]
            out.add_row(*head, policy.removeprefix("sees "), f"{skill_of(point, policy):.2f}", args, *reached)
    return out
