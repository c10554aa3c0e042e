"""The long-run variance of a dependent sequence, estimated from its paths by overlapping batch means.

For a stationary sequence it is the variance plus twice the sum of all autocovariances: what T times the variance of a
mean over T requests tends to. Host code, NumPy float64.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from messjax.statistics.intervals import Interval, interval, samples_of


def long_run_variance(
    values: ArrayLike, *, mean: float | None = None, batch: int | None = None, level: float = 0.95
) -> Interval:
    """The long-run variance of a stationary sequence, by overlapping batch means, with an interval over streams.

    On each stream it is b times the mean square of all averages over b consecutive values, less their mean (Meketon
    and Schmeiser 1984; for a known mean without their correction for estimating it). Correlations that reach beyond b
    are missed. The limits are Student's over streams, asymptotic, and hold no bias of that kind.

    Args:
        values: [n, T] a sequence on each of n independent streams.
        mean: Its mean, where known; None: estimated on each stream.
        batch: b; None: T^(2/3).
        level: Confidence of the interval.

    Returns:
        Estimate and limits, in the square of the unit of `values`.

    Raises:
        ValueError: Fewer than two streams, a batch outside 1 to T - 1, or values that are not finite.

    Example:
        >>> coins = np.random.default_rng(0).integers(0, 2, (64, 1_000))
        >>> print(f"{long_run_variance(coins, mean=0.5).mean:.2f}")
        0.25
    """
    paths = samples_of(np.asarray(values, np.float64).T, "values").T  # the streams are its first axis
    if paths.ndim != 2:
        raise ValueError(f"values has shape {np.shape(values)}, expected [streams, T]")
    T = paths.shape[1]
    b = round(T ** (2.0 / 3.0)) if batch is None else batch
    if not 1 <= b < T:
        raise ValueError(f"batch is {b}, expected 1 to T - 1 = {T - 1}")
    centre = paths.mean(axis=1, keepdims=True) if mean is None else mean
    sums = np.concatenate([np.zeros((len(paths), 1)), np.cumsum(paths - centre, axis=1)], axis=1)
    squares = ((sums[:, b:] - sums[:, :-b]) ** 2).mean(axis=1) / b
    return interval(squares * (1.0 if mean is not None else T / (T - b)), level)
