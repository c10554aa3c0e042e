"""The decision losses against partitions: what the meter sums is what exact chains have."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import messjax as mj
from messjax import theory
from messjax.theory import exact, optimum
from messjax.types import Distribution

LAW = Distribution(
    np.array([0.4, 0.0, 0.3, 0.3]), np.tile([0.0, 0.5, 1.0], (4, 1)),
    np.array([[0.2, 0.3, 0.9], [0.9, 0.9, 0.9], [0.6, 0.7, 0.7], [0.1, 0.8, 0.9]]),
)  # fmt: skip
ALPHA, V, T = 0.6, 2.0, 60


def test_partitions_go_from_one_cell_to_types():
    cells = theory.partitions(LAW, ALPHA)
    assert list(cells) == ["one cell", "bins of mu", "types"]
    costs = [optimum.solve(theory.cells_of(LAW, each), ALPHA).cost for each in cells.values()]
    assert costs == sorted(costs, reverse=True) and costs[-1] == pytest.approx(optimum.solve(LAW, ALPHA).cost)


def test_the_meter_sums_what_exact_chains_have():
    stream, cells = mj.streams.types(LAW), theory.partitions(LAW, ALPHA)
    wrong = LAW.mean[::-1]
    meter = mj.meters.zip_meters(
        mj.meters.standard(), mj.meters.decomposition(LAW, ALPHA), mj.meters.partition_losses(LAW, cells)
    )
    runs = mj.sweep(
        jax.random.key(3), mj.Controls(V=V, alpha=ALPHA, c=0.2),
        policy=mj.policies.mess_plus(mj.predictors.oracle(mj.streams.types(LAW._replace(mean=wrong)))),
        stream=stream, horizon=T, num_streams=2_048, meter=meter,
    )  # fmt: skip
    p = theory.exploration_probability(t=np.arange(1, T + 1), c=0.2, a=0.25)
    known = exact.transient(LAW, V=V, alpha=ALPHA, T=T, s_hat=wrong, p=p)
    for name, each in cells.items():
        least = V * optimum.dual(theory.cells_of(LAW, each), ALPHA, known.states / V)
        expected = known.decision_loss.sum() + known.dual.sum() - known.exploited @ least
        samples = runs[f"decision_loss, {name}"].values.ravel()
        assert abs(samples.mean() - expected) <= 4.5 * samples.std() / np.sqrt(samples.size) + 1e-4, name
    np.testing.assert_allclose(runs["decision_loss, types"], runs["decision_loss"], rtol=1e-4, atol=1e-3)
    verdicts = theory.judge(runs, LAW, statements="Partition")
    assert (verdicts["verdict"] == "holds").all()
    without = theory.judge(runs.drop_vars("decision_loss, types"), LAW, statements="Partition types")
    assert "no metric 'decision_loss, types'" in str(without["reason"].values.ravel()[0])
