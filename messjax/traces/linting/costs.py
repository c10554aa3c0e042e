"""Checks of costs: absent, missing, negative, in two units, prices instead of costs, order against accuracy (A8)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from messjax.traces.costs import UNIT_TOKENS, ways
from messjax.traces.findings import Finding
from messjax.traces.linting.cells import handled_by
from messjax.traces.linting.report import counted, mean_where, of_cells, per_model
from messjax.traces.recording import Recording

CONFUSED = 1e6  # times more expensive: another unit rather than another model
PLAUSIBLE = (1e-3, 1e4)  # USD per 1M tokens
_SHOWN = 3


def values(recording: Recording, cost: np.ndarray | None) -> Iterator[Finding]:
    """Costs that a trace cannot have, and costs of zero.

    Args:
        recording: The recording.
        cost: Costs [N, M], or None.

    Yields:
        Findings.
    """
    if cost is None:
        yield Finding("no costs", "error", recording.score.size, "none are recorded", (), ways(recording))
        return
    known, option = ~np.isnan(recording.score), handled_by(recording, cost)
    what = {
        "missing costs": (np.isnan(cost) & known, "a score, but no cost"),
        "negative costs": (cost < 0.0, "below 0"),
        "infinite costs": (cost == np.inf, "not finite"),
    }
    for name, (bad, text) in what.items():
        if bad.any():
            message = f"{text}: {counted(recording, bad.sum(axis=0))}"
            yield of_cells(recording, name, "error", bad, message, option, values=cost)
    if (free := (cost == 0.0) & known).any():
        message = f"cost 0: {counted(recording, free.sum(axis=0))}"
        yield of_cells(recording, "free cells", "warning", free, message, "another --cost", values=cost)


def units(recording: Recording, cost: np.ndarray | None) -> Iterator[Finding]:
    """Costs that differ by a factor of a million, between models and within one.

    Args:
        recording: The recording.
        cost: Costs [N, M], or None.

    Yields:
        Findings.
    """
    if cost is None:
        return
    good = (cost > 0.0) & (cost < np.inf)
    mean = mean_where(cost, good)
    if np.isfinite(mean).any() and np.nanmax(mean) >= CONFUSED * np.nanmin(mean):
        expensive, cheap = int(np.nanargmax(mean)), int(np.nanargmin(mean))
        message = (
            f"{recording.models[expensive]} costs {mean[expensive] / mean[cheap]:.3g} times as much as "
            f"{recording.models[cheap]} ({mean[expensive]:.3g} and {mean[cheap]:.3g}): two units?"
        )
        yield Finding("unit confusion", "warning", 1, message, (), "another --cost")
    largest, least = _extremes(cost, good)
    if (wide := largest >= CONFUSED * least).any():
        median = np.array([np.median(cost[good[:, m], m]) if wide[m] else np.nan for m in range(len(wide))])
        with np.errstate(over="ignore"):
            bad = good & wide & ((cost > median * 1e3) | (cost < median / 1e3))
        message = f"of one model a million times apart, far from its median: {counted(recording, bad.sum(axis=0))}"
        yield of_cells(recording, "units within a model", "warning", bad, message, "another --cost", values=cost)


def _extremes(cost: np.ndarray, good: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Largest and least good cost per model [M]; (0, inf) where there is none."""
    return np.where(good, cost, 0.0).max(axis=0), np.where(good, cost, np.inf).min(axis=0)


def prices(recording: Recording, cost: np.ndarray | None) -> Iterator[Finding]:
    """Recorded costs in USD that are implausible per token, or that are the same for every request.

    Args:
        recording: The recording.
        cost: Costs [N, M], or None.

    Yields:
        Findings.
    """
    if cost is None or recording.cost is None or cost is not recording.cost:
        return
    if recording.cost_unit == UNIT_TOKENS and recording.output_tokens is not None:
        yield from _per_token(recording, cost)
    largest, least = _extremes(cost, (cost > 0.0) & (cost < np.inf))
    same = (largest == least) & (len(cost) > 1)
    if same.any():
        names = ", ".join(recording.models[m] for m in np.flatnonzero(same)[:_SHOWN])
        message = f"the same for every request, a price rather than a cost: {names}"
        yield Finding("constant costs", "info", int(same.sum()), message)


def _per_token(recording: Recording, cost: np.ndarray) -> Iterator[Finding]:
    """Total cost over total tokens [M], which should be a price."""
    assert recording.output_tokens is not None
    tokens = recording.output_tokens + (0.0 if recording.input_tokens is None else recording.input_tokens)
    both = (cost > 0.0) & (cost < np.inf) & (tokens > 0.0)
    price = 1e6 * mean_where(cost, both) / mean_where(tokens, both)
    bad = (price < PLAUSIBLE[0]) | (price > PLAUSIBLE[1])
    if bad.any():
        message = (
            f"USD per 1M tokens, as costs over tokens say: {per_model(recording, price)}; "
            f"expected {PLAUSIBLE[0]:g} to {PLAUSIBLE[1]:g}: costs per 1M tokens, not per request?"
        )
        yield Finding("costs per what", "warning", int(bad.sum()), message, (), "--cost tokens --prices ...")


def order(recording: Recording, cost: np.ndarray | None) -> Iterator[Finding]:
    """Pairs of models of which the cheaper one is the better one: assumption A8 of [M25] is that there are none.

    Args:
        recording: The recording.
        cost: Costs [N, M], or None.

    Yields:
        Findings.
    """
    if cost is None:
        return
    known = ~np.isnan(recording.score) & (cost >= 0.0) & (cost < np.inf)
    price, score = mean_where(cost, known), mean_where(recording.score, known)
    if (pairs := np.argwhere((price[:, None] < price) & (score[:, None] > score))).size:
        worst = pairs[np.argsort(score[pairs[:, 1]] - score[pairs[:, 0]], kind="stable")]
        examples = tuple(
            f"{recording.models[a]} costs {price[a]:.4g} and scores {score[a]:.3f}, "
            f"{recording.models[b]} {price[b]:.4g} and {score[b]:.3f}"
            for a, b in worst[:_SHOWN]
        )
        many = len(price) * (len(price) - 1) // 2
        message = f"of {many:,} pairs of models: the cheaper one is the better one, A8 does not hold"
        yield Finding("cost order against accuracy", "warning", len(pairs), message, examples)
