"""Decision losses against routers that see the cell of a request only: what the statements on partitions measure.

For a partition of the request types with mean costs `E_G` and satisfactions `nu` of its cells the meter sums, over
exploited requests,

    D_G:  V E_i + Q (alpha - mu_i) - min_m {V E_G,m + Q (alpha - nu_m)}

It is what `partition_statement` reads. With one cell per type it is the decision loss of `meters.decomposition`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from numpy.typing import ArrayLike

from messjax.numerics import compensated
from messjax.theory.information import cells_of, loss_metric
from messjax.types import Array, Distribution, Meter, Step


class Tables(NamedTuple):
    """What the meter looks up.

    Attributes:
        cost: [K, M] costs of the types, in cost units.
        mean: [K, M] satisfactions of the types.
        cell_cost: [P, K, M] mean costs of each type's cell, by partition.
        cell_mean: [P, K, M] mean satisfactions of each type's cell.
    """

    cost: Array
    mean: Array
    cell_cost: Array
    cell_mean: Array


def partition_losses(distribution: Distribution, partitions: Mapping[str, ArrayLike]) -> Meter:
    """The decision loss D_G of every partition, summed over exploited requests, in the unit of V times cost.

    A request counts to the type whose means and costs are nearest to its own. Metrics: "decision_loss, NAME".

    Args:
        distribution: The law of the requests, K types and M models.
        partitions: By name, [K] number of each type's cell.

    Returns:
        The meter, to be zipped with `meters.standard()`.

    Raises:
        ValueError: As `theory.cells_of`.

    Source: "Information" in docs/theory.

    Example:
        >>> import messjax as mj
        >>> distribution = mj.zoo.get("llama3/ARC-C").distribution()
        >>> cells = mj.theory.partitions(distribution, 0.5)
        >>> meter = mj.meters.zip_meters(mj.meters.standard(), mj.meters.partition_losses(distribution, cells))
    """
    tables = _tables(distribution, list(partitions.values()))
    start = jnp.zeros(len(partitions), jnp.float32)
    read = _Read(tuple(loss_metric(name) for name in partitions))
    return Meter(Partial(_init, start), Partial(_add, tables), Partial(read))


def _tables(distribution: Distribution, partitions: list[ArrayLike]) -> Tables:
    coarse, number = [], []
    for cells in partitions:
        coarse.append(cells_of(distribution, cells))
        used = np.unique(np.asarray(cells)[np.asarray(distribution.weight) > 0])  # of these cells `coarse` consists
        number.append(np.searchsorted(used, np.asarray(cells)).clip(max=len(used) - 1))
    fields = (
        distribution.cost,
        distribution.mean,
        np.stack([each.cost[cell] for each, cell in zip(coarse, number, strict=True)]),
        np.stack([each.mean[cell] for each, cell in zip(coarse, number, strict=True)]),
    )
    return Tables(*(jnp.asarray(each, jnp.float32) for each in fields))


def _init(start: Array, num_models: int) -> compensated.Sum:
    del num_models
    return compensated.Sum(start, start)


def _add(tables: Tables, number: compensated.Sum, step: Step) -> compensated.Sum:
    request, decision, controls = step.request, step.decision, step.controls
    distance = jnp.abs(tables.mean - request.mean) + jnp.abs(tables.cost - request.cost)
    kind = jnp.argmin(distance.sum(axis=1))
    served = decision.served_mask
    cost, mean = (jnp.sum(jnp.where(served, each, 0.0)) for each in (request.cost, request.mean))
    more = controls.V * (cost - tables.cell_cost[:, kind]) - step.queue.to_float() * (mean - tables.cell_mean[:, kind])
    return compensated.add(number, jnp.where(decision.explore, 0.0, more.max(axis=1)))


@dataclass(frozen=True)
class _Read:
    """Metrics of the meter's state, by name."""

    names: tuple[str, ...]

    def __call__(self, number: compensated.Sum) -> dict[str, Any]:
        """The sums, by name."""
        return {name: compensated.Sum(number.high[i], number.low[i]) for i, name in enumerate(self.names)}
