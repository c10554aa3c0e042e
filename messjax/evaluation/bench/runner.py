"""Runs what is wanted of every policy in calls of one size, so that there is one compiled program."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import jax
import numpy as np

from messjax.evaluation.bench import program, scenarios
from messjax.evaluation.bench.plan import Plan

Pairs = Sequence[tuple[int, int]]  # (number of the setting, number of the scenario)


class Runner:
    """Runs groups of lanes: one setting in one scenario on a number of streams.

    Attributes:
        plan: What is compared.
        progress: Called as `progress(done, total)` with numbers of decisions.
        decisions: Number of decisions so far.
        calls: Number of calls of the program so far.
        size: Lanes of a call.
        scenarios: The scenarios, the stationary one first.
    """

    def __init__(self, plan: Plan, progress: Callable[[int, int], None] | None) -> None:
        self.plan = plan
        self.progress = progress
        self.decisions = self.calls = self.total = 0
        whole = plan.options.seeds * len(jax.local_devices())
        self.size = -(-plan.options.lanes // whole) * whole
        self.scenarios = scenarios.stacked([scenarios.stationary(plan.data), *plan.scenarios.values()])

    def run(
        self, table: program.Table, wanted: Mapping[str, Pairs], streams: int, first: int = 0
    ) -> Iterator[list[tuple[str, int, int, program.Steps]]]:
        """Run every (setting, scenario) that is wanted of every policy.

        Args:
            table: The requests.
            wanted: (setting, scenario) by policy; scenario 0 is the stationary one, and 1, 2, ... those of the plan.
            streams: Number of streams S, those with the numbers 0, ..., S - 1.
            first: Number of the first call that is made; those before it count as made.

        Yields:
            Per call a list of policy, setting, scenario, and the steps [S, T].
        """
        horizon, groups = table.rows.shape[1], self.size // streams
        self.total += sum(map(len, wanted.values())) * streams * horizon
        key = jax.random.key(self.plan.options.seed)
        for i in range(-(-max(map(len, wanted.values())) // groups)):
            own = {name: every[i * groups : (i + 1) * groups] for name, every in wanted.items()}
            self.calls += 1
            self.decisions += sum(map(len, own.values())) * streams * horizon
            if i < first:
                continue
            lanes = {name: self._lanes(pairs, streams) for name, pairs in own.items()}
            steps = program.run(key, self.plan.stacks, lanes, table, self.scenarios)
            yield [
                (name, g, k, program.Steps(*(each[j * streams : (j + 1) * streams] for each in steps[name])))
                for name, pairs in own.items()
                for j, (g, k) in enumerate(pairs)
            ]
            if self.progress:
                self.progress(self.decisions, self.total)

    def _lanes(self, pairs: Pairs, streams: int) -> program.Lanes:
        """The lanes of a call; what is left over repeats setting 0, and its steps are not read."""
        g, k = np.zeros((2, self.size), np.int32)
        for values, i in ((g, 0), (k, 1)):
            values[: len(pairs) * streams] = np.repeat(np.array([pair[i] for pair in pairs], np.int32), streams)
        return program.Lanes(np.bool_(len(pairs) > 0), g, k, (np.arange(self.size) % streams).astype(np.int32))
