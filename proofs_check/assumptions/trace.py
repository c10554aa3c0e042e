"""A1 to A8 on a recorded trace."""

from __future__ import annotations

from typing import Any

import numpy as np

from messjax import features
from messjax.traces import Trace
from messjax.traces.schema import OPTIONAL
from proofs_check.assumptions import learning, scores
from proofs_check.assumptions.order import check_order, components, standardised
from proofs_check.assumptions.report import Check, not_checkable, short

NO_COSTS = "no costs are recorded: --prices or --parameters"
NEED_COSTS = {"A7": "share of cost variance left by the features", "A8": "order of the models by cost and satisfaction"}
TEXTS, TABLES = ("prompts", "groups", "ids"), ("satisfaction", "cost", *OPTIONAL)  # of a trace, per request
BUCKETS = 64  # of the n-grams that drift and costs are looked for in
BUCKETS_LEARNED = 256  # of those the predictor learns from: the default of `messjax replay`


def check_trace(trace: Trace, alpha: float | None = None, seed: int = 0) -> list[Check]:
    """Every assumption of docs/theory.md on a trace, in the order of its requests.

    Where the trace has no costs at all (NaN), what needs them is not checkable: the order of the models, A7, A8, the
    costs of A2. The trace need not satisfy `messjax.traces.check_trace`: scores may leave [0, 1], and scores and costs
    may be NaN (missing), which is what A2 and A5 look for.

    Args:
      trace: N requests, M models; its last model is the one [M25] calls M.
      alpha: the satisfaction agreed in the SLA, which A3 needs; None leaves A3 out.
      seed: of permutations, of the requests held out, and of the folds.

    Returns:
      At least one check per assumption.

    Raises:
      ValueError: an alpha outside [0, 1], fewer than 20 requests, a model without any score, or without any cost
        where another has some.
    """
    if alpha is not None and not 0.0 <= alpha <= 1.0:
        raise ValueError(f"alpha: expected a number in [0, 1], found {alpha}")
    if len(trace.prompts) < 20:
        raise ValueError(f"trace {trace.source!r} has {len(trace.prompts)} requests, expected at least 20")
    priced = bool(np.isfinite(trace.cost).any())
    for name, values in (("score", trace.satisfaction), ("cost", trace.cost))[: 1 + priced]:
        for m, empty in enumerate(~np.isfinite(values).any(axis=0)):
            if empty:
                raise ValueError(
                    f"trace {trace.source!r}: model {trace.models[m]!r} has no {name}, expected at least one"
                )
    ngrams = features.hashed_ngrams(trace.prompts, dim=BUCKETS)
    length = np.array([[len(text), len(text.split())] for text in trace.prompts], np.float64)
    known = np.concatenate([ngrams, length, np.log1p(length)], axis=1)
    held = learn(trace, seed)
    checks = [
        *check_order(order_series(trace, ngrams), seed=seed, groups=trace.groups),
        *scores.check_bounded(trace.satisfaction, trace.cost if priced else None, trace.models),
        *scores.check_slater(trace.satisfaction, alpha, trace.models, ordered=priced),
        not_checkable(
            "A4", "dependence of exploration on the request", "a trace records no exploration: a replay draws its own"
        ),
        *scores.check_labels(trace.satisfaction, trace.models),
        *learning.check_prediction(held),
        *(
            [
                *learning.check_known_costs(known, trace.cost, trace.models, seed=seed),
                *scores.check_largest(trace.satisfaction, trace.cost, trace.models),
            ]
            if priced
            else [not_checkable(name, what, NO_COSTS) for name, what in NEED_COSTS.items()]
        ),
    ]
    return [check._replace(source=trace.source) for check in checks]


def learn(trace: Trace, seed: int) -> learning.HeldOut:
    """The default learned predictor on hashed n-grams of the trace's prompts, held out."""
    return learning.learn(features.hashed_ngrams(trace.prompts, dim=BUCKETS_LEARNED), trace.satisfaction, seed=seed)


def order_series(trace: Trace, ngrams: np.ndarray) -> dict[str, np.ndarray]:
    """The series that A1 is tested on, in standard deviations: scores, costs that vary, n-grams."""
    series = {
        f"scores of {short(model)}": column for model, column in zip(trace.models, trace.satisfaction.T, strict=True)
    }
    for model, column in zip(trace.models, trace.cost.T, strict=True):
        if np.isfinite(column).any() and np.nanmax(column) > np.nanmin(column):
            series[f"costs of {short(model)}"] = column
    for name, column in series.items():  # a missing entry has no order: the mean of the others
        there = np.isfinite(column)
        series[name] = standardised(np.where(there, column, column[there].mean()))
    return series | {"n-grams": components(ngrams)}


def shuffled(trace: Trace, seed: int) -> Trace:
    """The requests of a trace in a random order."""
    order = np.random.default_rng(seed).permutation(len(trace.prompts))
    moved: dict[str, Any] = {name: table[order] for name in TABLES if (table := getattr(trace, name)) is not None}
    for name in TEXTS:
        column = tuple(getattr(trace, name))
        moved[name] = tuple(column[n] for n in order) if column else ()
    return trace._replace(**moved, source=f"{trace.source}, shuffled")
