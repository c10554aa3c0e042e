"""The runs of the study: settings are chosen on tuning streams, the chosen ones are measured on fresh ones, paired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
import xarray as xr

from messjax.engine.grid_sweep import sweep
from messjax.statistics import intervals
from messjax.theory import optimum
from messjax.types import Controls
from sims.common import comparison
from sims.common.worlds import World
from sims.studies.better import policies as candidates
from sims.studies.better import terms
from sims.studies.better.policies import Candidate

TUNING, FRESH = 19, 20  # keys; of a trace: other orders of the same requests
# Levels at which a setting must keep alpha while tuning. Of our hundreds some would keep it by luck; the published ones
# have the benefit of the doubt: what is not quite sure to keep alpha is cheaper to compare with.
THEIRS, OWN = 0.95, 0.999
BLOCK = 32  # streams per call, part of the program
ROLES = ("published", "ours", "no more known", "prefix for nothing")
METRICS = ("cost", "cost_exploit", "satisfaction", "queue_last", "queue_mean", "explored", "S", "exploration_queue")


class Size(NamedTuple):
    """How many streams."""

    tuning: int
    fresh: int


class Setting(NamedTuple):
    """A candidate at one point of its grid, on the tuning streams."""

    candidate: Candidate
    place: tuple[int, ...]  # in V, kappa and c
    V: float
    kappa: float
    c: float
    cost: float  # full ledger, per request; without what was paid before the first one
    cost_exploit: float
    satisfaction: float
    at_alpha: float
    kept: bool


def compare_candidates(world: World, size: Size, *, mlp: bool, only: Sequence[str] = ()) -> xr.Dataset:
    """Every candidate's best setting, and the metrics on fresh streams of those chosen for a role."""
    theirs = {
        each.name: [s for s in tried(each, world, size.tuning, THEIRS) if s.place[1] == 0]  # the others repeat it
        for each in candidates.published(world, mlp)
    }
    own = {each.name: tried(each, world, size.tuning, OWN) for each in candidates.ours(world, only)}
    chosen = choose([s for each in theirs.values() for s in each], [s for each in own.values() for s in each])
    played: dict[str, xr.Dataset] = {}
    for role, setting in chosen.items():
        same = [done for done in played if chosen[done].place == setting.place and _alike(chosen[done], setting)]
        played[role] = played[same[0]] if same else measured(setting, world, size, split=role in ROLES[:2])
    rows = [_row(chosen[role], world, runs) for role, runs in played.items()]
    result = xr.concat(
        [runs.assign(row) for runs, row in zip(played.values(), rows, strict=True)],
        dim=xr.Variable("role", list(ROLES)),
    )
    return result.merge(_tuned(theirs | own)).assign_attrs(_about(world, size, chosen["published"]))


def tried(candidate: Candidate, world: World, num_streams: int, level: float) -> list[Setting]:
    """Every point of a candidate's grid on the tuning streams; it must keep alpha at this level."""
    runs = _grid(candidate, world, TUNING, num_streams)
    points = {name: runs[name].transpose("V", "alpha", ..., "stream").values for name in METRICS[:3]}
    kept = np.asarray(intervals.interval(world.alpha - points["satisfaction"], level).upper) <= 0
    cost, exploit, satisfied = (np.asarray(values, np.float64).mean(axis=-1) for values in points.values())
    at_alpha = cost + world.blind_price() * (world.alpha - satisfied)
    c = np.atleast_1d(candidate.c)
    return [
        Setting(
            candidate,
            place,
            float(candidate.V[place[0]]),
            float(candidate.kappa[place[1]]),
            float(c[place[2] if len(place) > 2 else 0]),
            float(cost[place]),
            float(exploit[place]),
            float(satisfied[place]),
            float(at_alpha[place]),
            bool(kept[place]),
        )
        for place in np.ndindex(*kept.shape)
    ]


def cheapest(settings: Sequence[Setting], *, free: bool = False) -> Setting:
    """The cheapest that kept alpha; where none did, what costs least brought to alpha. `free`: as is the prefix."""
    extra = 0.0 if free else 1.0
    if kept := [each for each in settings if each.kept]:
        return min(kept, key=lambda s: s.cost + extra * s.candidate.before)
    return min(settings, key=lambda s: s.at_alpha + extra * s.candidate.before)


def choose(theirs: Sequence[Setting], own: Sequence[Setting]) -> dict[str, Setting]:
    """By role: the best published; ours; ours that know no more beforehand; ours if a prefix costs nothing."""
    plain = [each for each in own if each.candidate.knows == candidates.NOTHING]
    result = cheapest(theirs), cheapest(own), cheapest(plain or own), cheapest(own, free=True)
    return dict(zip(ROLES, result, strict=True))


