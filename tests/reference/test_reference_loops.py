"""sims/reference: the implementations with the given counters agree decision by decision, the others in law."""

from __future__ import annotations

import importlib
from types import ModuleType

import numpy as np
import pytest

from sims.reference import cpp, numpy_streams, plain_jax, python_loop, torch_loop, workloads
from sims.reference.metrics import Readings

pytestmark = pytest.mark.long

GRID = ((10.0, 0.667), (3.0, 0.7), (30.0, 0.6))
# Sizes that fill no block of lanes evenly and are longer than a block of requests (1,024).
W1 = workloads.w1(streams=40, horizon=1100)
W2 = workloads.w2(streams=40, horizon=1100, grid=GRID)
W3 = workloads.w3(seeds=3, rows=1100, features=40, V=(1.0, 10.0), alpha=(0.6, 0.7), c=(0.05, 0.3))
WORKS = {"w1": W1, "w2": W2, "w3": W3}


def run(module: ModuleType, name: str, work: object, **options: int) -> Readings:
    return getattr(module, name)(work, **options)


@pytest.fixture(scope="module", params=list(WORKS))
def expected(request: pytest.FixtureRequest) -> tuple[str, Readings]:
    """A workload's name and its readings by the NumPy loop."""
    return request.param, run(numpy_streams, request.param, WORKS[request.param])


@pytest.mark.parametrize("module", ["numba_loop", "cpp"])
def test_the_same_decisions(expected: tuple[str, Readings], module: str) -> None:
    loop = importlib.import_module(f"sims.reference.{module}")
    if not loop.available():
        pytest.skip(f"{module} is not available")
    name, by_numpy = expected
    result = run(loop, name, WORKS[name])
    for metric, value in by_numpy._asdict().items():
        if name == "w3" and metric.startswith("cost"):  # a sum of float64 in another order
            np.testing.assert_allclose(getattr(result, metric), value, rtol=1e-12)
        else:
            np.testing.assert_array_equal(getattr(result, metric), value, err_msg=metric)


def agree(one: Readings, other: Readings) -> None:
    """Means over streams of cost, satisfaction and exploration within five standard errors, for every configuration."""
    for name in ("cost", "cost_exploit", "satisfaction", "explored", "queue_mean"):
        a, b = getattr(one, name), getattr(other, name)
        error = np.sqrt(a.var(axis=0, ddof=1) / len(a) + b.var(axis=0, ddof=1) / len(b))
        assert (np.abs(a.mean(axis=0) - b.mean(axis=0)) < 5 * error + 1e-9).all(), name


@pytest.mark.parametrize(
    ("module", "name", "streams"),
    [(python_loop, "w1", 20), (python_loop, "w1_scalar", 40), (python_loop, "w2", 10), (python_loop, "w3", 6)]
    + [(plain_jax, "w1", 40), (plain_jax, "w2", 40), (plain_jax, "w3", 6)],
)
def test_the_same_law(module: ModuleType, name: str, streams: int) -> None:
    base = name[:2]
    work = {
        "w1": W1,
        "w2": W2,
        "w3": workloads.w3(seeds=6, rows=400, features=20, alpha=(0.6, 0.7), V=(3.0,), c=(0.3,)),
    }
    shorter = work[base]._replace(horizon=400)
    agree(run(module, name, workloads.part(shorter, streams)), run(numpy_streams, base, shorter))


def test_torch_learns_as_the_plain_loop_does() -> None:
    if not torch_loop.available():
        pytest.skip("torch or pandas is not installed")
    work = workloads.part(W3, streams=1, grid=2, c=2)._replace(horizon=300)
    by_torch, plain = torch_loop.w3(work), python_loop.w3(work)  # the same coins, by NumPy's generator
    np.testing.assert_array_equal(by_torch.calls, plain.calls)
    np.testing.assert_allclose(by_torch.queue_mean, plain.queue_mean)


def test_readings_are_consistent() -> None:
    result = numpy_streams.w2(workloads.part(W2, 4, grid=2)._replace(horizon=60))
    assert result.calls.shape == (4, 2, 3)
    np.testing.assert_array_equal(result.served.sum(axis=-1), 60)
    np.testing.assert_array_equal(result.calls.sum(axis=-1), 60 + 2 * result.explored)
    np.testing.assert_allclose(result.cost, result.calls @ W2.cost.astype(float) / 60)
    assert (result.queue_max >= result.queue_last).all() and (result.queue_max >= result.queue_mean).all()


@pytest.mark.parametrize(
    ("key", "count", "words"),  # the known answers of Random123
    [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_threefry(key: tuple[int, int], count: tuple[int, int], words: tuple[int, int]) -> None:
    key_array, counts = np.array([key], np.uint32), np.array(count, np.uint32)
    result = numpy_streams.threefry(key_array, counts[:1], counts[1:])
    assert (int(result[0][0]), int(result[1][0])) == words


@pytest.mark.parametrize("work", list(WORKS.values()), ids=list(WORKS))
def test_alpha_is_attainable(work: workloads.W1 | workloads.W2 | workloads.W3) -> None:
    by_largest = np.full(1, 1e-9) if isinstance(work, workloads.W1) else np.full(len(work.V), 1e-9)
    cautious = work._replace(V=by_largest if not isinstance(work, workloads.W1) else 1e-9)
    result = run(numpy_streams, type(work).__name__.lower(), cautious)
    assert (result.satisfaction.mean(axis=0) > np.asarray(work.alpha) - 0.02).all()


def test_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "/nowhere/g++")
    assert not cpp.available()
    with pytest.raises(RuntimeError, match="no C\\+\\+ compiler: /nowhere/g"):
        cpp.w2(workloads.w2(streams=2, horizon=2, features=2))
