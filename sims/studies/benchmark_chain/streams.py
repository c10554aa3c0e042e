"""Benchmarks one after another: the streams, a head that does not see the benchmark, what is measured per benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax.tree_util import Partial

from messjax import streams, theory, zoo
from messjax.meters import folds, path_audit, per_class, standard_meters
from messjax.streams.switching import Rule, switched
from messjax.theory import cost, violation
from messjax.theory.statement import Claim, Conclusion, Run, define_statement
from messjax.types import Array, Distribution, Meter, Outcome, Predictor, PyTree, Stream
from sims.common import other_zoos
from sims.common.worlds import World

LLAMA = zoo.get("llama3")
NUM_FEATURES = 8  # of a request, without the benchmark's one-hot
TABLES, EASIEST, HARDEST, SHUFFLED = "as in the tables", "easiest first", "hardest first", "shuffled"
T1, T2, T5 = "T1 queue", "T2 cost gap", "T5 adjusted regret / T"


def requests(names: Sequence[str]) -> np.ndarray:
    """[K] of each benchmark, as published."""
    assert LLAMA.requests is not None
    return LLAMA.requests[[LLAMA.benchmarks.index(name) for name in names]]


def ordered(names: Sequence[str], order: str) -> list[str]:
    """Benchmarks in the order they come in; shuffled ones stay as named. Easy: by the most expensive model."""
    if order in (TABLES, SHUFFLED):
        return list(names)
    easy = {name: float(LLAMA.accuracy[LLAMA.benchmarks.index(name), -1]) for name in names}
    return sorted(names, key=easy.__getitem__, reverse=order == EASIEST)


class Came(NamedTuple):
    """Where a stream is."""

    order: Array  # [T] int32, the benchmark of every request
    keys: Array  # [K] of the benchmarks: request n of one is the same in every order
    met: Array  # [K] int32


@dataclass(frozen=True)
class _Start:
    count: int

    def __call__(self, table: Array, shuffled: Array, key: Array) -> Came:
        among, own = jax.random.split(key)
        order = jnp.where(shuffled, jax.random.permutation(among, table), table)
        return Came(order, jax.random.split(own, self.count), jnp.zeros(self.count, jnp.int32))


def _pick(key: Array, came: Came, t: Array) -> tuple[Array, Came, Array]:
    del key
    part = came.order[t - 1]
    met = came.met + (jnp.arange(came.met.shape[0]) == part)
    return part, came._replace(met=met), jax.random.fold_in(came.keys[part], met[part])


def stream(names: Sequence[str], order: str) -> Stream:
    """The llama3 zoo's benchmarks one after another, x ending with the benchmark, one-hot.

    The distribution is that of `streams.benchmarks`, and each stream has the same requests in every order, shuffled
    ones too: orders are compared in pairs, as a replay's would be.
    """
    rows, count, came = [LLAMA.benchmarks.index(name) for name in names], requests(names), ordered(names, order)
    cost, accuracy = LLAMA.cost[rows], LLAMA.accuracy[rows]
    parts = [streams.calibrated(E, s, num_features=NUM_FEATURES) for E, s in zip(cost, accuracy, strict=True)]
    table = jnp.asarray(np.repeat([names.index(name) for name in came], requests(came)), jnp.int32)
    rule = Rule(Partial(_Start(len(names)), table, jnp.asarray(order == SHUFFLED)), Partial(_pick))
    total = int(count.sum())
    return switched("benchmarks", parts, rule, shares=count / total, shown=True, length=total)


def world(names: Sequence[str], order: str) -> World:
    """The stream as a world: the models' averages over the whole length."""
    rows, count = [LLAMA.benchmarks.index(name) for name in names], requests(names)
    cost, accuracy = (count @ table[rows] / count.sum() for table in (LLAMA.cost, LLAMA.accuracy))
    return other_zoos.bare(order, stream(names, order), LLAMA, cost, accuracy, 0.5, int(count.sum()))


