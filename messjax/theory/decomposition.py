"""Where every unit of cost goes: the terms of I1 to I4 of a sweep, as one Dataset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from messjax.statistics import intervals
from messjax.theory import identities
from messjax.theory.statement import Run
from messjax.theory.verdicts import runs_of
from messjax.types import Distribution

TERMS = ("noise", "reflection", "decision loss", "gap of the dual", "exploration", "terminal queue")
LIMITS = ("mean", "lower", "upper")


def decompose(dataset: xr.Dataset, distribution: Distribution, *, level: float = 0.95) -> xr.Dataset:
    """The terms that a measured cost gap and adjusted regret are made of, in cost per request.

    By I1 the terms of `cost_gap_terms` add up to `cost_gap`, by I2 those of `regret_terms` to `regret`, by I3
    `loss_at_gamma` and `exploration_at_gamma` to `regret`, and by I4 `violation_queue` and `violation_reflection` to
    `violation`: in expectation, so up to a sampling error, of which `cost_gap_residual`, `regret_residual`,
    `loss_residual` and `violation_residual` are the intervals (left side less right side).

    Args:
        dataset: A result of `sweep` with `meters.decomposition` among its meters.
        distribution: The law of its requests, costs in the unit of the dataset.
        level: Coverage of the two-sided intervals over streams.

    Returns:
        A Dataset over the controls and `limit` (mean, lower, upper), the terms also over `term`, with C* (`C_star`) and
        the measured `cost`. What is divided by V is NaN where V = 0.

    Raises:
        ValueError: The dataset has no terms, or lacks a metric, or is no result of `sweep`, or was run on another law.

    Source: "Where every unit of cost goes" in docs/theory.

    Example:
        >>> import jax
        >>> import messjax as mj
        >>> stream = mj.streams.types(mj.zoo.get("llama3/ARC-C").distribution())
        >>> law = stream.distribution()
        >>> meter = mj.meters.zip_meters(mj.meters.standard(), mj.meters.decomposition(law, 0.5))
        >>> run = {"policy": mj.policies.mess_plus(mj.predictors.oracle(stream)), "stream": stream, "meter": meter}
        >>> controls = mj.Controls(V=[1.0, 4.0], alpha=0.5)
        >>> runs = mj.sweep(jax.random.key(0), controls, horizon=50, num_streams=4, **run)
        >>> terms = decompose(runs, law)
        >>> terms["cost_gap_terms"].dims
        ('V', 'limit', 'term')
    """
    if "decision_loss" not in dataset:
        raise ValueError(
            "decompose: the dataset has no metric 'decision_loss', expected a sweep with meters.decomposition"
        )
    grid = tuple(str(d) for d in dataset["cost"].dims if d != "stream")
    shape = tuple(dataset.sizes[d] for d in grid)
    numbers: dict[str, np.ndarray] = {}
    for index, run in runs_of(dataset, distribution):
        for name, samples in _samples(run).items():
            if np.isfinite(samples).all():
                limits = np.stack([np.asarray(each) for each in intervals.interval(samples, level)[:3]])
            else:  # divided by V = 0
                limits = np.full((len(LIMITS), *samples.shape[:-1]), np.nan)
            numbers.setdefault(name, np.full((*shape, *limits.shape), np.nan))[index] = limits
    dims = (*grid, "limit")
    terms = {"cost_gap_terms": TERMS, "regret_terms": TERMS}
    data: dict[str, Any] = {
        name: ((*dims, "term") if name in terms else dims, values) for name, values in numbers.items()
    }
    coords: dict[str, Any] = {d: dataset[d] for d in grid if d in dataset.coords}
    coords |= {"limit": list(LIMITS), "term": list(TERMS)}
    about = {name: dataset.attrs[name] for name in ("cost_unit", "horizon") if name in dataset.attrs}
    return xr.Dataset(data, coords=coords, attrs=about | {"level": level})


def _samples(run: Run) -> dict[str, np.ndarray]:
    """Every number of the result per stream: [n], and [term, n] for terms."""
    metrics, T, best = run.metrics, run.T, run.best
    scale = run.V * T if run.V > 0 else np.nan
    I1, I2 = (_stacked(of(run, metrics), metrics["cost"]) / scale for of in (identities.I1_terms, identities.I2_terms))
    I3, I4 = (of(run, metrics) for of in (identities.I3_terms, identities.I4_terms))
    gap, regret = metrics["cost"] - best.cost, identities.regret(run, metrics) / T
    numbers = {
        "cost": metrics["cost"],
        "C_star": best.cost,
        "cost_gap": gap,
        "cost_gap_terms": I1,
        "cost_gap_residual": gap - I1.sum(axis=0),
        "regret": regret,
        "regret_terms": I2,
        "regret_residual": regret - I2.sum(axis=0),
        "loss_at_gamma": I3["loss at gamma*"] / T,
        "exploration_at_gamma": I3["exploration"] / T,
        "loss_residual": regret - sum(I3.values()) / T,
        "violation": metrics["violation"],
        "violation_queue": I4["terminal queue"] / T,
        "violation_reflection": I4["reflection"] / T,
        "violation_residual": metrics["violation"] - sum(I4.values()) / T,
    }
    return {name: values + np.zeros_like(metrics["cost"]) for name, values in numbers.items()}


def _stacked(terms: Mapping[str, Any], like: np.ndarray) -> np.ndarray:
    """[term, n] in the order of `TERMS`."""
    return np.stack([terms[name] + np.zeros_like(like) for name in TERMS])
