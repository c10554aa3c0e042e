"""What is compared, checked before anything runs: targets, policies with their settings, scenarios."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from messjax.evaluation.bench import entrants, program, scenarios
from messjax.evaluation.bench.data import BenchData
from messjax.evaluation.bench.entrants import Entrant, Setting
from messjax.evaluation.bench.scenarios import Scenario
from messjax.evaluation.recommendation import requests
from messjax.evaluation.recommendation.requests import Requests

TRACKS = ("floor", "ceiling")
ALPHAS = (0.80, 0.85, 0.90, 0.92)
BUDGETS = 7
TUNED, DEFAULT = "tuned", "default"


class Options(NamedTuple):
    """What is compared, and how precisely.

    Attributes:
        policies: Names of policies; None: all.
        scenarios: Names of scenarios; None: all.
        tracks: Of "floor" and "ceiling".
        alphas: Targets of the floor track.
        budgets: Targets of the ceiling track, cost per request; None: seven from the cheapest model's listed cost to
            the dearest one's, in equal ratios.
        seeds: Number of paired streams.
        tuning_seeds: Number of streams that settings are chosen on.
        horizon: Requests of a stream; None: all judged requests.
        lanes: Lanes of a call of the compiled program, rounded up to whole groups of seeds on every device.
        replicates: Bootstrap replicates.
        tolerance: Largest tolerable violation of alpha.
        overspend: Largest tolerable spending over the budget, as a share of it.
        seed: Seed of everything random.
        timed: Whether microseconds per decision are measured as well, which compiles a program per policy.
    """

    policies: tuple[str, ...] | None = None
    scenarios: tuple[str, ...] | None = None
    tracks: tuple[str, ...] = TRACKS
    alphas: tuple[float, ...] = ALPHAS
    budgets: tuple[float, ...] | None = None
    seeds: int = 32
    tuning_seeds: int = 4
    horizon: int | None = None
    lanes: int = 128
    replicates: int = 400
    tolerance: float = 0.01
    overspend: float = 0.05
    seed: int = 7
    timed: bool = False


class Target(NamedTuple):
    """A target of a track.

    Attributes:
        track: "floor" or "ceiling".
        level: alpha, or the budget per request.
    """

    track: str
    level: float

    @property
    def label(self) -> str:
        """For example "alpha 0.9" or "budget 0.000664"."""
        return f"{'alpha' if self.track == 'floor' else 'budget'} {self.level:.3g}"


class Plan(NamedTuple):
    """Everything that is known before anything runs.

    Attributes:
        data: The requests.
        options: What is asked for.
        targets: All targets of all tracks.
        entrants: Policies by name.
        scenarios: Scenarios by name.
        stacks: Of each policy the structure and the numbers of its settings, the tuned ones before the defaults.
        defaults: Of each policy the number of its default setting for every target that it has one for.
    """

    data: BenchData
    options: Options
    targets: list[Target]
    entrants: dict[str, Entrant]
    scenarios: dict[str, Scenario]
    stacks: dict[str, Any]
    defaults: dict[str, dict[Target, int]]


def budgets_of(data: BenchData, options: Options) -> np.ndarray:
    """The budgets of the ceiling track.

    Args:
        data: The data.
        options: The options.

    Returns:
        Budgets [B], cost per request.

    Raises:
        ValueError: A budget below the listed cost of the cheapest model.
    """
    cost = data.listed_cost
    if options.budgets is None:
        return np.geomspace(max(float(cost[0]), 1e-12), max(float(cost[-1]), 1e-12), BUDGETS)
    result = np.array(options.budgets, np.float64)
    for budget in result:
        if not budget >= cost[0] * (1.0 - 1e-9):
            raise ValueError(
                f"--budgets: found {budget:g}, below what the cheapest model {data.models[0]} costs per request; "
                f"expected at least {cost[0]:.4g} {data.cost_unit.removesuffix(' per request')}"
            )
    return result


def planned(data: BenchData, options: Options, own: Mapping[str, entrants.Build] = {}) -> Plan:
    """Check everything, and put the settings of every policy into arrays.

    Args:
        data: The data.
        options: The options.
        own: Further policies.

    Returns:
        The plan.

    Raises:
        ValueError: As `run_bench`.
    """
    if bad_tracks := [track for track in options.tracks or ("none",) if track not in TRACKS]:
        raise ValueError(f"--track: found {bad_tracks[0]!r}, expected some of {', '.join(TRACKS)}")
    if options.policies == () and not own:
        raise ValueError(f"--policies: found none, expected some of {', '.join(entrants.ENTRANTS)}")
    if bad := [alpha for alpha in options.alphas if not 0.0 < alpha < 1.0]:
        raise ValueError(f"--alpha: found {bad[0]:g}, expected numbers between 0 and 1")
    num = len(data.parts.judging.rows)
    data = data._replace(horizon=min(options.horizon or num, num))
    budgets = budgets_of(data, options)
    targets = [Target("floor", float(alpha)) for alpha in options.alphas if "floor" in options.tracks]
    targets += [Target("ceiling", float(budget)) for budget in budgets if "ceiling" in options.tracks]
    names = (*entrants.ENTRANTS, *own) if options.policies is None else (*options.policies, *own)
    found = entrants.make(list(dict.fromkeys(names)), data, budgets, own)
    asked = {entrants.plain(name) for name in options.policies or ()}
    made = scenarios.make(scenarios.possible(data) if options.scenarios is None else list(options.scenarios), data)
    if options.policies is not None and options.scenarios is not None:
        for policy, scenario in ((p, s) for p in found if entrants.plain(p) in asked for s in made):
            if reason := unsuitable(found[policy], made[scenario]):
                raise ValueError(f"--scenarios: {scenario!r} {reason} policy {policy!r} needs; leave one of them out")
    stacks, defaults = {}, {}
    for name, one in found.items():
        native = {target: one.default(*target) for target in targets}
        more = [(target, setting) for target, setting in native.items() if setting is not None]
        every: list[Setting] = [*one.settings, *(setting for _, setting in more)]
        stacks[name] = program.stack([each.policy for each in every], [each.controls for each in every])
        defaults[name] = {target: len(one.settings) + i for i, (target, _) in enumerate(more)}
    return Plan(data, options, targets, found, made, stacks, defaults)


def unsuitable(one: Entrant, scenario: Scenario) -> str:
    """Why a policy cannot run in a scenario.

    Args:
        one: The policy.
        scenario: The scenario.

    Returns:
        The reason, or "" where it can.
    """
    if one.needs_label and bool(scenario.one_sided):
        return "withholds the outcomes of models that did not serve, which"
    if not one.follows_availability and not bool(scenario.available.all()):
        return "takes models away or adds them, which is more than"
    return ""


def tables(plan: Plan) -> tuple[program.Table, program.Table]:
    """The tuning and the judging streams, of the same shapes.

    Args:
        plan: The plan.

    Returns:
        Both tables.
    """
    options, parts = plan.options, plan.data.parts
    num = len(parts.judging.rows)
    horizon = plan.data.horizon
    rng = np.random.default_rng((options.seed, 3))
    tuning = requests.resampled(len(parts.tuning.rows), horizon, options.seeds, rng)
    judging = requests.orders(num, horizon, options.seeds, rng)
    size = max(num, len(parts.tuning.rows))
    phase = scenarios.phase_of(horizon)

    def table(part: Requests, rows: np.ndarray) -> program.Table:
        def padded(values: np.ndarray) -> np.ndarray:
            array = np.zeros((size, values.shape[1]), np.float32)
            array[: len(values)] = values
            return array

        listed = plan.data.listed_cost.astype(np.float32)
        judged = part.satisfaction if plan.data.judged is None else plan.data.judged[part.rows]
        x, s, cost, other = (padded(each) for each in (part.features, part.satisfaction, part.cost, judged))
        return program.Table(x, s, cost, listed, rows.astype(np.int32), phase, other)

    return table(parts.tuning, tuning), table(parts.judging, judging)
