"""Numbers as the simulation holds them: float32, checked not to overflow or vanish."""

from __future__ import annotations

import numpy as np

LARGEST = 1e18  # times V and summed over models this stays finite in float32


def simulated(name: str, values: np.ndarray) -> np.ndarray:
    """`values` rounded to float32, as float64: what the engine computes with, so that optimum and bounds agree with it.

    Args:
        name: Name of the argument, for error messages.
        values: Numbers of any shape.

    Returns:
        The rounded numbers, float64, in the same shape.

    Raises:
        ValueError: A number beyond 1e18, or one that becomes zero in float32.
    """
    values = np.asarray(values, np.float64)
    with np.errstate(under="ignore", over="ignore"):
        rounded = values.astype(np.float32).astype(np.float64)
    bad = (np.abs(values) > LARGEST) | ((rounded == 0) & (values != 0))
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(f"{name}{list(where)} is {values[where]:g}, expected 0 or a size between 1e-44 and 1e18")
    return rounded
