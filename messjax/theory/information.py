"""What a router that sees less costs: T2' against the best router that knows only the cell of a request.

A partition G puts every request into one of B cells by its features. `cells_of` makes the distribution of cells,
`partition_cost` the bound, `partition_statement` the statement for one partition of one's own; `STATEMENTS` are those
for three partitions that every distribution has (`partitions`). Proofs in docs/theory, "Information".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from messjax.theory import optimum
from messjax.theory.arguments import floats
from messjax.theory.constants import BoundInputs, bound_function
from messjax.theory.decision_loss import T2_prime_cost
from messjax.theory.statement import Claim, Conclusion, NotApplicable, NotTested, Run, Statement, define_statement
from messjax.types import Distribution


def cells_of(distribution: Distribution, cells: ArrayLike) -> Distribution:
    """The distribution of the cells of a partition: their probabilities, mean costs and mean satisfactions.

    Args:
        distribution: K request types and M models.
        cells: [K] number of each type's cell, 0, 1, ...

    Returns:
        The distribution of the B cells that have a positive probability, in the order of their numbers.

    Raises:
        ValueError: An invalid distribution, or cells of another shape or that are no whole numbers >= 0.

    Example:
        >>> from messjax.types import Distribution
        >>> two = Distribution(np.array([0.5, 0.5]), np.ones((2, 1)), np.array([[0.2], [0.6]]))
        >>> print(f"{cells_of(two, [0, 0]).mean[0, 0]:.1f}")
        0.4
    """
    distribution = optimum.check_distribution(distribution)
    number = _numbers(cells, len(distribution.weight))
    weight = np.bincount(number, distribution.weight)
    kept = weight > 0
    cost, mean = (
        np.stack([np.bincount(number, distribution.weight * column) for column in table.T], axis=1)[kept]
        / weight[kept, None]
        for table in (distribution.cost, distribution.mean)
    )
    return Distribution(weight[kept], cost, np.clip(mean, 0.0, 1.0))


def _numbers(cells: ArrayLike, num: int) -> NDArray[np.intp]:
    number = np.asarray(cells)
    if number.shape != (num,) or number.dtype.kind not in "iu" or number.min() < 0:
        raise ValueError(f"cells has shape {number.shape} of {number.dtype}, expected [{num}] whole numbers >= 0")
    return number.astype(np.intp)


@bound_function("V T P_T E_all C_star B0 k0 D_T")
def partition_cost(inputs: BoundInputs, *, C_cells: ArrayLike) -> Any:
    """T2' for a partition G (mean), predicts from D_G:

        average cost - C* <= (C*_G - C*) (1 - P_T/T) + the bound of T2' with D_G for D_T.

    D_G = sum (1 - p_t) E[V E_i + Q_t (alpha - mu_i) - min_m {V E_m + Q_t (alpha - nu_m)}], the costs and
    means in the minimum being those of the request's cell. Hypotheses of `T2_prime_cost`, and alpha attainable by a
    router that sees the cell only. D_G may be negative; with one cell per type the bound is T2'. Re-derived here.

    Args:
        inputs: What `T2_prime_cost` takes, with D_G for D_T.
        C_cells: [...] C*_G, in cost per request.

    Returns:
        The bound on the cost gap, in cost per request.
    """
    C, T, P_T, C_star = floats(C_cells, inputs.T, inputs.P_T, inputs.C_star)
    return T2_prime_cost(inputs) + (C - C_star) * (1.0 - P_T / T)


def bins_of(s_hat: np.ndarray, price: float, cost: np.ndarray, num_cells: int) -> np.ndarray:
    """Cells of about equal size by what the router believes to gain: least predicted h less that of the cheapest model.

    Args:
        s_hat: [T, M] predictions.
        price: g, in cost units per unit of satisfaction.
        cost: [T, M] costs.
        num_cells: Number of cells.

    Returns:
        [T] number of each request's cell, 0 to num_cells - 1.
    """
    believed = cost - price * s_hat
    gain = believed.min(axis=1) - believed[:, 0]
    finer = gain - 1e-9 * s_hat[:, 0]  # where the cheapest model is the choice: by its own prediction
    rank = np.argsort(np.argsort(finer, kind="stable"), kind="stable")
    return rank * num_cells // len(rank)


def loss_metric(name: str) -> str:
    """The metric that holds D_G of a partition, summed over the exploited requests of one stream.

    Args:
        name: Name of the partition.

    Returns:
        "decision_loss, NAME".
    """
    return f"decision_loss, {name}"


def partitions(distribution: Distribution, alpha: float) -> dict[str, NDArray[np.intp]]:
    """Three partitions of the request types, from the coarsest to the finest: what `STATEMENTS` are about.

    Args:
        distribution: K request types and M models.
        alpha: Required satisfaction, attainable.

    Returns:
        [K] cells by name: "one cell"; "bins of mu", four of about equally many types by what an oracle gains at the
        price gamma* over the cheapest model; "types", one cell each.

    Raises:
        ValueError: As `optimum.solve`.
    """
    num = len(distribution.weight)
    bins = bins_of(
        np.asarray(distribution.mean), optimum.solve(distribution, alpha).gamma, np.asarray(distribution.cost), 4
    )
    return {"one cell": np.zeros(num, np.intp), "bins of mu": bins, "types": np.arange(num)}


def partition_statement(name: str, cells: ArrayLike) -> Statement:
    """T2' for one partition of the request types, as a statement.

    It reads D_G, the sum over exploited requests of one stream, from the metric "decision_loss, NAME"
    (`meters.partition_losses`).

    Args:
        name: Name of the partition, "bins of s_hat".
        cells: [K] number of each type's cell.

    Returns:
        The statement "Partition NAME".
    """
    return _statement(name, lambda run: cells)


def _statement(name: str, cells: Callable[[Run], ArrayLike]) -> Statement:
    def of(run: Run) -> Conclusion:
        gap, metric = run.metrics["cost"] - run.best.cost, loss_metric(name)
        if run.V == 0 or metric not in run.metrics:
            return NotApplicable("V = 0", gap) if run.V == 0 else NotTested(f"the run has no metric {metric!r}", gap)
        assert run.distribution is not None
        coarse = cells_of(run.distribution, cells(run))
        if run.alpha > optimum.largest_alpha(coarse):
            return NotApplicable("alpha is out of reach of a router that sees the cell only", gap)
        best = optimum.solve(coarse, run.alpha).cost

        def bound(D: Any, X: Any) -> Any:
            return partition_cost(run.inputs(D_T=D, exploration_queue=X), C_cells=best)

        return Claim(gap, bound, run.over(metric, "exploration_queue"))

    of.__doc__ = f"Average cost - C* <= (C*_G - C*)(1 - P_T/T) + T2' with D_G for D, G: {name}."
    return define_statement(
        f"Partition {name}",
        source="Partition in docs/theory",
        assumptions="A1 A2 A4",
        unit="average cost - C* (cost per request)",
        lemmas=("l2_centred", "step_decision_loss", "t2_prime", "step_partition"),
        policy="mess_plus",
        feedback="complete",
    )(of)


def _of_distribution(name: str) -> Statement:
    def cells(run: Run) -> ArrayLike:
        assert run.distribution is not None
        return partitions(run.distribution, run.alpha)[name]

    return _statement(name, cells)


STATEMENTS: tuple[Statement, ...] = tuple(_of_distribution(name) for name in ("one cell", "bins of mu", "types"))
