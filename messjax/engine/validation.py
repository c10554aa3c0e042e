"""What a run is asked for, checked on the host before anything compiles: one clear ValueError each."""

from __future__ import annotations

from typing import Any

import numpy as np

from messjax import feedback as _feedback
from messjax.streams.float32 import LARGEST
from messjax.theory import optimum
from messjax.types import Controls, Stream


def check_horizon(horizon: int, checkpoints: int, stream: Stream) -> None:
    """ValueError for a horizon below one or beyond a recorded trace, or a number of checkpoints that makes no sense."""
    if not isinstance(horizon, int | np.integer):
        raise ValueError(f"horizon: expected a whole number of requests, found {horizon!r}")
    if horizon < 1:
        raise ValueError(f"horizon: expected at least one request, found {horizon}")
    if horizon >= 2**31 - 1:
        raise ValueError(f"horizon: expected less than 2^31 - 1 requests (t is an int32), found {horizon}")
    if stream.length is not None and horizon > stream.length:
        raise ValueError(f"horizon: the trace has {stream.length} requests, found horizon {horizon}")
    if not 0 <= checkpoints <= horizon:
        raise ValueError(f"checkpoints: expected 0 to {horizon} (the horizon), found {checkpoints}")


def check_controls(controls: Controls) -> dict[str, np.ndarray]:
    """Every control as a float64 array [] or [n]; ValueError naming the control, what was found and expected.

    alpha is rounded to six decimals here, once: queue, violation, C* and bounds then speak of the same agreement.
    """
    bounds = {"V": (0.0, LARGEST), "alpha": (0.0, 1.0), "c": (0.0, LARGEST), "a": (0.0, LARGEST), "f": (0.0, 1.0)}
    axes = {}
    for name, value in controls._asdict().items():
        low, high = bounds[name]
        try:
            values = np.asarray(value, np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name}: expected a number or a list of numbers, found {value!r}") from error
        if values.ndim > 1 or values.size == 0:
            raise ValueError(f"{name}: expected a number or a non-empty 1-d array, found shape {values.shape}")
        bad = ~((values >= low) & (values <= high))
        if bad.any():
            result = np.atleast_1d(values)[np.atleast_1d(bad)][0]
            raise ValueError(f"{name}: expected every value in [{low:g}, {high:g}], found {result}")
        axes[name] = np.round(values, 6) if name == "alpha" else values
    return axes


def check_alpha(alpha: np.ndarray, largest: float) -> None:
    """ValueError when an alpha is above what any policy attains, naming the largest attainable one."""
    worst = float(np.max(alpha))
    if worst > largest + 1e-12:
        raise ValueError(f"alpha: {worst:g} is infeasible: the largest attainable satisfaction is {largest:.6f}")


def check_run(
    controls: Controls, stream: Stream, feedback: Any, horizon: int, checkpoints: int
) -> dict[str, np.ndarray]:
    """All of it for one run: the controls as arrays, or a ValueError that says what does not fit."""
    check_horizon(horizon, checkpoints, stream)
    axes = check_controls(controls)
    if feedback is _feedback.complete and np.any(axes["f"] != 1.0):
        raise ValueError(
            f"f: {axes['f']} has no effect with complete feedback; expected 1, or feedback=feedback.sparse"
        )
    if stream.distribution is not None:
        check_alpha(axes["alpha"], optimum.largest_alpha(stream.distribution()))
    return axes
