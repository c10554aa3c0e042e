"""Runs whose metrics are exact expectations: a statement can be refuted on them without sampling and without a doubt.

`ExactInstance` is a small world and a router in it; `run_of` computes its expectations (`messjax.theory.exact`; for the
UCB router of T11 a sum over everything it may have heard) and puts them where statements look for metrics. Two streams
stand for all: every metric has its expectation on both, Q_{T+1} is its mean less and plus its standard deviation, so
that its square, too, has the right mean. `margin` is then what a statement leaves, to rounding.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

import numpy as np

from messjax import theory
from messjax.theory import Laws, exact, optimum
from messjax.theory.information import loss_metric
from messjax.theory.optimism import OBSERVED
from messjax.theory.statement import Between, Claim, Conclusion, Equal, Exact, NotApplicable, Run, Statement
from messjax.types import Distribution

ROUNDING = 1e-9  # of the size of what is compared


class ExactInstance(NamedTuple):
    """A world of Z parts with K types each and M models, and MESS+ in it, or the UCB router of T11.

    Attributes:
        weight: [Z, K] shares of the types within a part.
        cost: [Z, K, M].
        mean: [Z, K, M].
        predicted: [Z, K, M] s_hat, the same at all times; the UCB router has its own.
        V: Weight of cost.
        alpha: SLA target, a fraction of small denominator.
        T: Requests.
        c: Scale of the exploration probability.
        a: Its exponent.
        switch: Number of the first request of the second part, where the parts follow one another.
        stay: Probability that the part stays the same, where a hidden chain selects it (all others equally likely).
        ucb_types: Number of types that a UCB router was made for, of which the first alone occurs; 0: MESS+.
    """

    weight: Any
    cost: Any
    mean: Any
    predicted: Any
    V: float
    alpha: float
    T: int
    c: float = 0.0
    a: float = 0.0
    switch: int = 0
    stay: float = 0.0
    ucb_types: int = 0

    @property
    def world(self) -> Distribution | Laws:
        """The law of its requests, one or moving."""
        tables = (np.asarray(each, np.float64) for each in (self.weight, self.cost, self.mean))
        parts = [Distribution(*row) for row in zip(*tables, strict=True)]
        if self.switch:
            return theory.scheduled_laws(parts, np.eye(2)[(np.arange(1, self.T + 1) >= self.switch).astype(int)])
        if self.stay:
            size = len(parts)
            away = np.full((size, size), (1.0 - self.stay) / (size - 1))
            return theory.markov_laws(parts, away + (self.stay - away[0, 0]) * np.eye(size))
        return parts[0]


def run_of(instance: ExactInstance) -> Run:
    """Its exact expectations as a run that any statement can be evaluated on."""
    world, T, V, alpha = instance.world, instance.T, instance.V, instance.alpha
    laws = world if isinstance(world, Laws) else None
    average = world.average if isinstance(world, Laws) else world
    best, kind = optimum.solve(average, alpha), "mess_plus"
    if instance.ucb_types:
        average, metrics, kind = _unseen_types(average, instance.ucb_types), _ucb(instance, average), "ucb"
    else:
        metrics = _mess_plus(instance, world, average, best)
    return Run(
        V=V, alpha=alpha, c=instance.c, a=instance.a, f=1.0, T=T,
        P_T=float(theory.exploration_sum(T=T, c=instance.c, a=instance.a)), metrics=metrics, distribution=average,
        best=best, constants=theory.distribution_constants(average, alpha), policy_kind=kind,
        feedback_kind="complete", stream_kind="iid" if laws is None else "not_iid", laws=laws, name="exact",
    )  # fmt: skip


def margin(statement: Statement, run: Run) -> float:
    """What the statement leaves on an exact run, of the larger of bound and measured: negative where it is false.

    Infinite where it does not apply, zero within rounding.
    """
    left, size = _margin(statement.conclude(run))
    return 0.0 if abs(left) <= ROUNDING * size else left / size


def _margin(conclusion: Conclusion) -> tuple[float, float]:
    if isinstance(conclusion, NotApplicable):
        return np.inf, 1.0
    if isinstance(conclusion, Between):
        return min((_margin(side) for side in conclusion.sides), key=lambda pair: pair[0] / pair[1])
    if isinstance(conclusion, Equal):
        off = abs(float(np.mean(conclusion.measured)) - conclusion.value)
        return (-off if off > 1e-5 else 0.0), 1.0  # identities are rounded to 1e-6 of their size
    if isinstance(conclusion, Exact):
        off = conclusion.bound - conclusion.measured
        return (off if off < -1e-5 else max(off, 0.0)), 1.0
    assert isinstance(conclusion, Claim)
    means = (float(np.mean(values)) for values in conclusion.uses)
    bound = float(conclusion.bound(*means)) if callable(conclusion.bound) else float(conclusion.bound)
    measured = float(np.mean(conclusion.measured))
    return bound - measured, max(abs(bound), abs(measured), 1e-3)


def _two(mean: float, deviation: float = 0.0) -> np.ndarray:
    return np.array([mean - deviation, mean + deviation])


def _mess_plus(
    instance: ExactInstance, world: Distribution | Laws, average: Distribution, best: optimum.Optimum
) -> dict[str, np.ndarray]:
    V, alpha, T = instance.V, instance.alpha, instance.T
    p = theory.exploration_probability(t=np.arange(1, T + 1), c=instance.c, a=instance.a)
    predicted = instance.predicted if isinstance(world, Laws) else instance.predicted[0]
    run = exact.transient(world, V=V, alpha=alpha, T=T, s_hat=predicted, p=p)
    spread = max(0.0, float(run.queue_square[-1] - run.queue[-1] ** 2)) ** 0.5
    sums = {
        "decision_loss": run.decision_loss, "decision_loss_above": run.decision_loss_above, "price_loss": run.loss,
        "noise": run.noise, "reflection": run.reflection, "reflection_squares": run.reflection_square,
        "S": run.error, "exploration_queue": run.explored_queue,
    }  # fmt: skip
    numbers = {name: float(values.sum()) for name, values in sums.items()} | {
        "dual_gap": V * best.cost * float((1.0 - p).sum()) - float(run.dual.sum()),
        "cost": float(run.cost.mean()),
        "satisfaction": float(run.satisfaction.mean()),
        "queue_mean": float(run.queue[:-1].mean()),
        "queue_max": float(run.queue.max()),
    }
    if not isinstance(world, Laws):
        served = numbers["decision_loss"] + float(run.dual.sum())
        for name, cells in theory.partitions(average, alpha).items():
            coarse = theory.cells_of(average, cells)
            least = V * optimum.dual(coarse, alpha, run.states / V) if V > 0 else 0.0 * run.states
            numbers[loss_metric(name)] = served - float(run.exploited @ least)
    return {name: _two(value) for name, value in numbers.items()} | {
        "queue_last": _two(float(run.queue[-1]), spread),
        "violation": _two(alpha - numbers["satisfaction"], spread / T),  # by I4 it moves with Q_{T+1} on every path
    }


def _unseen_types(one: Distribution, num: int) -> Distribution:
    """The same with further types that never occur: the router keeps a count for each."""
    weight = np.zeros(num)
    weight[0] = 1.0
    return Distribution(weight, np.repeat(one.cost, num, axis=0), np.repeat(one.mean, num, axis=0))


def _ucb(instance: ExactInstance, one: Distribution) -> dict[str, np.ndarray]:
    """Expectations of `policies.ucb` on one type, over all numbers of outcomes and successes of each model."""
    cost, mean, T, alpha, V = one.cost[0], one.mean[0], instance.T, instance.alpha, instance.V
    fraction, models = exact.lattice(alpha), range(len(cost))
    ell = float(theory.T11_log_factor(num_types=instance.ucb_types, num_models=len(cost), T=T))
    state = {(0, (0,) * len(cost), (0,) * len(cost)): 1.0}  # N Q, outcomes observed, successes among them
    total = dict.fromkeys(("cost", "satisfaction", "decision_loss", OBSERVED), 0.0)
    for _ in range(T):
        after: dict[Any, float] = defaultdict(float)
        for (place, seen, good), probability in state.items():
            Q = place / fraction.denominator
            index = [min(1.0, good[m] / seen[m] + (ell / (2 * seen[m])) ** 0.5) if seen[m] else 1.0 for m in models]
            scores = [V * cost[m] + Q * (alpha - index[m]) for m in models]
            i = next(m for m in models if scores[m] <= min(scores) + 1e-12)
            true = V * cost + Q * (alpha - mean)
            width = min(1.0, (2.0 * ell / seen[i]) ** 0.5) if seen[i] else 1.0
            gains = (cost[i], mean[i], true[i] - true.min(), Q * width)
            for name, gain in zip(total, gains, strict=True):
                total[name] += probability * float(gain)
            for s, chance in ((1, mean[i]), (0, 1.0 - mean[i])):
                if chance > 0:
                    more = tuple(n + (m == i) for m, n in enumerate(seen))
                    won = tuple(n + s * (m == i) for m, n in enumerate(good))
                    moved = max(0, place + fraction.numerator - s * fraction.denominator)
                    after[moved, more, won] += probability * float(chance)
        state = after
    Q_last = sum(probability * place for (place, _, _), probability in state.items()) / fraction.denominator
    total |= {"cost": total["cost"] / T, "satisfaction": total["satisfaction"] / T, "queue_last": Q_last}
    return {name: _two(value) for name, value in total.items()}
