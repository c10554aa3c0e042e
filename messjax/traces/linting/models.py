"""Checks of models: those that never differ from another, or from request to request, and too few of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from messjax.traces.findings import Finding
from messjax.traces.recording import Recording

_FIRST = 1_000  # requests that distinguish most pairs


def alike(recording: Recording) -> Iterator[Finding]:
    """Two models with equal scores on all requests they share; a model with one score; a single model.

    Args:
        recording: The recording.

    Yields:
        Findings.
    """
    score, names = recording.score, recording.models
    if len(names) == 1:
        yield Finding("one model", "warning", 1, f"{names[0]}: there is nothing to route")
    if similar := _similar(names):
        message = "models whose names differ by case or space only: one model under two names?"
        yield Finding("names alike", "warning", len(similar), message, tuple(similar[:3]))
    pairs = list(_equal_pairs(score))
    if pairs:
        examples = tuple(f"{names[a]} and {names[b]} ({shared:,} shared requests)" for a, b, shared in pairs[:3])
        message = "pairs of models with equal scores on all shared requests: the more expensive one is of no use"
        yield Finding("models that never differ", "warning", len(pairs), message, examples)
    known = ~np.isnan(score)
    largest, least = np.where(known, score, -np.inf).max(axis=0), np.where(known, score, np.inf).min(axis=0)
    constant = np.flatnonzero((largest == least) & (known.sum(axis=0) > 1))
    if constant.size:
        examples = tuple(f"{names[m]}: always {largest[m]:g}" for m in constant[:3])
        yield Finding("constant scores", "warning", len(constant), "models with one score throughout", examples)


def _similar(names: tuple[str, ...]) -> list[str]:
    """Groups of names that are equal but for case and space."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault("".join(name.split()).casefold(), []).append(name)
    return [" and ".join(map(repr, group)) for group in groups.values() if len(group) > 1]


def _equal_pairs(score: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """(a, b, shared requests), a < b; compares all requests only where the first thousand do not differ."""
    num = score.shape[1]
    for a in range(num):
        for b in range(a + 1, num):
            if not _differ(score[:_FIRST, a], score[:_FIRST, b]) and not _differ(score[:, a], score[:, b]):
                shared = int((~np.isnan(score[:, a]) & ~np.isnan(score[:, b])).sum())
                if shared > 1:
                    yield a, b, shared


def _differ(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(((one < other) | (one > other)).any())  # false where either is NaN
