"""Claim: on eight benchmarks MESS+ needs 1.07 MJ where RouteLLM and RouterDC need 2.11 and 2.09 ([M25], main table).

The numbers of that table that are to be had, beside single models, the static mixture that knows their averages only,
the offline and the clairvoyant optimum of requests calibrated to the same averages, and MESS+ on these requests: with
both heads learned online, and with frozen predictors of every skill (share of the variance of mu explained), over the
published V and c. Which reported points lie above the line of static mixtures, and what skill and V reach them?

    python -m sims published_table [--quick] [--out DIR]
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
import xarray as xr
from rich.table import Table

from messjax import policies
from messjax.statistics import intervals
from messjax.theory import optimum
from messjax.types import Distribution, Policy
from sims.common import controlled_predictors, routers, study, worlds
from sims.common.published_results import (
    AVERAGES,
    HEADS,
    LEDGERS,
    LINES,
    NOT_HAD,
    REPORTED,
    SHARES,
    SKILLS,
    Point,
    Reached,
    at_alpha,
    learned,
    least_skill,
    mean_of,
    points,
    skill_of,
)
from sims.common.study import Results
from sims.common.worlds import World
from sims.studies.published_table import figure

READINGS = ("cost", "cost_exploit", "satisfaction")
LABELS = 16_384  # requests drawn for the clairvoyant optimum
MORE = (0.0, 0.01, 0.02)  # beyond a reported satisfaction: what a short stream misses can be asked for (T10)
TIMES = 50  # checkpoints of the running satisfaction, which their table averages


def run(quick: bool) -> Results:
    """A Dataset per benchmark."""
    names = tuple(REPORTED) if quick else worlds.BENCHMARKS
    return {name: measure(worlds.benchmark(name), 16 if quick else 64, quick) for name in names}


def measure(world: World, num_streams: int, quick: bool) -> xr.Dataset:
    """MESS+ over (policy, asked, V, c, stream), with the lines of mixtures and optima over `level`, costs in MJ.

    Asked for are alpha and a bit more, or the reported satisfaction and a bit more. `choosing_*` are other streams.
    """
    cost, satisfaction = REPORTED.get(world.name, (np.nan, world.alpha + MORE[1]))
    args = np.round([world.alpha, *(satisfaction + np.array(MORE))], 6)
    heads = {name: routers.heads(world)[name] for name in HEADS[: 1 if quick else 2]}
    known = {
        name: controlled_predictors.partial_information(world.stream, share)
        for name, share in zip(SKILLS, SHARES, strict=True)
    }
    contenders = heads | {name: policies.mess_plus(predictor) for name, predictor in known.items()}
    runs = [_runs(world, policy, args, num_streams) for policy in contenders.values()]
    result = xr.concat(runs, dim="policy").assign_coords(policy=list(contenders))
    skill = [controlled_predictors.explained(world.stream, predictor) for predictor in known.values()]
    result["skill"] = ("policy", [np.nan] * len(heads) + skill)
    return _with_lines(result, world).assign_attrs(
        alpha=world.alpha, requests=world.horizon, reported_cost=cost, reported_satisfaction=satisfaction
    )


def _runs(world: World, policy: Policy, args: np.ndarray, num_streams: int) -> xr.Dataset:
    """One policy over (asked, V, c, stream): half of the streams to choose by, half to measure."""
    result = routers.play(
        world,
        jax.random.key(271),
        {"one": policy},  # the same name for all: names are part of a program
        2 * num_streams,
        V=np.array(worlds.PUBLISHED_V),
        alpha=args,
        c=worlds.PUBLISHED_C,
        checkpoints=TIMES,
        curves=("satisfaction",),
    ).isel(policy=0, drop=True)
    tried, measured = (result.isel(stream=slice(half, half + num_streams)) for half in (0, num_streams))
    both = measured[list(READINGS)].assign({f"choosing_{name}": tried[name].variable for name in READINGS})
    both["running"] = measured["satisfaction_curve"].mean("t")
    for name in ("cost", "cost_exploit", "choosing_cost", "choosing_cost_exploit"):
        both[name] = _mj(world, both[name]).assign_attrs(units="MJ")
    return both.drop_vars(("a", "f")).rename(alpha="asked")


def _with_lines(result: xr.Dataset, world: World) -> xr.Dataset:
    """With what mixing blindly, knowing mu and knowing labels cost at least: over `level`, and where asked."""
    drawn = worlds.draw(world.stream, jax.random.key(273), LABELS)
    ends = routers.ends_only(world)
    distributions = {
        "coin": world._replace(cost=ends[0], accuracy=ends[1]).blind(),
        "LP mixture": world.blind(),
        "C*": _distribution(world),
        "clairvoyant": Distribution(np.full(LABELS, 1.0 / LABELS), drawn.cost, drawn.satisfaction, "labels"),
    }
    level = np.linspace(world.accuracy.min(), world.accuracy.max(), 40)
    result = result.assign_coords(level=level, model=list(world.models)).assign(
        single_cost=("model", _mj(world, world.cost)), single_accuracy=("model", world.accuracy)
    )
    for name, distribution in distributions.items():
        result[name] = ("level", _costs(world, distribution, level))
        result[f"{name} at"] = ("asked", _costs(world, distribution, result["asked"].values))
    return result


def _mj(world: World, cost: Any) -> Any:
    """Of kJ per request MJ for the whole benchmark."""
    return cost * world.horizon / 1_000.0


def _distribution(world: World) -> Distribution:
    assert world.stream.distribution is not None
    result: Distribution = world.stream.distribution()
    return result


def _costs(world: World, distribution: Distribution, alphas: np.ndarray) -> np.ndarray:
    """The least cost at every alpha in MJ, NaN where it is out of reach."""
    reach = alphas <= optimum.largest_alpha(distribution)
    result = np.full(len(alphas), np.nan)
    result[reach] = [one.cost for one in optimum.solve_all(distribution, [float(alpha) for alpha in alphas[reach]])]
    return np.asarray(_mj(world, result))


# --- tables, figure, finding --------------------------------------------------------------------------------------


def tables(result: Results) -> Sequence[Table]:
    """The published table with what stands beside it; MESS+ by skill; what reaches the reported points."""
    return [_published(result), _by_skill(result), _by_V(result), _reaching(result)]


def _published(result: Results) -> Table:
    out = Table(
        title="MJ for the whole benchmark; in brackets satisfaction",
        caption="coin: between the cheapest and the dearest model, as alpha asks. Ours: V = 1e-6 per J, all c "
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
        own = one.isel(asked=0)
        text = [f"{cost:.2f} ({s:.3f})" for cost, s in zip(one["single_cost"], one["single_accuracy"], strict=True)]
        reported = [NOT_HAD, "-"]
        if name in REPORTED:
            cost, satisfaction = REPORTED[name]
            reported = [
                f"{cost:.2f} ({satisfaction:.3f})",
                f"{float(one['LP mixture at'].sel(asked=satisfaction)):.2f}",
            ]
        lines = [f"{float(own[f'{line} at']):.2f}" for line in LINES]
        out.add_row(name, f"{one.attrs['alpha']:g}", *text, *lines, *reported, *_as_theirs([own]))
    rows = [one.isel(asked=0) for one in result.values()]
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
        "streams that it was chosen by, or this one surely missed it on those that it is measured on",
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
        caption="kept: not surely below alpha at 95%",
    )
    first = next(iter(result.values()))
    names = [*SKILLS, *learned(first)]
    for column in ("V per J", *names):
        out.add_column(column, justify="right")
    for V in first["V"].values:
        cells = []
        for policy in names:
            at = [one.isel(asked=0).sel(policy=policy, V=V, c=0.1) for one in result.values()]
            kept = [intervals.interval(one["satisfaction"].values).upper >= one.attrs["alpha"] for one in at]
            paid = [np.mean([float(one[metric].mean()) for one in at]) for metric in LEDGERS.values()]
            cells.append(f"{paid[0]:.2f} / {paid[1]:.2f}, {sum(kept)}")
        out.add_row(f"{V / 1000:.0e}", *cells)
    return out


def _pair(exploit: Reached, full: Reached) -> str:
    return f"{exploit.cost.mean:.2f} / {full.cost.mean:.2f}{'' if full.enough else '*'}"


def _reaching(result: Results) -> Table:
    out = Table(
        title="the least skill with which MESS+ reaches a reported point: surely no dearer, not surely less satisfying",
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
        "asked",
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
            args = f"{at.asked:g}" if len(point.runs) == 1 else "alpha"
            reached = [f"{at.V / 1000:.0e}", f"{at.c:g}", f"{at.cost.mean:.2f}", f"{at.satisfaction.mean:.4f}"]
            out.add_row(*head, policy.removeprefix("sees "), f"{skill_of(point, policy):.2f}", args, *reached)
    return out


def finding(result: Results) -> str:
    """Every reported point against the blind mixture, and the least skill that reaches it."""
    parts = []
    for name, point in points(result).items():
        least = {ledger: least_skill(point.runs, ledger, point.cost, point.wanted) for ledger in LEDGERS}
        text = ", ".join(f"{ledger} {_least(point, one)}" for ledger, one in least.items())
        ratio = point.cost / point.mixture
        where = "above" if ratio > 1 else "below"
        parts.append(f"{name} {point.cost:.2f} MJ, {ratio:.2f} of the LP mixture: {where} its line (reached {text})")
    head = learned(next(iter(result.values())))[-1]
    means = {
        (policy, ledger): np.mean([one.cost.mean for one in at_alpha(result, policy, ledger).values()])
        for policy in (SKILLS[0], SKILLS[-1], head)
        for ledger in LEDGERS
    }
    skills = ", ".join(
        f"{policy} {means[policy, 'exploit only']:.2f} and {means[policy, 'full']:.2f}"
        for policy in (SKILLS[0], SKILLS[-1])
    )
    return (
        f"{'; '.join(parts)}. Mean MJ of {len(result)} at alpha: coin {mean_of(result, 'coin'):.2f}, LP mixture "
        f"{mean_of(result, 'LP mixture'):.2f}, C* {mean_of(result, 'C*'):.2f}; MESS+ exploit only and in full: "
        f"predictor {skills}, {head.removeprefix('MESS+, ')} online {means[head, 'exploit only']:.2f} "
        f"and {means[head, 'full']:.2f}; at the V of their table even an oracle {_at_their_V(result):.2f} "
        "exploit only"
    )


def _at_their_V(result: Results) -> float:
    """Mean MJ of MESS+ with an oracle at V = 1e-6 per J, exploit only, all c together."""
    at = [one["cost_exploit"].isel(asked=0, V=0).sel(policy=SKILLS[-1]) for one in result.values()]
    return float(np.mean([float(one.mean()) for one in at]))


def _least(point: Point, least: tuple[str, Reached] | None) -> str:
    if least is None:
        return "by none"
    return f"at skill {skill_of(point, least[0]):.2f}, V = {least[1].V / 1000:.0e} per J"


STUDY = study.Study("published_table", __doc__, run, tables, figure.draw, finding, quick="ARC-C and BoolQ, few streams")
main = STUDY.main


if __name__ == "__main__":
    sys.exit(main())
