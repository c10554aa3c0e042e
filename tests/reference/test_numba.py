"""sims/reference/numba_streams decides as the NumPy loop does: exactly in W1, up to near-ties of sums in W2 and W3."""

from __future__ import annotations

import numpy as np
import pytest

from sims.reference import numba_streams, numpy_streams, workloads

pytestmark = pytest.mark.long

pytest.importorskip("numba")
GRID = ((10.0, 0.667), (3.0, 0.7), (30.0, 0.6))
WORKS = {
    "w1": workloads.w1(streams=20, horizon=600),
    "w2": workloads.w2(streams=20, horizon=600, grid=GRID),
    "w3": workloads.w3(seeds=3, rows=600, features=40, V=(1.0, 10.0), alpha=(0.6, 0.7), c=(0.05, 0.3)),
}


@pytest.mark.parametrize("name", [*WORKS, "w2_shared", "w3_shared"])
def test_the_same_decisions(name: str) -> None:
    assert numba_streams.available()
    function, name = name, name[:2]
    expected, result = getattr(numpy_streams, name)(WORKS[name]), getattr(numba_streams, function)(WORKS[name])
    run = tuple(range(expected.queue_last.ndim, expected.calls.ndim))  # the axis of models
    same = (result.calls == expected.calls).all(axis=run)
    assert same.all() if name == "w1" else same.mean() > 0.98
    for metric, value in expected._asdict().items():  # a sum of float64 may be in another order
        np.testing.assert_allclose(getattr(result, metric)[same], value[same], rtol=1e-12, err_msg=metric)
