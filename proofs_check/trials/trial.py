"""A case is simulated and statements are tested on it, by the tests that `theory.judge` uses.

The bound comes from `messjax.theory` and the distribution, the measurement from the engine: independent code. Verdicts
are by Holm's method over the family of all cases and statements, at 5% each way.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable
from typing import Any

import jax
import numpy as np

from messjax import theory
from messjax.engine.grid_sweep import sweep
from messjax.meters import folds, identity_terms, partition_terms, path_audit, standard_meters
from messjax.theory import optimum
from messjax.theory.hypothesis_tests import EMPTY_ROW, NAN, NOT_APPLICABLE, Row, corrected, evaluate
from messjax.theory.statement import Run, Statement
from messjax.types import Array, Controls
from proofs_check.trials.case import Case

__all__ = ["EMPTY_ROW", "NAN", "NOT_APPLICABLE", "Row", "corrected", "evaluate", "evaluate_all", "keys", "run_case",
           "run_of"]  # fmt: skip


def run_case(case: Case, key: Array, num_streams: int, *, meter: Any = None, audit: bool = True) -> list[Run]:
    """Simulate a case at each point of its grid (V, alpha, c, a, f): metrics per stream with the constants there.

    Without a meter these are the standard ones, the terms of the identities and, for MESS+, the losses against three
    partitions (unless the case says no). With `audit` every request of every stream is audited
    (`messjax.meters.path_audit`), on the engine's general path.
    """
    more = [path_audit.path_audit_meter()] * (audit and case.audited) + ([] if case.meter is None else [case.meter])
    swept = {name: np.ravel(np.asarray(values, np.float64)) for name, values in case.controls.given().items()}
    runs = []
    for values in itertools.product(
        *swept.values()
    ):  # one at a time: the program is then the same for every grid, and case
        started, at = time.perf_counter(), Controls(**dict(zip(swept, map(float, values), strict=True)))
        known = [standard_meters.standard(), identity_terms.decomposition(case.distribution, at.alpha)]
        if case.partitions and case.policy_kind == "mess_plus":
            cells = theory.partitions(case.distribution, float(np.round(at.alpha, 6)))
            known.append(partition_terms.partition_losses(case.distribution, cells))
        result = sweep(
            key,
            at,
            policy=case.policy,
            stream=case.stream._replace(
                distribution=None
            ),  # the constants come from the case, whatever the stream's own distribution
            horizon=case.horizon,
            num_streams=num_streams,
            meter=folds.zip_meters(*(known if meter is None else [meter]), *more),
            feedback=case.feedback,
        )
        metrics = {str(name): np.asarray(value.values, np.float64) for name, value in result.data_vars.items()}
        runs.append(
            run_of(case, at._replace(alpha=float(np.round(at.alpha, 6))), metrics)._replace(
                seconds=time.perf_counter() - started
            )
        )
    return runs


def run_of(case: Case, at: Controls, metrics: dict[str, np.ndarray], name: str | None = None) -> Run:
    """What was measured of a case at one point of its grid, with the constants of its distribution."""
    shown = f"{case.name}, V = {at.V:g}" + (f", f = {at.f:g}" if at.f != 1.0 else "")
    return Run(
        **at.given(),
        T=case.horizon,
        P_T=float(theory.exploration_sum(T=case.horizon, c=at.c, a=at.a)),
        metrics=metrics,
        distribution=case.distribution,
        best=optimum.solve(case.distribution, at.alpha),
        constants=theory.distribution_constants(case.distribution, at.alpha),
        policy_kind=case.policy_kind,
        stream_kind="not_iid" if case.laws is not None and not case.breaks else "iid",
        sla_target=case.sla_target,
        error_bound=case.ebar,
        cost_within=cost_within(case),
        finite_variance=case.finite_variance,
        laws=case.laws,
        setting=case.setting,
        name=shown if name is None else name,
    )


def cost_within(case: Case) -> tuple[float, float]:
    """What a request costs at least and at most, all its queries included; where assumptions are broken only zero."""
    if case.breaks:
        return 0.0, np.inf
    costs = np.asarray(case.distribution.cost)
    return float(costs.min()), float(costs.sum(axis=1).max())


def evaluate_all(statements: Iterable[Statement], runs: Iterable[Run]) -> list[Row]:
    """Every statement on every run, corrected over all of them."""
    chosen = list(statements)
    return corrected([evaluate(each, run) for run in runs for each in chosen])


def keys(seed: int, count: int) -> list[Array]:
    """Independent keys for so many cases."""
    return list(jax.random.split(jax.random.key(seed), count))