def measured(setting: Setting, world: World, size: Size, *, split: bool) -> xr.Dataset:
    """A setting's metrics [stream] on fresh streams; with `split` the regret of its twin with exact predictions."""
    if setting.candidate.fast:
        grid = _grid(setting.candidate, world, FRESH, size.fresh)
        runs = grid.isel(dict(zip(("V", "alpha", "c"), setting.place, strict=True)))
    else:
        runs = _at(setting, setting.candidate, world, size.fresh)
    result = runs[[*METRICS, "calls"]].drop_vars(("V", "alpha", "c", "a", "f"))
    brought = comparison.at_alpha(result.assign_coords(alpha=world.alpha), world) + setting.candidate.before
    regret = np.full(size.fresh, np.nan)
    if split and not world.recorded:
        twin = _at(setting._replace(c=0.0), candidates.exact(world, setting.candidate), world, size.fresh)
        regret = terms.regret(twin, world)
    return result.assign(at_alpha=("stream", brought), exact_regret=("stream", regret))


def _grid(candidate: Candidate, world: World, key: int, num_streams: int) -> xr.Dataset:
    """The candidate's whole grid. A value that stands in it several times is run once."""
    grid = {"V": candidate.V, "alpha": requested(world, candidate.kappa), "c": candidate.c}
    arrays = {name: np.unique(values, return_inverse=True) for name, values in grid.items() if np.ndim(values)}
    distinct = grid | {name: values for name, (values, _) in arrays.items()}
    runs = _sweep(candidate, world, Controls(**distinct, a=candidate.a), key, num_streams, BLOCK)
    return runs.isel({name: places for name, (_, places) in arrays.items()})


def _at(setting: Setting, candidate: Candidate, world: World, num_streams: int) -> xr.Dataset:
    alpha = float(requested(world, np.array(setting.kappa)))
    controls = Controls(V=setting.V, alpha=alpha, c=setting.c, a=candidate.a)
    return _sweep(candidate, world, controls, FRESH, num_streams, 2 * BLOCK)


def _sweep(
    candidate: Candidate, world: World, controls: Controls, key: int, num_streams: int, block: int
) -> xr.Dataset:
    """On one device: a program for several takes longer to compile than these small runs take to run."""
    return sweep(
        jax.random.key(key),
        controls,
        policy=candidate.policy,
        stream=world.stream,
        horizon=world.horizon,
        num_streams=num_streams,
        block=block,
        devices=1,
        models=world.models,
        cost_unit=world.cost_unit,
    )


def requested(world: World, kappa: np.ndarray) -> np.ndarray:
    """alpha + kappa, which the policy is run at."""
    return np.round(world.alpha + kappa, 6)


def _alike(left: Setting, right: Setting) -> bool:
    return left.candidate.name == right.candidate.name


def _row(setting: Setting, world: World, runs: xr.Dataset) -> dict[str, Any]:
    """Who plays a role, at what, whether it kept alpha, and the terms that T2 and T1 allow it."""
    score, own = comparison.score(runs.assign_coords(alpha=world.alpha), world), setting.candidate
    named = {"who": own.name, "knows": own.knows, "sla": score.sla, "kept_by": score.kept_by}
    at = {"V": setting.V, "kappa": setting.kappa, "c": setting.c, "a": own.a, "before": own.before}
    alpha = float(requested(world, np.array(setting.kappa)))
    result = {"one": int(own.one)} | terms.allowed(world, setting.V, alpha, own, setting.c, runs)
    return {name: ((), value) for name, value in (named | at | result).items()}


def _tuned(tried_: Mapping[str, Sequence[Setting]]) -> xr.Dataset:
    """Every candidate's best setting on the tuning streams."""
    best = [cheapest(settings) for settings in tried_.values()]
    rows = {
        "tuned_paid": [s.cost + s.candidate.before for s in best],
        "tuned_before": [s.candidate.before for s in best],
        "tuned_exploit": [s.cost_exploit for s in best],
        "tuned_satisfaction": [s.satisfaction for s in best],
        "tuned_at_alpha": [s.at_alpha + s.candidate.before for s in best],
        "tuned_kept": [int(s.kept) for s in best],
        "tuned_V": [s.V for s in best],
        "tuned_kappa": [s.kappa for s in best],
        "tuned_c": [s.c for s in best],
        "tuned_a": [s.candidate.a for s in best],
        "tuned_knows": [s.candidate.knows for s in best],
        "settings": [len(settings) for settings in tried_.values()],
        "settings_kept": [sum(s.kept for s in settings) for settings in tried_.values()],
    }
    return xr.Dataset({k: ("candidate", v) for k, v in rows.items()}, coords={"candidate": list(tried_)})


def _about(world: World, size: Size, best: Setting) -> dict[str, Any]:
    solved = optimum.solve(terms.distribution(world), world.alpha)
    return {
        "alpha": world.alpha,
        "horizon": world.horizon,
        "cost_unit": world.cost_unit,
        "recorded": int(world.recorded),
        "optimal_cost": solved.cost,
        "gamma": solved.gamma,
        "blind_cost": optimum.solve(world.blind(), world.alpha).cost,
        "compared": "cost" if best.kept else "cost at alpha",
        "model_cost": world.cost,
        "model_accuracy": world.accuracy,
        "tuning_streams": size.tuning,
        "keys": f"tuning {TUNING}, fresh {FRESH}; to be kept while tuning at {THEIRS} (published), {OWN} (ours)",
    }
