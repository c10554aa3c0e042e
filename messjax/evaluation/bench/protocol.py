"""The protocol: tune, run every scenario, compare with the matched mix, decide. One Dataset comes out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from messjax import origin, run_folder
from messjax.evaluation.bench import entrants, program, timing
from messjax.evaluation.bench.cells import Cells
from messjax.evaluation.bench.data import BenchData
from messjax.evaluation.bench.finished_calls import FinishedCalls
from messjax.evaluation.bench.plan import Options, Plan, Target, budgets_of, planned, tables, unsuitable
from messjax.evaluation.bench.runner import Runner

OBJECTIVES = {
    "floor": "least cost among settings with mean satisfaction >= alpha on the tuning streams",
    "ceiling": "largest satisfaction among settings with mean cost <= budget on the tuning streams",
}


def run_bench(
    data: BenchData,
    options: Options | None = None,
    *,
    own: Mapping[str, entrants.Build] = {},
    progress: Callable[[int, int], None] | None = None,
) -> xr.Dataset:
    """Compare policies by the protocol.

    Settings are chosen on streams drawn from the tuning part, by one objective per track and once for all scenarios.
    All policies then meet the same judged requests in the same orders with the same random numbers.

    Args:
        data: Requests, in three parts.
        options: What is compared; by default `Options()`.
        own: Further policies by name, functions (data, budgets) -> `Entrant`.
        progress: Called as `progress(done, total)` with numbers of decisions.

    Returns:
        A Dataset with dimensions setting (tuned, default), policy, target, scenario, seed, phase, t and control.

    Raises:
        ValueError: A name that is not there, a budget below the cheapest model's listed cost, targets out of range, or
            a policy that a scenario asked for by name withholds the feedback or the models from.
    """
    started, options = time.perf_counter(), options or Options()
    plan = planned(data, options, own)
    tuning, judging = tables(plan)
    runner = Runner(plan, progress)
    finished = FinishedCalls(run_folder.parts_folder(), runner.size)
    chosen, reached = _tuned(plan, runner, tuning, finished)
    cells = Cells(plan, judging, chosen)
    names = list(plan.scenarios)
    done, cells.values = finished.cells()
    for call in runner.run(judging, _wanted(plan, chosen), plan.options.seeds, first=done):
        for name, g, k, steps in call:
            cells.add(name, g, names[k - 1], steps)
        done += 1
        finished.store_cells(done, cells.values)
    dataset = cells.dataset().assign(reached=(("policy", "target"), reached))
    if plan.options.timed:
        dataset = dataset.assign(_microseconds(plan, judging, runner))
    dataset.attrs |= origin.provenance() | {
        "created": origin.now(), "seconds": round(time.perf_counter() - started, 1), "source": data.source,
        "cost_unit": data.cost_unit, "horizon": int(judging.rows.shape[1]), "objectives": json.dumps(OBJECTIVES),
        "settings": json.dumps(_words(plan, chosen)), "decisions": runner.decisions, "calls": runner.calls,
        "budgets": json.dumps([float(b) for b in budgets_of(data, options)]), "seed": options.seed,
        "tolerance": options.tolerance, "overspend": options.overspend,
    }  # fmt: skip
    return dataset


def _microseconds(plan: Plan, table: program.Table, runner: Runner) -> dict[str, xr.DataArray]:
    """Microseconds per decision of every policy, and of the package that is installed beside messjax, if any."""
    about = {"units": "us", "long_name": f"processor time per decision, {runner.size} lanes side by side"}
    found = timing.per_policy(plan, table, runner)
    result = {"microseconds": xr.DataArray(list(found.values()), dims="policy", attrs=about)}
    package = timing.of_package(plan)
    if package is not None:
        about = {"units": "us", "long_name": f"processor time per decision of {timing.PACKAGE}, one after the other"}
        result["microseconds_package"] = xr.DataArray(package, attrs=about)
    return result


def _tuned(
    plan: Plan, runner: Runner, table: program.Table, finished: FinishedCalls
) -> tuple[dict[str, dict[Target, int]], np.ndarray]:
    """The setting of every policy for every target, chosen on the tuning streams of the stationary scenario.

    With it whether any setting reached the target there, [policy, target] bool.
    """
    count = {name: len(one.settings) for name, one in plan.entrants.items()}
    done, known = finished.tuning()
    averages = known or {name: [[0.0] * num, [0.0] * num] for name, num in count.items()}
    short = min(plan.options.tuning_seeds, plan.options.seeds)
    satisfaction = np.asarray(table.satisfaction)[np.asarray(table.rows)]
    wanted = {name: [(g, 0) for g in range(num)] for name, num in count.items()}
    for call in runner.run(table, wanted, short, first=done):
        for name, g, _, steps in call:
            there = steps.serve >= 0
            earned = np.take_along_axis(satisfaction[:short], np.maximum(steps.serve, 0).astype(np.intp)[..., None], -1)
            averages[name][0][g] = float(steps.paid.mean(dtype=np.float64))
            averages[name][1][g] = float((earned[..., 0] * there).mean(dtype=np.float64))
        done += 1
        finished.store_tuning(done, averages)
    measured = {name: tuple(map(np.array, averages[name])) for name in count}
    chosen = {name: {target: choose(target, *measured[name]) for target in plan.targets} for name in count}
    return chosen, np.array([[_fits(target, *measured[name]).any() for target in plan.targets] for name in count])


def _fits(target: Target, cost: np.ndarray, satisfaction: np.ndarray) -> np.ndarray:
    """Which settings reach the target [G]."""
    return satisfaction >= target.level if target.track == "floor" else cost <= target.level


def choose(target: Target, cost: np.ndarray, satisfaction: np.ndarray) -> int:
    """The setting that the objective of the track prefers; the one that misses least where none meets the target.

    Args:
        target: The target.
        cost: Mean costs of the settings [G].
        satisfaction: Mean satisfactions of the settings [G].

    Returns:
        Number of the setting.
    """
    fits = _fits(target, cost, satisfaction)
    better, missing = (cost, -satisfaction) if target.track == "floor" else (-satisfaction, cost)
    return int(np.argmin(np.where(fits, better, np.inf))) if fits.any() else int(np.argmin(missing))


def _wanted(plan: Plan, chosen: dict[str, dict[Target, int]]) -> dict[str, list[tuple[int, int]]]:
    """(setting, scenario) of every policy: the chosen settings everywhere, the defaults where nothing changes."""
    wanted = {}
    for name, one in plan.entrants.items():
        able = [k for k, each in enumerate(plan.scenarios.values(), start=1) if not unsuitable(one, each)]
        pairs = {(g, k) for g in set(chosen[name].values()) for k in able}
        first = list(plan.scenarios).index("stationary") + 1 if "stationary" in plan.scenarios else None
        pairs |= {(g, first) for g in plan.defaults[name].values() if first is not None}
        wanted[name] = sorted(pairs, key=lambda pair: (pair[1], pair[0]))
    return wanted


def _words(plan: Plan, chosen: dict[str, dict[Target, int]]) -> dict[str, Any]:
    """The chosen numbers of every policy and target, for the record."""
    return {
        name: {
            target.label: {k: float(v) for k, v in one.settings[chosen[name][target]].words.items()}
            for target in plan.targets
        }
        for name, one in plan.entrants.items()
    }
