"""A1: requests are i.i.d. Under it every order of the requests is equally likely, which permutations test exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from messjax.statistics import intervals
from proofs_check.assumptions.report import LEVEL, TOLERANCE_SD, Check, not_checkable, rms_of_means, row

BLOCKS = 10  # consecutive blocks whose means are compared
LAGS = 5  # autocorrelations taken together
COMPONENTS = 8  # principal components that stand for the features
TESTS = ("change point", "lags", "blocks")
_CHUNK = 4_000_000  # numbers permuted at once


def check_order(
    series: Mapping[str, np.ndarray], *, seed: int, groups: Sequence[str] = (), permutations: int = 999
) -> list[Check]:
    """A1 for several series of the same requests in their order.

    Three statistics per series: the largest partial sum of deviations from the mean (CUSUM: change points, drift),
    the sum of squared autocorrelations at lags 1 to 5 (dependence), the chi-square of the means of ten
    consecutive blocks. p-values count random permutations (Phipson and Smyth 2010: never zero) and are
    corrected by Holm over all series and statistics; the effect size is the rms drift of the true block means.

    Args:
      series: name -> [N] or [N, k] in standard deviations of one request, finite. Columns are averaged and should be
        uncorrelated. A series that does not vary has no order.
      seed: of the permutations.
      groups: N labels, to say where the largest partial sum lies.
      permutations: at least; more are taken for many series, so that the smallest p can pass Holm's correction.

    Returns:
      One check per series.
    """
    what = "rms drift of the means of ten blocks (s.d. of one request)"
    shaped = {name: np.asarray(values, np.float64).reshape(len(values), -1) for name, values in series.items()}
    centred = {name: values - values.mean(axis=0) for name, values in shaped.items()}
    moving = {
        name: values
        for name, values in centred.items()
        if len(values) >= 2 * BLOCKS and (np.abs(values) > 1e-9).any(axis=0).all()
    }
    checks = [
        not_checkable("A1", what, f"{name}: constant, or fewer than {2 * BLOCKS} requests")
        for name in shaped
        if name not in moving
    ]
    if not moving:
        return checks
    p_values = _p_values(list(moving.values()), seed, max(permutations, 40 * len(TESTS) * len(moving) - 1))
    adjusted = intervals.holm(p_values.ravel()).reshape(p_values.shape)
    for (name, values), raw, p in zip(moving.items(), p_values, adjusted, strict=True):
        effect = rms_of_means(values, block_of(len(values)), centred=True)
        small = "holds" if effect.upper <= TOLERANCE_SD else "undecided"
        verdict = "rejected" if p.min() <= 1.0 - LEVEL else small
        at = int(np.argmax((np.cumsum(values, axis=0) ** 2).sum(axis=-1)))
        where = f"request {at + 1:,}" + (f" ({groups[at]})" if len(groups) == len(values) else "")
        label = ", ".join(f"{test} {q:.2g}" for test, q in zip(TESTS, raw, strict=True))
        detail = f"{name}: p of {label}" + (f"; turns at {where}" if verdict == "rejected" else "")
        checks.append(row("A1", what, effect, verdict, detail, p=float(p.min())))
    return checks


def block_of(num: int, blocks: int = BLOCKS) -> np.ndarray:
    """The block [N] of every request: consecutive, of equal sizes up to one."""
    return np.arange(num) * blocks // num


def standardised(values: np.ndarray) -> np.ndarray:
    """[N, ...] with mean zero and standard deviation one along the first axis; constant columns become zero."""
    centred = values - values.mean(axis=0)
    deviation = values.std(axis=0)
    constant = deviation <= 1e-9 * np.abs(values).max(axis=0)
    return np.where(constant, 0.0, centred / np.where(constant, 1.0, deviation))


def components(features: np.ndarray) -> np.ndarray:
    """The first principal components of features [N, d]: uncorrelated columns of unit variance [N, 1 to 8].

    Features that never vary give one column of zeros.
    """
    centred = np.asarray(features, np.float64) - np.mean(features, axis=0, dtype=np.float64)
    values, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
    kept = np.argsort(values)[::-1][:COMPONENTS]
    kept = kept[values[kept] > 1e-9 * np.abs(features).max(initial=0.0) ** 2]
    if not len(kept):
        return np.zeros((len(centred), 1))
    return centred @ vectors[:, kept] / np.sqrt(values[kept])


def _p_values(series: list[np.ndarray], seed: int, permutations: int) -> np.ndarray:
    """[series, 3]: the share of orders, the given one among them, that look at least as unlike chance as it does."""
    rng = np.random.default_rng(seed)
    observed = [_statistics(values) for values in series]
    num = len(series[0])
    beyond = np.zeros((len(series), len(TESTS)))
    chunk = max(1, _CHUNK // (num * max(values.shape[1] for values in series)))
    for start in range(0, permutations, chunk):
        orders = rng.permuted(np.tile(np.arange(num), (min(chunk, permutations - start), 1)), axis=1)
        for i, values in enumerate(series):
            beyond[i] += (_statistics(values[orders]) >= observed[i] * (1.0 - 1e-9)).sum(axis=0)
    return (1.0 + beyond) / (1.0 + permutations)


def _statistics(values: np.ndarray) -> np.ndarray:
    """[..., N, k] of mean zero -> [..., 3] in the order of TESTS; permutations leave their scale alone."""
    num = values.shape[-2]
    walk = np.cumsum(values, axis=-2)
    change = (walk**2).sum(axis=-1).max(axis=-1)
    lags = sum(
        np.einsum("...nk,...nk->...", values[..., lag:, :], values[..., :-lag, :]) ** 2 for lag in range(1, LAGS + 1)
    )
    ends = np.searchsorted(block_of(num), np.arange(1, BLOCKS + 1))  # requests before the end of each block
    sums = np.diff(walk[..., ends - 1, :], axis=-2, prepend=0.0)
    blocks = ((sums**2).sum(axis=-1) / np.diff(ends, prepend=0)).sum(axis=-1)
    return np.stack([change, lags, blocks], axis=-1)
