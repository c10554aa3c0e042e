"""The Dataset of a comparison: metrics, gains and verdicts of every policy, and the controls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from messjax.evaluation.bench import bootstrap, measures, mixes, program, scenarios
from messjax.evaluation.bench.plan import DEFAULT, TUNED, Plan, Target


class Cells:
    """The Dataset as it fills, one policy in one scenario after the other."""

    def __init__(self, plan: Plan, table: program.Table, chosen: Mapping[str, Mapping[Target, int]]) -> None:
        self.plan = plan
        self.chosen = chosen
        self.rows, self.phase = np.asarray(table.rows), np.asarray(table.phase)
        judging = plan.data.parts.judging
        num, horizon = len(judging.rows), self.rows.shape[1]
        options = plan.options
        self.drawn = bootstrap.replicates(self.rows, num, options.replicates, options.seed)
        self.points = np.unique(np.linspace(1, horizon, min(measures.POINTS, horizon)).astype(int))
        self.real = {
            name: mixes.realised(each, judging.cost, judging.satisfaction, self.rows, self.phase)
            for name, each in plan.scenarios.items()
        }
        self.mixes = {name: self._mixes(name) for name in plan.scenarios}
        self.values: dict[str, np.ndarray] = {}

    def _mixes(self, name: str) -> tuple[bootstrap.Mix, bootstrap.Mix]:
        """The static mixes of a scenario: of models chosen beforehand, and in hindsight."""
        allowed = np.all(self.plan.scenarios[name].available, axis=0)
        cost, s = self.real[name].means
        replicated = bootstrap.model_means(self.drawn, self.real[name])
        before, after = mixes.hull(*self.plan.data.validation, allowed), mixes.hull(cost, s, allowed)
        order = np.argsort(cost[before], kind="stable")  # prices may have changed the order of cost
        return tuple(bootstrap.Mix(v, cost, s, *replicated) for v in (before[order], after))  # type: ignore[return-value]

    def add(self, name: str, g: int, scenario: str, steps: program.Steps) -> None:
        """Put one policy's streams in one scenario where they belong: every target that this setting is for.

        Args:
            name: Name of the policy.
            g: Number of its setting.
            scenario: Name of the scenario.
            steps: What happened on all streams.
        """
        played = measures.path(steps, self.real[scenario])
        uses = [(TUNED, target) for target, own in self.chosen[name].items() if own == g]
        uses += [(DEFAULT, target) for target, own in self.plan.defaults[name].items() if own == g]
        own = bootstrap.of_path(played, self.drawn)
        gains = bootstrap.gains(own, *self.mixes[scenario])
        curves = measures.curves(played, self.points)
        for setting, target in uses:
            at = self._place(setting, name, target, scenario)
            found = measures.per_stream(played, *target)
            found |= measures.delays(played, self.plan.scenarios[scenario], self.phase, *target)
            for key, value in found.items():
                self._put(key, at, value)
            for key, value in measures.per_phase(played, self.phase, *target).items():
                self._put(key, at, value)
            for key, value in curves.items():
                self._put(key, at, value)
            self._put("regret", at, self._regret(played, scenario, target))
            for key, number in {**gains, **bootstrap.violations(own, *target)}.items():
                self._put(key, at, np.float64(number))

    def _place(self, setting: str, name: str, target: Target, scenario: str) -> tuple[int, int, int, int]:
        return (
            (TUNED, DEFAULT).index(setting), list(self.plan.entrants).index(name), self.plan.targets.index(target),
            list(self.plan.scenarios).index(scenario),
        )  # fmt: skip

    def _put(self, key: str, at: tuple[int, ...], value: Any) -> None:
        value = np.asarray(value, np.float64)
        if key not in self.values:
            self.values[key] = np.full((*self._shape(), *value.shape), np.nan)
        self.values[key][at] = value

    def _shape(self) -> tuple[int, ...]:
        return (2, len(self.plan.entrants), len(self.plan.targets), len(self.plan.scenarios))

    def _regret(self, played: measures.Path, scenario: str, target: Target) -> np.ndarray:
        """Regret of every stream to the best static mix of each phase, which knows the phase's means.

        Of the floor track it is the adjusted one (T5): cost less that of the mix, plus its price of satisfaction times
        what is missing of alpha.
        """
        total = np.zeros(len(played.paid))
        for p in range(scenarios.PHASES):
            mask = self.phase == p
            cost, s = (each[:, mask].mean(axis=(0, 1)) for each in self.real[scenario])
            vertices = mixes.hull(cost, s, self.plan.scenarios[scenario].available[p])
            paid, earned = played.paid[:, mask].sum(axis=1), played.satisfaction[:, mask].sum(axis=1)
            if target.track == "floor":
                best, price = mixes.cheapest(vertices, cost, s, target.level)
                total += paid - mask.sum() * best + price * (mask.sum() * target.level - earned)
            else:
                total += mask.sum() * mixes.matched(vertices, cost, s, np.asarray(target.level)) - earned
        return total

    def dataset(self) -> xr.Dataset:
        """Everything, with verdicts and controls.

        Returns:
            The Dataset.
        """
        targets, plan = self.plan.targets, self.plan
        main = ("setting", "policy", "target", "scenario")
        data: dict[str, Any] = {}
        for key, value in self.values.items():
            more = value.shape[4:]
            dims = (
                ()
                if not more
                else ("seed", "phase")
                if len(more) == 2
                else ("t",)
                if key.startswith("window_")
                else ("seed",)
            )
            data[key] = ((*main, *dims), value)
        data |= self._verdicts()
        dataset = xr.Dataset(data, coords={
            "setting": [TUNED, DEFAULT], "policy": list(plan.entrants), "target": [each.label for each in targets],
            "scenario": list(plan.scenarios), "seed": np.arange(plan.options.seeds), "t": self.points,
            "track": ("target", [each.track for each in targets]),
            "level": ("target", [each.level for each in targets]),
            "history": ("policy", [one.history for one in plan.entrants.values()]),
            "queries": ("policy", [one.queries for one in plan.entrants.values()]),
            "model": list(plan.data.models),
        })  # fmt: skip
        return dataset.merge(self._controls())

    def _verdicts(self) -> dict[str, Any]:
        gain, p, upper = (self.values[name] for name in ("gain", "gain_p", "violation_upper"))
        words, adjusted = np.full(gain.shape, bootstrap.ABSENT, "U16"), np.full(gain.shape, np.nan)
        for i, j, k in np.ndindex(gain.shape[0], *gain.shape[2:]):
            floor = self.plan.targets[j].track == "floor"
            tolerated = self.plan.options.tolerance if floor else self.plan.options.overspend
            at = (i, slice(None), j, k)
            words[at], adjusted[at] = bootstrap.verdicts(gain[at], p[at], upper[at], tolerated)
        main = ("setting", "policy", "target", "scenario")
        return {"verdict": (main, words), "gain_p_holm": (main, adjusted)}

    def _controls(self) -> xr.Dataset:
        """Cost and satisfaction of every control, and whether the LP optimum meets the target at all."""
        plan, models = self.plan, self.plan.data.models
        names = [
            *(f"only {name}" for name in models),
            "uniform",
            "mix (validation)",
            "mix (hindsight)",
            "LP optimum",
            "row oracle",
        ]
        shape = (len(names), len(plan.targets), len(plan.scenarios))
        cost, s = np.full(shape, np.nan), np.full(shape, np.nan)
        for k, name in enumerate(plan.scenarios):
            self._fill(cost, s, k, name)
        dims = ("control", "target", "scenario")
        feasible = np.zeros(shape[1:], bool)
        for j, target in enumerate(plan.targets):
            feasible[j] = np.isfinite(s[-2, j]) if target.track == "floor" else np.isfinite(cost[-2, j])
        return xr.Dataset(
            {"control_cost": (dims, cost), "control_satisfaction": (dims, s), "feasible": (dims[1:], feasible)},
            coords={"control": names},
        )

    def _fill(self, cost: np.ndarray, s: np.ndarray, k: int, name: str) -> None:
        real, allowed = self.real[name], self.plan.scenarios[name].available[self.phase]
        flat = [
            np.where(allowed[None], each, each_bad)[:8].reshape(-1, each.shape[-1])
            for each, each_bad in zip(real, (1e9, 0.0), strict=True)
        ]
        c, q = real.means
        num = len(c)
        always = self.plan.scenarios[name].available.all(axis=0)
        cost[:num, :, k], s[:num, :, k] = np.where(always, c, np.nan)[:, None], np.where(always, q, np.nan)[:, None]
        share = allowed / allowed.sum(axis=1, keepdims=True)
        cost[num, :, k], s[num, :, k] = ((each * share[None]).sum(axis=-1).mean() for each in real)
        frontier = mixes.clairvoyant(*flat)
        cost[num + 4, :, k], s[num + 4, :, k] = mixes.row_oracle(*flat)
        for j, target in enumerate(self.plan.targets):
            for i, mix in enumerate(self.mixes[name]):
                weights = self._share(mix.vertices, target, hindsight=bool(i), cost=c, satisfaction=q)
                cost[num + 1 + i, j, k], s[num + 1 + i, j, k] = weights @ c, weights @ q
            if target.track == "floor" and target.level <= frontier.satisfaction[-1]:
                s[num + 3, j, k] = max(target.level, frontier.satisfaction[0])
                cost[num + 3, j, k] = np.interp(target.level, frontier.satisfaction, frontier.cost)
            elif target.track == "ceiling" and target.level >= frontier.cost[0]:
                cost[num + 3, j, k] = min(target.level, frontier.cost[-1])
                s[num + 3, j, k] = np.interp(target.level, frontier.cost, frontier.satisfaction)

    def _share(
        self, vertices: np.ndarray, target: Target, *, hindsight: bool, cost: np.ndarray, satisfaction: np.ndarray
    ) -> np.ndarray:
        """Shares of the models in the mix for a target: from validation means, or from the judged ones."""
        c, q = (cost, satisfaction) if hindsight else self.plan.data.validation
        x = q[vertices] if target.track == "floor" else c[vertices]
        x = np.maximum.accumulate(x)
        place = np.interp(target.level, x, np.arange(len(vertices)))
        low = int(np.floor(place))
        weights = np.zeros(len(c))
        weights[vertices[low]] = 1.0 - (place - low)
        if place > low:
            weights[vertices[low + 1]] += place - low
        return weights
