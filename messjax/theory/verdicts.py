"""Statements of docs/theory put beside the result of a sweep: Dataset -> Dataset of measured, bound, margin, verdict.

The bound comes from `messjax.theory` and the law of the requests, the measurement from independent streams. A verdict
is "holds", "violated" or "undecided", or "not applicable" with a reason: where a hypothesis can be seen to fail, or
where the statement is not about the kinds of policy, feedback and stream that the result has recorded.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from messjax.components import expect
from messjax.theory import hypothesis_tests, optimum, scope
from messjax.theory.catalogue import ALL, OF_A_SWEEP, OF_MOVING_LAWS, OF_TERMS, statements_named
from messjax.theory.constants import Constants, centred_drift, distribution_constants
from messjax.theory.cost import CostTerms, T2_cost_terms
from messjax.theory.exploration import exploration_sum
from messjax.theory.hypothesis_tests import Row
from messjax.theory.laws import Laws
from messjax.theory.statement import ASSUMPTIONS, Run, Statement
from messjax.types import Distribution

TERMS = CostTerms._fields  # control, exploration, prediction, inversion, start
MEASURED = ("measured", "measured_lower", "measured_upper")
TESTED = (
    "bound", "bound_lower", "bound_upper", "margin_lower", "margin_upper", "finite_margin_lower", "finite_margin_upper",
    "looseness", "p_violated", "p_holds", "p_violated_asymptotic", "p_holds_asymptotic",
)  # fmt: skip
TEXTS = ("verdict", "interval", "evidence", "reason", "note")
ASYMPTOTIC = "asymptotic: Student's t over independent streams, right as their number grows"
LIMITS = {
    "measured_lower": f"two-sided limit; of means {ASYMPTOTIC}; of events Clopper and Pearson's, exact",
    "bound_lower": f"two-sided limit by the sampling error of the means in the bound alone, {ASYMPTOTIC}",
    "margin_lower": "one-sided limit of bound - measured; `interval` says whether it is asymptotic",
    "finite_margin_lower": "one-sided limit of bound - measured, valid at any number of streams; NaN: none",
    "p_violated": "valid at any number of streams; 1: no such test",
    "p_violated_asymptotic": ASYMPTOTIC,
}
POINT = ("V", "alpha", "c", "a", "f")


def judge(
    dataset: xr.Dataset,
    distribution: Distribution | None,
    *,
    statements: str | Sequence[Statement] | None = None,
    correction: str = "holm",
    level: float = 0.95,
    pi0: int | None = None,
    ebar: float | None = None,
    sla_target: float | None = None,
    laws: Laws | None = None,
    ignored: Collection[str] = (),
) -> xr.Dataset:
    """Test statements of docs/theory at every point of a sweep.

    Args:
        dataset: a result of `sweep`, with a dimension `stream` and any of policy, V, alpha, c, a and f.
        distribution: the law of its requests, costs in the unit of the dataset; None where it is not known. That of a
            large sample ("sampled") has C* and gamma* up to its sampling error, which the margins do not contain.
        statements: `Statement` objects, or names as in "T1,T2 cost gap"; by default `theory.OF_A_SWEEP`,
            `theory.OF_TERMS` where `meters.decomposition` was among the meters, and T12 and T13 where `laws` are given.
        correction: "holm" corrects verdicts for the number of tests, "none" leaves each test by itself, "bonferroni"
            corrects more cautiously.
        level: coverage of each limit, and of the verdicts.
        pi0: number of the model that stands for pi0 in T1's second form, T3 and T4; None: the last one.
        ebar: a bound on E[e_t | past] known beforehand; None: the largest e_t measured on any stream.
        sla_target: the satisfaction agreed, where the policy ran on a tightened alpha (T10).
        laws: the law of each request where it moves (`stream.laws(horizon)`); T12 and T13 are then judged, too.
        ignored: assumptions whose recorded failure is overlooked: with "A1" the statements are evaluated on requests
            that are not i.i.d. as though they were.

    Returns:
        A Dataset over (statement, the dataset's grid): `measured` with two-sided limits `measured_lower` and
        `measured_upper`; `bound`; one-sided limits `margin_lower` and `margin_upper` of bound - measured (for what is
        bounded from below, as T5: of measured - bound), asymptotic or not as `interval` says; `bound_lower` and
        `bound_upper`, its own sampling error; `finite_margin_lower` and `finite_margin_upper`, valid at any number
        of streams; `looseness` = bound / measured; `p_violated` and `p_holds`, valid at any number of streams, and the
        same with `_asymptotic`; `verdict`, the `evidence` it rests on (see `hypothesis_tests.Row`), `reason` where it
        is "not applicable", and `note`. `scope` [statement] says on what all its verdicts were tried.
        `cost_bound_terms` [grid, term] are the terms of T2, `gamma` is gamma* at each alpha. Coordinate `implied_by`
        names a statement from which another follows.

    Raises:
        ValueError: the dataset is no result of `sweep` or lacks a metric that a statement needs, was run on another
            law, or records no kinds; the law is a trace's labels; no statement has such a name, or two have the same.

    Example:
        >>> import jax
        >>> import messjax as mj
        >>> distribution = mj.zoo.get("llama3/ARC-C").distribution()
        >>> stream = mj.streams.types(distribution)
        >>> policy = mj.policies.mess_plus(mj.predictors.oracle(stream))
        >>> controls = mj.Controls(V=[1.0, 10.0], alpha=0.5)
        >>> runs = mj.sweep(jax.random.key(0), controls, policy=policy, stream=stream, horizon=20, num_streams=4)
        >>> "T1 queue" in judge(runs, distribution)["statement"].values
        True
    """
    expect("dataset", dataset, xr.Dataset, "a result of sweep")
    if distribution is not None:
        expect("distribution", distribution, Distribution, "the Distribution of its requests: stream.distribution()")
    chosen = _chosen(statements, laws, dataset)
    _check(dataset, distribution, chosen, ignored)
    grid = tuple(str(d) for d in dataset["cost"].dims if d != "stream")
    shape = (len(chosen), *(dataset.sizes[d] for d in grid))
    rows, places = [], []
    terms = np.full((*shape[1:], len(TERMS)), np.nan)
    options = _Options(distribution, pi0, ebar, sla_target, laws)
    for index, run in _runs(dataset, grid, options):
        terms[index] = _cost_terms(run)
        for i, statement in enumerate(chosen):
            rows.append(hypothesis_tests.of_conclusion(statement, run, statement.conclude(run, ignored), level))
            places.append((i, *index))
    dims, rows = ("statement", *grid), hypothesis_tests.corrected(rows, correction, level)
    data: dict[str, Any] = {name: (dims, values) for name, values in _tables(rows, places, shape).items()}
    data["scope"] = ("statement", [scope.scope_of([r for r in rows if r.statement == each.name]) for each in chosen])
    data["cost_bound_terms"] = ((*grid, "term"), terms)
    if "gamma" in dataset or distribution is not None:
        data["gamma"] = dataset["gamma"] if "gamma" in dataset else _gamma(dataset, distribution)
    coords: dict[str, Any] = {d: dataset[d] for d in grid if d in dataset.coords} | {"term": list(TERMS)}
    coords["statement"] = [each.name for each in chosen]
    about = {name: dataset.attrs[name] for name in ("cost_unit", "horizon") if name in dataset.attrs}
    coords["implied_by"] = ("statement", [each.implied_by for each in chosen])
    result = xr.Dataset(data, coords=coords, attrs=about | {"level": level, "correction": correction})
    for name, words in LIMITS.items():
        for side in (name, name.replace("lower", "upper").replace("violated", "holds")):
            result[side].attrs["comment"] = words
    return result


def _tables(rows: Sequence[Row], places: Sequence[tuple[int, ...]], shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Numbers and texts of all tests, each in its place; of what is not applicable only what was measured."""
    result = {name: np.full(shape, np.nan) for name in MEASURED + TESTED}
    texts = {name: np.full(shape, "", dtype=object) for name in TEXTS}
    for place, row in zip(places, rows, strict=True):
        for name in TEXTS:
            texts[name][place] = getattr(row, name)
        for name in MEASURED + (("bound",) if row.verdict == hypothesis_tests.NOT_APPLICABLE else TESTED):
            result[name][place] = getattr(row, name)
    return result | {name: words.astype(np.str_) for name, words in texts.items()}


def runs_of(dataset: xr.Dataset, distribution: Distribution) -> Iterator[tuple[tuple[int, ...], Run]]:
    """Every point of a sweep as a `Run`, as statements see it.

    Args:
        dataset: A result of `sweep`.
        distribution: The law of its requests.

    Returns:
        Pairs of an index into the dataset's grid (the dimensions of `cost` without "stream") and the run.

    Raises:
        ValueError: As `judge`.
    """
    expect("dataset", dataset, xr.Dataset, "a result of sweep")
    expect("distribution", distribution, Distribution, "the Distribution of its requests: stream.distribution()")
    _check(dataset, distribution, [], ())
    grid = tuple(str(d) for d in dataset["cost"].dims if d != "stream")
    return _runs(dataset, grid, _Options(distribution, None, None, None))


def known_statements() -> list[Statement]:
    """All statements that have a name: those of docs/theory, and T5 as adjusted regret.

    Returns:
        The statements.
    """
    return [*ALL, *(each for each in OF_A_SWEEP if each not in ALL)]


class _Options(NamedTuple):
    distribution: Distribution | None
    pi0: int | None
    ebar: float | None
    sla_target: float | None
    laws: Laws | None = None


class _Metrics(dict[str, np.ndarray]):
    """Metrics of one point; one that is missing, or not known, raises a ValueError that names it."""

    def __missing__(self, name: str) -> np.ndarray:
        raise ValueError(f"judge: a statement needs the metric {name!r}, found {', '.join(sorted(self))}")

    def __getitem__(self, name: str) -> np.ndarray:
        values = super().__getitem__(name)
        if np.isnan(values).any():
            raise ValueError(f"judge: a statement needs the metric {name!r}, which is NaN in this dataset")
        return values


def _chosen(statements: str | Sequence[Statement] | None, laws: Laws | None, dataset: xr.Dataset) -> list[Statement]:
    if laws is not None:
        expect("laws", laws, Laws, "Laws, such as stream.laws(horizon)")
    if isinstance(statements, str):
        return statements_named(statements, known_statements())
    if statements is None:
        more = OF_MOVING_LAWS if laws else ()
        return [*OF_A_SWEEP, *(OF_TERMS if "decision_loss" in dataset else ()), *more]
    return list(statements)


def _check(
    dataset: xr.Dataset, distribution: Distribution | None, chosen: Sequence[Statement], ignored: Collection[str]
) -> None:
    names = [each.name for each in chosen]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"judge: found two statements named {twice[0]!r}, expected different names")
    if unknown := sorted(set(ignored) - ASSUMPTIONS):
        raise ValueError(f"judge: ignored has {unknown[0]!r}, expected some of A1 to A8")
    missing = [name for name in ("cost", *POINT) if name not in dataset]
    if missing or "horizon" not in dataset.attrs or "stream" not in dataset["cost"].dims:
        what = f"no {missing[0]!r}" if missing else "no dimension 'stream' or no attribute 'horizon'"
        raise ValueError(f"judge: found a Dataset with {what}, expected a result of sweep")
    if distribution is None:
        return
    if distribution.kind == "labels":
        raise ValueError("judge: distribution holds the realised labels of a trace, expected the law of the requests")
    if "optimal_cost" in dataset:
        alphas, costs = xr.broadcast(dataset["alpha"], dataset["optimal_cost"])
        for alpha, cost in zip(alphas.values.ravel(), costs.values.ravel(), strict=True):
            if not np.isclose(best := optimum.values(distribution, [float(alpha)])[0].cost, cost, rtol=1e-5):
                raise ValueError(
                    f"judge: the dataset was run on another law: its C* is {cost:g}, that of distribution {best:g}"
                )


