"""A4: whether a request is explored is independent of the request, given t."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import special

from messjax.statistics import intervals
from proofs_check.assumptions.report import LEVEL, TOLERANCE_SD, Check, corrected, not_checkable, row

_CHUNK = 20_000_000  # exploration decisions permuted at once


def check_exploration(
    explore: np.ndarray, covariates: np.ndarray, names: Sequence[str], *, seed: int, permutations: int = 499
) -> Check:
    """Test A4 on the decisions to explore at equal t of many independent streams.

    At every t the explored requests are compared with the others; under A4 shifting the decisions at request t from
    stream to stream changes no distribution, whatever p_t is, so that the permutation test of the largest standardised
    difference is exact. The effect is the difference of means in standard deviations, with limits that hold for all
    covariates together.

    Args:
      explore: [S, T] bool, whether request t of a stream was explored.
      covariates: [S, T, k] what they may depend on: features and their squares, costs, labels.
      names: of the k covariates.
      seed: of the shifts.
      permutations: how many.

    Returns:
      The check, "not checkable" where no t has explored and exploited requests.
    """
    what = "largest difference explored - exploited, at equal t (s.d.)"
    num, length = explore.shape
    explored = explore.astype(np.float64)
    ones = explored.sum(axis=0)
    weight = ones * (num - ones) / num  # [T], of each t's difference of means
    if num < 2 or weight.sum() == 0:
        return not_checkable("A4", what, f"no t at which some of {num} streams explored and some did not")
    z = covariates - covariates.mean(axis=0)
    scale = np.sqrt((z**2).mean(axis=(0, 1)))
    varying = scale > 1e-6 * np.maximum(np.abs(covariates).max(axis=(0, 1)), 1e-30)
    if not varying.any():
        return not_checkable("A4", what, "every request is like every other")
    z, names = z[..., varying] / scale[varying], [name for name, batch in zip(names, varying, strict=True) if batch]
    error = np.sqrt(
        np.einsum("t,stk->k", weight / (num - 1), z**2)
    )  # of the sum over explored requests, under permutations
    flat = (z / error).transpose(1, 0, 2).reshape(num * length, -1)  # [T S, k]
    scores = explored.T.reshape(-1) @ flat
    p = _p_value(explored, flat, float(np.abs(scores).max()), seed, permutations)
    reach = float(special.ndtri((1.0 + corrected(len(names))) / 2.0))
    result = [
        intervals.Interval(d, d - reach * e, d + reach * e, LEVEL, int(ones.sum()))
        for d, e in zip(scores * error / weight.sum(), error / weight.sum(), strict=True)
    ]
    worst = int(np.argmax(np.abs(scores)))
    small = all(max(-each.lower, each.upper) <= TOLERANCE_SD for each in result)
    verdict = "rejected" if p <= 1.0 - LEVEL else "holds" if small else "undecided"
    detail = f"{names[worst]}, the largest of {len(names)} covariates; {int(ones.sum()):,} explored of {num * length:,}"
    return row("A4", what, result[worst], verdict, detail, p=p)


def _p_value(explored: np.ndarray, flat: np.ndarray, observed: float, seed: int, permutations: int) -> float:
    """The share of shifts, the identity among them, whose largest score is at least the observed one."""
    rng = np.random.default_rng(seed)
    num, length = explored.shape
    streams, times = np.arange(num), np.arange(length)
    beyond = 0
    chunk = max(1, _CHUNK // (num * length))
    for start in range(0, permutations, chunk):
        shifts = rng.integers(0, num, (min(chunk, permutations - start), length))
        moved = explored[(streams + shifts[..., None]) % num, times[:, None]]  # [chunk, T, S]
        scores = moved.reshape(len(shifts), -1) @ flat
        beyond += int((np.abs(scores).max(axis=1) >= observed * (1.0 - 1e-9)).sum())
    return (1 + beyond) / (1 + permutations)