@dataclass(frozen=True)
class Benchmark:
    """Which of `count` benchmarks a request is from."""

    count: int

    def __call__(self, features: Array) -> Array:
        """Its number [] int32."""
        return jnp.argmax(features[-self.count :]).astype(jnp.int32)


def meter(names: Sequence[str]) -> Meter:
    """What every run reports; L1 to L4 on every request; satisfaction of each benchmark, against its own alpha."""
    alphas = LLAMA.alpha[[LLAMA.benchmarks.index(name) for name in names]]
    account = per_class.sla_per_class(alphas, class_of=Benchmark(len(alphas)))
    return folds.zip_meters(standard_meters.standard(), path_audit.path_audit_meter(), account)


@dataclass(frozen=True)
class _Predict:
    cut: int

    def __call__(self, inner: Partial, state: PyTree, features: Array) -> Array:
        return inner(state, features[: -self.cut])


@dataclass(frozen=True)
class _Update:
    cut: int

    def __call__(self, inner: Partial, state: PyTree, features: Array, outcome: Outcome) -> PyTree:
        return inner(state, features[: -self.cut], outcome)


def without_benchmark(head: Predictor, count: int) -> Predictor:
    """A head for x without its last `count` features, which say what benchmark a request is from."""
    return Predictor(head.init, Partial(_Predict(count), head.predict), Partial(_Update(count), head.update))


def by_benchmark(dataset: xr.Dataset, names: Sequence[str]) -> xr.Dataset:
    """With `part` (satisfaction on each benchmark) over a dimension `benchmark`, in place of one variable for each."""
    parts = [dataset[f"satisfaction_class_{k}"] for k in range(len(names))]
    joined = xr.concat(parts, dim=xr.Variable("benchmark", list(names)))
    own = [name for name in dataset.data_vars if "_class_" in str(name)]
    return dataset.drop_vars(own).assign(part=joined.transpose(..., "stream", "benchmark"))


def excess(dataset: xr.Dataset) -> xr.DataArray:
    """L1 over windows of W requests between checkpoints: (alpha - satisfaction) W - (Q after - Q before), never > 0."""
    Q = dataset["queue_last_curve"].transpose("t", ...)
    grown = Q.copy(data=np.diff(Q.values, axis=0, prepend=0.0))
    return ((dataset["alpha"] - windows(dataset, "satisfaction")) * _widths(dataset) - grown).max("t")


def windows(dataset: xr.Dataset, metric: str) -> xr.DataArray:
    """The mean of a metric over the requests between two checkpoints, of its running mean; `t` first."""
    total = (dataset[f"{metric}_curve"] * dataset["t"]).transpose("t", ...)
    return total.copy(data=np.diff(total.values, axis=0, prepend=0.0)) / _widths(dataset)


def _widths(dataset: xr.Dataset) -> xr.DataArray:
    return xr.DataArray(np.diff(dataset["t"].values, prepend=0), dims="t", coords={"t": dataset["t"]})


@define_statement(T5, source="T5 in docs/theory", assumptions="A1 A4 A7", unit="cost per request")
def _regret(run: Run) -> Conclusion:
    """-E[adjusted regret] / T <= 0."""
    totals = {"cost_sum": run.T * run.metrics["cost"], "satisfaction_sum": run.T * run.metrics["satisfaction"]}
    return Claim(-theory.T5_adjusted_regret(run.inputs(), **totals) / run.T, 0.0)


def verdicts(dataset: xr.Dataset, distribution: Distribution) -> xr.Dataset:
    """T1, T2 and T5 with the whole's distribution, over (statement, policy, V, alpha): measured, bound, verdict.

    None but T5 is about a stream that changes: they are evaluated as though its requests were i.i.d. `dataset` is over
    (policy, V, alpha, stream).
    """
    statements = (violation.T1, cost.T2, _regret)
    judged = theory.judge(dataset, distribution, statements=statements, correction="none", ignored={"A1"})
    return judged[["measured", "bound", "verdict"]].drop_vars("implied_by")
