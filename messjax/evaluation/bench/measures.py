"""What is measured of a policy in one scenario: exact sums on the host, from the steps of all its streams."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from messjax.evaluation.bench.mixes import Realised
from messjax.evaluation.bench.program import Steps
from messjax.evaluation.bench.scenarios import PHASES, Scenario

WINDOW = 100  # requests of a window
ADOPTED, ADOPTED_FOR = 0.1, 50  # a model is adopted when its share of a window stays at least this for so many requests
POINTS = 60  # of a curve


class Path(NamedTuple):
    """What happened on S streams of T requests.

    Attributes:
        paid: Cost of everything that was queried [S, T].
        served_cost: Cost of the model that served [S, T].
        satisfaction: Satisfaction of the model that served, 0 for a refused request [S, T].
        serve: The model [S, T], -1 for a refused request.
        s_hat: Its prediction [S, T], NaN where there is none.
        propensity: The probability with which it was to serve [S, T], NaN where unknown.
    """

    paid: np.ndarray
    served_cost: np.ndarray
    satisfaction: np.ndarray
    serve: np.ndarray
    s_hat: np.ndarray
    propensity: np.ndarray


def path(steps: Steps, what: Realised) -> Path:
    """The steps with their costs and satisfactions.

    Args:
        steps: Steps [S, T].
        what: What every model cost and earned.

    Returns:
        The path, float64.
    """
    serve = np.asarray(steps.serve, np.intp)
    there = serve >= 0
    index = np.maximum(serve, 0)[..., None]
    cost, s = (np.take_along_axis(each, index, axis=-1)[..., 0] * there for each in what)
    return Path(np.asarray(steps.paid, np.float64), cost, s, serve, steps.s_hat, steps.propensity)


def windows(values: np.ndarray) -> np.ndarray:
    """Means over the last `WINDOW` requests (over all so far before there are as many).

    Args:
        values: [S, T].

    Returns:
        [S, T].
    """
    total = np.cumsum(values, axis=1)
    width = min(WINDOW, values.shape[1])
    moved = total.copy()
    moved[:, width:] -= total[:, :-width]
    return moved / np.minimum(np.arange(1, values.shape[1] + 1), width)


def per_stream(played: Path, track: str, target: float) -> dict[str, np.ndarray]:
    """The metrics of every stream at one target.

    Args:
        played: What happened.
        track: "floor" or "ceiling".
        target: alpha, or the budget per request.

    Returns:
        Metrics [S] by name.
    """
    s, paid = played.satisfaction, played.paid
    num = s.shape[1]
    floor = track == "floor"
    short = (target - s) if floor else (paid / target - 1.0)
    running = np.cumsum(short, axis=1) / np.arange(1, num + 1)
    late = np.where(running > 1e-9, np.arange(1, num + 1), 0).max(axis=1)
    in_windows = windows(short)[:, min(WINDOW, num) - 1 :]
    queue = np.zeros(len(s))
    largest = queue.copy()
    for t in range(num):
        queue = np.maximum(queue + short[:, t], 0.0)
        largest = np.maximum(largest, queue)
    error = played.s_hat - s
    share = np.isfinite(played.propensity)
    return {
        "cost": paid.mean(axis=1),
        "satisfaction": s.mean(axis=1),
        "violation": short.mean(axis=1),
        "violation_worst_window": in_windows.max(axis=1),
        "compliance_from": (late + 1).astype(float),
        "queue_max": largest,
        "exploration_cost": (paid - played.served_cost).mean(axis=1),
        "calibration": _mean_of_known(error),
        "propensity_known": share.mean(axis=1),
        "propensity_least": np.where(share.any(axis=1), np.where(share, played.propensity, np.inf).min(axis=1), np.nan),
        "refused": (played.serve < 0).mean(axis=1),
    }  # fmt: skip


def _mean_of_known(values: np.ndarray) -> np.ndarray:
    """[S] means of what is not NaN in [S, T]; NaN where there is nothing."""
    known = np.isfinite(values)
    return np.where(
        known.any(axis=1), np.where(known, values, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1), np.nan
    )


def per_phase(played: Path, phase: np.ndarray, track: str, target: float) -> dict[str, np.ndarray]:
    """Cost, satisfaction and violation of every phase.

    Args:
        played: What happened.
        phase: Phase of each request [T].
        track: "floor" or "ceiling".
        target: alpha, or the budget per request.

    Returns:
        Metrics [S, P] by name.
    """
    masks = [phase == p for p in range(PHASES)]
    cost = np.stack([played.paid[:, mask].mean(axis=1) for mask in masks], axis=1)
    s = np.stack([played.satisfaction[:, mask].mean(axis=1) for mask in masks], axis=1)
    return {
        "phase_cost": cost,
        "phase_satisfaction": s,
        "phase_violation": target - s if track == "floor" else cost / target - 1.0,
    }


def delays(played: Path, scenario: Scenario, phase: np.ndarray, track: str, target: float) -> dict[str, np.ndarray]:
    """How long a policy takes to track a change and to adopt a model that arrives.

    Tracking: requests after a change until a window that lies behind it meets the target again. Adoption: requests
    after a model's arrival until its share of a window stays at least 10% for 50 requests. Both are the length of what
    is left where it does not happen, and NaN where nothing changes.

    Args:
        played: What happened.
        scenario: The scenario.
        phase: Phase of each request [T].
        track: "floor" or "ceiling".
        target: alpha, or the budget per request.

    Returns:
        Metrics [S] by name.
    """
    num, count = len(phase), len(played.serve)
    result = {name: np.full(count, np.nan) for name in ("tracking_delay", "adoption_delay")}
    if int(scenario.model) < 0:
        return result
    start = int(np.argmax(phase == 1))
    values = played.satisfaction if track == "floor" else played.paid
    after = windows(values[:, start:])
    met = (after >= target) if track == "floor" else (after <= target)
    met[:, : min(WINDOW, met.shape[1]) - 1] = False
    result["tracking_delay"] = np.where(met.any(axis=1), np.argmax(met, axis=1) + 1.0, float(num - start))
    arrives = not scenario.available[0, int(scenario.model)]
    if arrives:
        share = windows((played.serve[:, start:] == int(scenario.model)).astype(float)) >= ADOPTED
        held = windows_of(share, ADOPTED_FOR)
        result["adoption_delay"] = np.where(held.any(axis=1), np.argmax(held, axis=1) + 1.0, float(num - start))
    return result


def windows_of(holds: np.ndarray, length: int) -> np.ndarray:
    """Whether something has held for so many requests in a row.

    Args:
        holds: [S, T] bool.
        length: How many.

    Returns:
        [S, T] bool.
    """
    total = np.cumsum(holds, axis=1)
    before = np.concatenate([np.zeros((len(holds), length), total.dtype), total[:, :-length]], axis=1)
    return np.asarray(total - before == length)


def curves(played: Path, points: np.ndarray) -> dict[str, np.ndarray]:
    """Cost and satisfaction of the last 100 requests, means over streams.

    Args:
        played: What happened.
        points: Request numbers [k], from 1.

    Returns:
        Curves [k] by name.
    """
    return {
        "window_cost": windows(played.paid)[:, points - 1].mean(axis=0),
        "window_satisfaction": windows(played.satisfaction)[:, points - 1].mean(axis=0),
    }
