"""Where a learned router's excess comes from: refinement, calibration, exploration and control.

At a fixed price g of satisfaction, serving model m costs h_m = E_m + g (alpha - s_m). What a router pays in h above a
reference router splits exactly, request by request, at two further choices between its own and the reference's:

    exploration   explored requests: all models are paid for, the last one serves
    control       exploited: h of the model served - h of the choice by s_hat at the price g (the price Q/V moves)
    calibration   h of the choice by s_hat at the price g - h of the best model of the request's cell
    refinement    h of the best model of the cell - h of the reference (what a router that sees the cell only must lose)

The best model of a cell is chosen on one half of the requests and evaluated on the other, so that nothing is fitted to
what it is measured on. Host code, NumPy float64.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

PARTS = ("refinement", "calibration", "exploration", "control")


class Path(NamedTuple):
    """Requests of one run.

    Attributes:
        cost: [T, M] costs of every model.
        satisfaction: [T, M] means mu where they are known, else recorded labels.
        s_hat: [T, M] what was predicted.
        serve: [T] model served.
        explored: [T] bool, whether the request was explored.
        reference: [T] the reference's choice.
    """

    cost: np.ndarray
    satisfaction: np.ndarray
    s_hat: np.ndarray
    serve: np.ndarray
    explored: np.ndarray
    reference: np.ndarray


def regret_split(path: Path, cells: ArrayLike, *, alpha: float, price: float) -> dict[str, np.ndarray]:
    """The four parts of every request's excess over the reference, in cost units; they add up to it exactly.

    Their sum over requests is the cost of the run less that of the reference, plus the price times the satisfaction
    that the run has less. With labels for means every part keeps its mean, because the choices do not see the labels.

    Args:
        path: The run.
        cells: [T] number of each request's cell.
        alpha: Required satisfaction (it cancels between the parts of exploited requests).
        price: g, in cost units per unit of satisfaction.

    Returns:
        [T] each, by the names of `PARTS`, and their sum as "excess".

    Raises:
        ValueError: Shapes that disagree.

    Source: "Information" in docs/theory.
    """
    cost, s, s_hat = (np.asarray(each, np.float64) for each in path[:3])
    number, explored = np.asarray(cells), np.asarray(path.explored, bool)
    shapes = [each.shape for each in (cost, s, s_hat, path.serve, explored, path.reference, number)]
    if cost.ndim != 2 or shapes[:3] != [cost.shape] * 3 or shapes[3:] != [cost.shape[:1]] * 4:
        raise ValueError(f"path and cells have shapes {shapes}, expected [T, M] three times, then [T] four times")
    rows = np.arange(len(cost))
    h = cost + price * (alpha - s)
    paid = np.where(explored, cost.sum(axis=1) + price * (alpha - s[:, -1]), h[rows, path.serve])
    at_price, reference = h[rows, (cost - price * s_hat).argmin(axis=1)], h[rows, path.reference]
    in_cell = h[rows, best_in_cell(h, number)]
    return {
        "refinement": np.where(explored, 0.0, in_cell - reference),
        "calibration": np.where(explored, 0.0, at_price - in_cell),
        "exploration": np.where(explored, paid - reference, 0.0),
        "control": np.where(explored, 0.0, paid - at_price),
        "excess": paid - reference,
    }


def best_in_cell(h: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """The model of least mean h in each request's cell, by the requests of the other half (even or odd).

    Args:
        h: [T, M] what each model costs.
        cells: [T] number of each request's cell, 0, 1, ...

    Returns:
        [T] numbers of models; where the other half has no request of a cell, its best model over all cells.
    """
    even, choice = np.arange(len(h)) % 2 == 0, np.zeros(len(h), np.intp)
    for own in (even, ~even):
        count = np.bincount(cells[~own], minlength=int(cells.max()) + 1)
        total = np.stack([np.bincount(cells[~own], column[~own], len(count)) for column in h.T], axis=1)
        mean = np.where(count[:, None] > 0, total / np.maximum(count, 1)[:, None], h[~own].mean(axis=0))
        choice[own] = mean.argmin(axis=1)[cells[own]]
    return choice
