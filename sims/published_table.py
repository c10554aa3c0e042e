"""Claim: on eight benchmarks MESS+ needs 1.07 MJ where RouteLLM and RouterDC need 2.11 and 2.09 ([M25], main table).

The numbers of that table that are to be had, beside single models, the static mixture that knows their averages only,
the offline and the clairvoyant optimum of requests calibrated to the same averages, and MESS+ on these requests: with
both heads learned online, and with frozen predictors of every skill (share of the variance of mu explained), over the
published V and c. Which reported points lie above the line of static mixtures, and what skill and V reach them?

    python -m sims.published_table [--quick] [--out DIR]
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import matplotlib
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from rich.table import Table

from messjax import optimum, plot, policies, stats
from messjax.stats import Interval
from messjax.types import Law, Policy
from sims import _routers, _skill, _study, _worlds
from sims._study import Found
from sims._worlds import World

# [M25], main table: MESS+'s cost (MJ, exploit steps only) and satisfaction, as far as they are to be had: text and
# abstract of arXiv 2505.19947; the cells of the other six benchmarks were not (see "Facts" in docs/theory.md).
REPORTED = {"ARC-C": (0.83, 0.536), "BoolQ": (0.90, 0.822)}
AVERAGES = {"MESS+": 1.07, "RouteLLM": 2.11, "RouterDC": 2.09}  # MJ, mean of the eight
NOT_HAD = "not published to us"
SHARES = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)  # of each logit's variance that a frozen predictor sees
LINES: dict[str, dict[str, Any]] = {  # what costs least at every satisfaction, and how it is drawn
    "coin": {"color": "0.6", "ls": (0, (3, 1, 1, 1)), "lw": 1.2},
    "LP mixture": {"color": "k", "ls": "-", "lw": 1.6},
    "C*": {"color": "0.45", "ls": (0, (5, 1.5)), "lw": 1.3},
    "clairvoyant": {"color": "0.45", "ls": (0, (1, 1)), "lw": 1.3},
}
SKILLS = tuple(f"sees {share:.0%}" for share in SHARES)
LEDGERS = {"exploit only": "cost_exploit", "full": "cost"}
READINGS = ("cost", "cost_exploit", "satisfaction")
LABELS = 16_384  # requests drawn for the clairvoyant optimum
MORE = (0.0, 0.01, 0.02)  # beyond a reported satisfaction: what a short stream misses can be asked for (T10)
HEADS = (_routers.LINEAR_HEAD, _routers.MLP_HEAD)
TIMES = 50  # checkpoints of the running satisfaction, which their table averages


def run(quick: bool) -> Found:
    """A Dataset per benchmark."""
    names = tuple(REPORTED) if quick else _worlds.BENCHMARKS
    return {name: measure(_worlds.benchmark(name), 16 if quick else 64, quick) for name in names}


def measure(world: World, num_streams: int, quick: bool) -> xr.Dataset:
    """MESS+ over (policy, asked, V, c, stream), with the lines of mixtures and optima over `level`, costs in MJ.

    Asked for are alpha and a bit more, or the reported satisfaction and a bit more. `choosing_*` are other streams.
    """
    cost, satisfaction = REPORTED.get(world.name, (np.nan, world.alpha + MORE[1]))
    asked = np.round([world.alpha, *(satisfaction + np.array(MORE))], 6)
    heads = {name: _routers.heads(world)[name] for name in HEADS[: 1 if quick else 2]}
    known = {name: _skill.seeing(world.stream, share) for name, share in zip(SKILLS, SHARES, strict=True)}
    contenders = heads | {name: policies.mess_plus(predictor) for name, predictor in known.items()}
    runs = [_runs(world, policy, asked, num_streams) for policy in contenders.values()]
    found = xr.concat(runs, dim="policy").assign_coords(policy=list(contenders))
    skill = [_skill.explained(world.stream, predictor) for predictor in known.values()]
    found["skill"] = ("policy", [np.nan] * len(heads) + skill)
    return _with_lines(found, world).assign_attrs(
        alpha=world.alpha, requests=world.horizon, reported_cost=cost, reported_satisfaction=satisfaction
    )


def _runs(world: World, policy: Policy, asked: np.ndarray, num_streams: int) -> xr.Dataset:
    """One policy over (asked, V, c, stream): half of the streams to choose by, half to measure."""
    found = _routers.play(
        world,
        jax.random.key(271),
        {"one": policy},  # the same name for all: names are part of a program
        2 * num_streams,
        V=np.array(_worlds.PUBLISHED_V),
        alpha=asked,
        c=_worlds.PUBLISHED_C,
        checkpoints=TIMES,
        curves=("satisfaction",),
    ).isel(policy=0, drop=True)
    tried, measured = (found.isel(stream=slice(half, half + num_streams)) for half in (0, num_streams))
    both = measured[list(READINGS)].assign({f"choosing_{name}": tried[name].variable for name in READINGS})
    both["running"] = measured["satisfaction_curve"].mean("t")
    for name in ("cost", "cost_exploit", "choosing_cost", "choosing_cost_exploit"):
        both[name] = _mj(world, both[name]).assign_attrs(units="MJ")
    return both.drop_vars(("a", "f")).rename(alpha="asked")


def _with_lines(found: xr.Dataset, world: World) -> xr.Dataset:
    """With what mixing blindly, knowing mu and knowing labels cost at least: over `level`, and where asked."""
    drawn = _worlds.draw(world.stream, jax.random.key(273), LABELS)
    ends = _routers.ends_only(world)
    laws = {
        "coin": world._replace(cost=ends[0], accuracy=ends[1]).blind(),
        "LP mixture": world.blind(),
        "C*": _law(world),
        "clairvoyant": Law(np.full(LABELS, 1.0 / LABELS), drawn.cost, drawn.satisfaction, "labels"),
    }
    level = np.linspace(world.accuracy.min(), world.accuracy.max(), 40)
    found = found.assign_coords(level=level, model=list(world.models)).assign(
        single_cost=("model", _mj(world, world.cost)), single_accuracy=("model", world.accuracy)
    )
    for name, law in laws.items():
        found[name] = ("level", _costs(world, law, level))
        found[f"{name} at"] = ("asked", _costs(world, law, found["asked"].values))
    return found


def _mj(world: World, cost: Any) -> Any:
    """Of kJ per request MJ for the whole benchmark."""
    return cost * world.horizon / 1_000.0


def _law(world: World) -> Law:
    assert world.stream.law is not None
    found: Law = world.stream.law()
    return found


def _costs(world: World, law: Law, alphas: np.ndarray) -> np.ndarray:
    """The least cost at every alpha in MJ, NaN where it is out of reach."""
    reach = alphas <= optimum.largest_alpha(law)
    found = np.full(len(alphas), np.nan)
    found[reach] = [one.cost for one in optimum.solve_all(law, [float(alpha) for alpha in alphas[reach]])]
    return np.asarray(_mj(world, found))


# --- what reaches the reported numbers ----------------------------------------------------------------------------


class Reached(NamedTuple):
    """MESS+ at its cheapest setting that was satisfying enough, averaged over one or several benchmarks."""

    cost: Interval  # MJ
    satisfaction: Interval
    asked: float
    V: float  # per kJ
    c: float
    enough: bool  # whether some setting was satisfying enough where it was chosen, and this one not surely less after


def cheapest(runs: Sequence[xr.Dataset], policy: str, ledger: str, wanted: Sequence[float]) -> Reached:
    """Over `runs` (policy, asked, V, c, stream) one setting, the cheapest that satisfies each as wanted.

    It is chosen on some streams and measured on others. Where none does: the one that lacks the least.
    """

    def of(reading: str) -> np.ndarray:
        return np.stack([one[reading].sel(policy=policy).transpose("asked", "V", "c", "stream").values for one in runs])

    name = LEDGERS[ledger]
    least = np.reshape(wanted, (-1, 1, 1, 1))
    beyond = (of("choosing_satisfaction").mean(axis=-1) - least).min(axis=0)
    good = beyond >= min(0.0, beyond.max())
    paid = np.where(good, of(f"choosing_{name}").mean(axis=(0, -1)), np.inf)
    i, V, c = (int(place) for place in np.unravel_index(int(paid.argmin()), paid.shape))
    satisfied = of("satisfaction")[:, i, V, c]
    lacking = stats.interval(satisfied).upper < np.asarray(wanted)
    return Reached(
        stats.interval(of(name)[:, i, V, c].mean(axis=0)),
        stats.interval(satisfied.mean(axis=0)),
        float(runs[0]["asked"][i]),
        float(runs[0]["V"][V]),
        float(runs[0]["c"][c]),
        bool(beyond.max() >= 0.0 and not lacking.any()),
    )


def least_skill(
    runs: Sequence[xr.Dataset], ledger: str, cost: float, wanted: Sequence[float]
) -> tuple[str, Reached] | None:
    """The least skilled frozen predictor with which MESS+ is surely no dearer, and nowhere surely less satisfying."""
    for policy in SKILLS:
        found = cheapest(runs, policy, ledger, wanted)
        if found.enough and found.cost.upper <= cost:
            return policy, found
    return None


def at_alpha(found: Found, policy: str, ledger: str) -> dict[str, Reached]:
    """Every benchmark at its alpha, each with a setting of its own."""
    own = {name: one.isel(asked=[0]) for name, one in found.items()}
    return {name: cheapest([one], policy, ledger, [one.attrs["alpha"]]) for name, one in own.items()}


# --- tables, figure, finding --------------------------------------------------------------------------------------


def tables(found: Found) -> Sequence[Table]:
    """The published table with what stands beside it; MESS+ by skill; what reaches the reported points."""
    return [_published(found), _by_skill(found), _by_V(found), _reaching(found)]


def _published(found: Found) -> Table:
    out = Table(
        title="MJ for the whole benchmark; in brackets satisfaction",
        caption="coin: between the cheapest and the dearest model, as alpha asks. Ours: V = 1e-6 per J, all c "
        "together, as their table; 'running' is the mean over steps of the running "
        "satisfaction, which is what their table says",
    )
    models = [str(model) for model in next(iter(found.values()))["model"].values]
    out.add_column("")
    for column in ("alpha", *models, *LINES, "MESS+ reported", "LP mixture there", "ours: exploit", "full"):
        out.add_column(column, justify="right")
    for column in ("satisfied", "running"):
        out.add_column(column, justify="right")
    for name, one in found.items():
        own = one.isel(asked=0)
        said = [f"{cost:.2f} ({s:.3f})" for cost, s in zip(one["single_cost"], one["single_accuracy"], strict=True)]
        reported = [NOT_HAD, "-"]
        if name in REPORTED:
            cost, satisfaction = REPORTED[name]
            reported = [
                f"{cost:.2f} ({satisfaction:.3f})",
                f"{float(one['LP mixture at'].sel(asked=satisfaction)):.2f}",
            ]
        lines = [f"{float(own[f'{line} at']):.2f}" for line in LINES]
        out.add_row(name, f"{one.attrs['alpha']:g}", *said, *lines, *reported, *_as_theirs([own]))
    rows = [one.isel(asked=0) for one in found.values()]
    prices = np.mean([one["single_cost"].values for one in rows], axis=0)
    lines = [f"{_mean(found, line):.2f}" for line in LINES]
    whole = len(found) == len(_worlds.BENCHMARKS)
    others = ", ".join(f"{name} {cost:.2f}" for name, cost in AVERAGES.items()) if whole else "-"
    alpha = np.mean([one.attrs["alpha"] for one in rows])
    out.add_row("mean", f"{alpha:.4g}", *(f"{p:.2f}" for p in prices), *lines, others, "-", *_as_theirs(rows))
    return out


def _mean(found: Found, line: str) -> float:
    """Over the benchmarks, each at its alpha."""
    return float(np.mean([float(one[f"{line} at"][0]) for one in found.values()]))


def learned(one: xr.Dataset) -> list[str]:
    """The heads that were learned online; of the quick version the linear one only."""
    return [name for name in HEADS if name in one["policy"].values]


def _as_theirs(runs: Sequence[xr.Dataset]) -> list[str]:
    """Exploit and full cost, satisfaction at the end and running, of our MESS+ in the setting of their table."""
    at = [one.sel(policy=learned(one)[-1]).isel(V=0).mean(("c", "stream")) for one in runs]
    readings = (("cost_exploit", 2), ("cost", 2), ("satisfaction", 3), ("running", 3))
    return [f"{np.mean([float(one[reading]) for one in at]):.{digits}f}" for reading, digits in readings]


def _by_skill(found: Found) -> Table:
    out = Table(
        title="MESS+ at its cheapest published setting that kept alpha: MJ exploit only / full",
        caption="skill: share of the variance of mu explained (mean over models); * no setting kept alpha where it was "
        "chosen, the most satisfying is shown; setting chosen on other streams",
    )
    first = next(iter(found.values()))
    heads = learned(first)
    out.add_column("")
    for name in (*SKILLS, *heads):
        skill = max(0.0, float(first["skill"].sel(policy=name)))
        out.add_column(name if name in heads else f"{name}, skill {skill:.2f}", justify="right")
    kept = {(p, ledger): at_alpha(found, p, ledger) for p in (*SKILLS, *heads) for ledger in LEDGERS}
    for name in found:
        out.add_row(name, *(_pair(*(kept[p, ledger][name] for ledger in LEDGERS)) for p in (*SKILLS, *heads)))
    mean = [
        " / ".join(f"{np.mean([one.cost.mean for one in kept[p, ledger].values()]):.2f}" for ledger in LEDGERS)
        for p in (*SKILLS, *heads)
    ]
    out.add_row("mean", *mean)
    return out


def _by_V(found: Found) -> Table:
    out = Table(
        title=f"one V for {len(found)} benchmarks at alpha, c = 0.1: mean MJ exploit only / full, how many keep alpha",
        caption="kept: not surely below alpha at 95%",
    )
    first = next(iter(found.values()))
    names = [*SKILLS, *learned(first)]
    for column in ("V per J", *names):
        out.add_column(column, justify="right")
    for V in first["V"].values:
        cells = []
        for policy in names:
            at = [one.isel(asked=0).sel(policy=policy, V=V, c=0.1) for one in found.values()]
            kept = [stats.interval(one["satisfaction"].values).upper >= one.attrs["alpha"] for one in at]
            paid = [np.mean([float(one[reading].mean()) for one in at]) for reading in LEDGERS.values()]
            cells.append(f"{paid[0]:.2f} / {paid[1]:.2f}, {sum(kept)}")
        out.add_row(f"{V / 1000:.0e}", *cells)
    return out


def _pair(exploit: Reached, full: Reached) -> str:
    return f"{exploit.cost.mean:.2f} / {full.cost.mean:.2f}{'' if full.enough else '*'}"


class Point(NamedTuple):
    """What was reported, and the runs that may reach it."""

    runs: Sequence[xr.Dataset]
    cost: float  # MJ
    wanted: Sequence[float]  # satisfactions
    mixture: float  # MJ of the LP mixture there


def points(found: Found) -> dict[str, Point]:
    """Every reported point by name; the averages stand for all benchmarks at alpha, what they satisfied is not had."""
    out = {}
    for name in (name for name in REPORTED if name in found):
        cost, satisfaction = REPORTED[name]
        mixed = float(found[name]["LP mixture at"].sel(asked=satisfaction))
        out[name] = Point([found[name]], cost, [satisfaction], mixed)
    if len(found) == len(_worlds.BENCHMARKS):
        own = [one.isel(asked=[0]) for one in found.values()]
        alphas = [one.attrs["alpha"] for one in own]
        for name, cost in AVERAGES.items():
            out[f"average, {name}"] = Point(own, cost, alphas, _mean(found, "LP mixture"))
    return out


def _reaching(found: Found) -> Table:
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
    for name, point in points(found).items():
        for ledger in LEDGERS:
            head = [name, ledger, f"{point.cost:.2f}", f"{np.mean(point.wanted):.4g}"]
            head += [f"{point.mixture:.2f}", f"{point.cost / point.mixture:.2f}"]
            least = least_skill(point.runs, ledger, point.cost, point.wanted)
            if least is None:
                out.add_row(*head, "none", *[""] * 6)
                continue
            policy, at = least
            asked = f"{at.asked:g}" if len(point.runs) == 1 else "alpha"
            reached = [f"{at.V / 1000:.0e}", f"{at.c:g}", f"{at.cost.mean:.2f}", f"{at.satisfaction.mean:.4f}"]
            out.add_row(*head, policy.removeprefix("sees "), f"{_skill_of(point, policy):.2f}", asked, *reached)
    return out


def _skill_of(point: Point, policy: str) -> float:
    return max(0.0, float(np.mean([float(one["skill"].sel(policy=policy)) for one in point.runs])))


def figure(found: Found) -> Figure:
    """A panel per benchmark: cost against satisfaction."""
    columns = min(4, len(found))
    rows = -(-len(found) // columns)
    with matplotlib.rc_context(plot.STYLE):
        drawn = Figure(figsize=(max(2.5 * columns, 9.2), 3.0 * rows + 1.5), layout="constrained")
        axes = drawn.subplots(rows, columns, squeeze=False)
        for axis, (name, one) in zip(axes.flat, found.items(), strict=False):
            _panel(axis, name, one)
        for axis in axes[:, 0]:
            axis.set_ylabel("MJ for the whole benchmark")
        for axis in axes[-1]:
            axis.set_xlabel("satisfied requests / requests")
        head = learned(next(iter(found.values())))[-1].removeprefix("MESS+, ")
        drawn.legend(handles=_legend(head), loc="outside lower center", ncols=3)
        drawn.suptitle(
            "The published benchmarks: what mixing blindly costs, what skill buys, and what was reported. Requests\n"
            "calibrated to the published averages; MESS+ at its cheapest published V and c that kept alpha",
            fontsize=10,
        )
        return drawn


SHADES = [str(shade) for shade in np.linspace(0.85, 0.0, len(SHARES))]


def _panel(axis: Axes, name: str, one: xr.Dataset) -> None:
    for line, style in LINES.items():
        axis.plot(one["level"].values, one[line].values, **style)
    axis.plot(one["single_accuracy"].values, one["single_cost"].values, "kD", ms=5, mfc="white")
    for ledger, marker in (("exploit only", "o"), ("full", "s")):
        for policy, shade in zip(SKILLS, SHADES, strict=True):
            _point(axis, at_alpha({name: one}, policy, ledger)[name], marker, "k", shade)
        _point(axis, at_alpha({name: one}, learned(one)[-1], ledger)[name], marker, plot.COLORS[0], plot.COLORS[0])
    if name in REPORTED:
        axis.plot(*REPORTED[name][::-1], "*", color=plot.COLORS[1], ms=12, mec="k", mew=0.6)
    axis.axvline(one.attrs["alpha"], color="0.7", lw=0.8, ls=":", zorder=0)
    axis.set(title=f"{name}, alpha = {one.attrs['alpha']:g}", yscale="log")
    low, high = axis.get_ylim()
    ticks = [t * 10.0**k for k in (-2, -1, 0) for t in (1, 2, 5) if low <= t * 10.0**k <= high]
    axis.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.minorticks_off()


def _point(axis: Axes, at: Reached, marker: str, edge: str, face: str) -> None:
    x, y = at.satisfaction, at.cost
    axis.errorbar(
        x.mean, y.mean, xerr=[[x.mean - x.lower], [x.upper - x.mean]], yerr=[[y.mean - y.lower], [y.upper - y.mean]],
        fmt=marker, ms=4.5, mfc=face, mec=edge, ecolor="0.4", elinewidth=0.7, mew=0.6,
    )  # fmt: skip


def _legend(heads: str) -> list[Line2D]:
    labels = {"coin": "coin: cheapest or dearest model", "LP mixture": "LP mixture (averages only)"}
    labels |= {"C*": "C* (knows mu)", "clairvoyant": "clairvoyant (knows labels)"}
    handles = [Line2D([], [], label=labels[line], **style) for line, style in LINES.items()]
    handles.append(Line2D([], [], color="k", marker="D", mfc="white", ls="", label="one model"))
    star: dict[str, Any] = {"color": plot.COLORS[1], "marker": "*", "ms": 11, "mec": "k", "mew": 0.6, "ls": ""}
    handles.append(Line2D([], [], label="reported (exploit only)", **star))
    for ledger, marker in (("exploit only", "o"), ("full", "s")):
        for policy, shade in ((SKILLS[0], SHADES[0]), (SKILLS[-1], SHADES[-1])):
            label = f"MESS+, {ledger}: {policy}"
            handles.append(Line2D([], [], color="k", marker=marker, mfc=shade, ls="", ms=5, label=label))
        online = f"MESS+, {ledger}: {heads} online"
        handles.append(Line2D([], [], color=plot.COLORS[0], marker=marker, ls="", ms=5, label=online))
    return handles


def finding(found: Found) -> str:
    """Every reported point against the blind mixture, and the least skill that reaches it."""
    parts = []
    for name, point in points(found).items():
        least = {ledger: least_skill(point.runs, ledger, point.cost, point.wanted) for ledger in LEDGERS}
        said = ", ".join(f"{ledger} {_least(point, one)}" for ledger, one in least.items())
        ratio = point.cost / point.mixture
        where = "above" if ratio > 1 else "below"
        parts.append(f"{name} {point.cost:.2f} MJ, {ratio:.2f} of the LP mixture: {where} its line (reached {said})")
    head = learned(next(iter(found.values())))[-1]
    means = {
        (policy, ledger): np.mean([one.cost.mean for one in at_alpha(found, policy, ledger).values()])
        for policy in (SKILLS[0], SKILLS[-1], head)
        for ledger in LEDGERS
    }
    skills = ", ".join(
        f"{policy} {means[policy, 'exploit only']:.2f} and {means[policy, 'full']:.2f}"
        for policy in (SKILLS[0], SKILLS[-1])
    )
    return (
        f"{'; '.join(parts)}. Mean MJ of {len(found)} at alpha: coin {_mean(found, 'coin'):.2f}, LP mixture "
        f"{_mean(found, 'LP mixture'):.2f}, C* {_mean(found, 'C*'):.2f}; MESS+ exploit only and in full: predictor "
        f"{skills}, {head.removeprefix('MESS+, ')} online {means[head, 'exploit only']:.2f} and "
        f"{means[head, 'full']:.2f}; at the V of their table even an oracle {_at_their_V(found):.2f} exploit only"
    )


def _at_their_V(found: Found) -> float:
    """Mean MJ of MESS+ with an oracle at V = 1e-6 per J, exploit only, all c together."""
    at = [one["cost_exploit"].isel(asked=0, V=0).sel(policy=SKILLS[-1]) for one in found.values()]
    return float(np.mean([float(one.mean()) for one in at]))


def _least(point: Point, least: tuple[str, Reached] | None) -> str:
    if least is None:
        return "by none"
    return f"at skill {_skill_of(point, least[0]):.2f}, V = {least[1].V / 1000:.0e} per J"


STUDY = _study.Study("published_table", __doc__, run, tables, figure, finding, quick="ARC-C and BoolQ, few streams")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study."""
    return _study.main(STUDY, arguments)


if __name__ == "__main__":
    sys.exit(main())