def _runs(dataset: xr.Dataset, grid: tuple[str, ...], options: _Options) -> Iterator[tuple[tuple[int, ...], Run]]:
    """Every grid point with its index."""
    metrics, kinds = _arrays(dataset, grid), _Kinds(dataset)
    for index in np.ndindex(*(dataset.sizes[d] for d in grid)):
        at: dict[str, Any] = {name: float(dataset[name].isel(_part(index, grid, dataset[name]))) for name in POINT}
        T, values = int(dataset.attrs["horizon"]), _Metrics({name: array[index] for name, array in metrics.items()})
        if "violation" not in values and "satisfaction" in values:
            values["violation"] = at["alpha"] - values["satisfaction"]
        best, constants = _known(options.distribution, at["alpha"], options.pi0)
        policy = dataset["policy"].values if "policy" in dataset.coords else np.array("")
        name = str(policy[index[grid.index("policy")]] if "policy" in grid else policy)
        yield (
            index,
            Run(
                **at,
                T=T,
                P_T=_exploration_sum(T, at["c"], at["a"]),
                metrics=values,
                distribution=options.distribution,
                best=best,
                constants=constants,
                policy_kind=kinds.of_policy(name),
                feedback_kind=kinds.feedback,
                stream_kind=kinds.stream,
                sla_target=options.sla_target,
                error_bound=options.ebar,
                laws=options.laws,
                name=name,
            ),
        )


