"""Microseconds of processor time per decision, of every policy by itself and of a rival's own package beside them."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

import jax
import numpy as np

from messjax.evaluation.bench import program
from messjax.evaluation.bench.plan import Plan
from messjax.evaluation.bench.runner import Runner

REPEATS = 3  # the least of so many measurements counts
PACKAGE, PACKAGE_DECISIONS = "paretobandit", 500


def per_policy(plan: Plan, table: program.Table, runner: Runner) -> dict[str, float]:
    """Microseconds of processor time per decision of every policy, each in a compiled program of its own.

    All settings run beside one another in the lanes of one call, in the stationary scenario: the state of the policy,
    its decision, feedback and learning count, and so does drawing the request; compiling does not. Processor time is
    that of all cores together, so that a machine that is shared counts less.

    Args:
        plan: What is compared.
        table: The requests.
        runner: For the lanes of a call.

    Returns:
        Microseconds by policy.
    """
    lane = np.arange(runner.size, dtype=np.int32)
    result = {}
    for name, one in plan.entrants.items():
        lanes = program.Lanes(np.bool_(True), lane % len(one.settings), 0 * lane, lane % plan.options.seeds)

        def call(name: str = name, lanes: program.Lanes = lanes) -> None:
            key = jax.random.key(plan.options.seed)
            program.run(key, {name: plan.stacks[name]}, {name: lanes}, table, runner.scenarios)

        result[name] = 1e6 * _least_seconds(call) / (runner.size * table.rows.shape[1])
    return result


def of_package(plan: Plan) -> float | None:
    """The same of the package paretobandit: `route` and `process_feedback` on the contexts that our policies see.

    It decides one request after the other, as in use, with a budget in the middle of the range and without a prior.
    Rewards and costs are those of the judged requests.

    Args:
        plan: What is compared.

    Returns:
        Microseconds per decision; None where the package is not installed.
    """
    if find_spec("pareto_bandit") is None:
        return None
    package, pacer = import_module("pareto_bandit"), import_module("pareto_bandit.budget_pacer")
    part, price = plan.data.parts.judging, plan.data.listed_cost
    x = np.append(np.asarray(part.features, np.float64), np.ones((len(part.rows), 1)), axis=1)[:PACKAGE_DECISIONS]
    names = [f"model {m}" for m in range(len(price))]

    def call() -> None:
        router = package.BanditRouter(
            {name: {"input_cost_per_m": usd, "output_cost_per_m": usd} for name, usd in zip(names, price, strict=True)},
            feature_service=package.FeatureService.for_precomputed(x.shape[1]),
            budget_pacer=pacer.BudgetPacer(float(np.sqrt(price[0] * price[-1]))), bandit_seed=0,
        )  # fmt: skip
        for row, context in enumerate(x):
            name, log = router.route(context)
            log.cost_usd = float(part.cost[row, names.index(name)])
            router.process_feedback(log.request_id, float(part.satisfaction[row, names.index(name)]))

    return 1e6 * _least_seconds(call) / len(x)


def _least_seconds(call: Callable[[], None]) -> float:
    """The least processor time of a call, after one that compiles."""
    call()
    seconds = []
    for _ in range(REPEATS):
        start = time.process_time()
        call()
        seconds.append(time.process_time() - start)
    return min(seconds)