def _part(index: tuple[int, ...], grid: tuple[str, ...], array: xr.DataArray) -> dict[str, int]:
    return {d: i for d, i in zip(grid, index, strict=True) if d in array.dims}


def _arrays(dataset: xr.Dataset, grid: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Every metric with one number per stream, float64 [grid, stream]."""
    whole, shape = (*grid, "stream"), tuple(dataset.sizes[d] for d in (*grid, "stream"))
    result = {}
    for name, array in dataset.data_vars.items():
        if "stream" in array.dims and set(array.dims) <= set(whole) and np.issubdtype(array.dtype, np.number):
            present = [d for d in whole if d in array.dims]
            values = np.asarray(array.transpose(*present).values, np.float64)
            where = tuple(slice(None) if d in present else None for d in whole)
            result[str(name)] = np.broadcast_to(values[where], shape)
    return result


class _Kinds:
    """The kinds of policy, feedback and stream that a result has recorded."""

    def __init__(self, dataset: xr.Dataset) -> None:
        missing = [name for name in ("policy_kinds", "feedback_kind", "stream_kind") if name not in dataset.attrs]
        if missing:
            raise ValueError(
                f"judge: the dataset has no attribute {missing[0]!r}, expected a result of sweep, which records the "
                "kinds of policy, feedback and stream"
            )
        self.policies: dict[str, str] = json.loads(dataset.attrs["policy_kinds"])
        self.feedback, self.stream = str(dataset.attrs["feedback_kind"]), str(dataset.attrs["stream_kind"])

    def of_policy(self, name: str) -> str:
        if name not in self.policies:
            raise ValueError(f"judge: policy_kinds has no policy {name!r}, found {', '.join(self.policies) or 'none'}")
        return self.policies[name]


def _known(distribution: Distribution | None, alpha: float, pi0: int | None) -> tuple[optimum.Optimum, Constants]:
    if distribution is not None:
        return optimum.solve(distribution, alpha), distribution_constants(distribution, alpha, pi0=pi0)
    delta, nan = max(alpha, 1.0 - alpha), float("nan")
    nowhere = optimum.Optimum(alpha, nan, nan, np.full((1, 1), nan), nan, nan)
    return nowhere, Constants(delta, delta**2 / 2.0, nan, nan, nan, nan, *centred_drift(alpha))


@functools.lru_cache(maxsize=256)
def _exploration_sum(T: int, c: float, a: float) -> float:
    return float(exploration_sum(T=T, c=c, a=a))


def _cost_terms(run: Run) -> Any:
    """The terms of T2 at the measured means; NaN where these or the law are not known."""
    S, X = (float(np.mean(run.metrics.get(name, np.nan))) for name in ("S", "exploration_queue"))
    if run.distribution is None:
        return np.nan
    return T2_cost_terms(run.inputs(S_T=S, exploration_queue=X))


def _gamma(dataset: xr.Dataset, distribution: Distribution | None) -> xr.Variable:
    assert distribution is not None
    alpha = dataset["alpha"].variable.to_base_variable()
    best = optimum.values(distribution, [float(each) for each in np.ravel(alpha.values)])
    return alpha.copy(data=np.reshape([each.gamma for each in best], alpha.shape))
