"""sims/benchmark_chain: the same requests in every order, its distribution, windows by hand, a head without the
benchmark."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from messjax import predictors, streams
from messjax.theory import optimum
from messjax.types import Array, Outcome, Request, Stream
from sims.studies.benchmark_chain import runs
from sims.studies.benchmark_chain import streams as chain_streams


@jax.jit
def draw(stream: Stream, key: Array) -> Request:
    """Nine requests."""
    state = stream.init(jax.random.fold_in(key, 0))
    return jax.lax.scan(lambda s, t: stream.draw(jax.random.fold_in(key, t), s, t), state, jnp.arange(1, 10))[1]


def drawn(order: str, monkeypatch: pytest.MonkeyPatch) -> tuple[np.ndarray, np.ndarray]:
    """(features with the benchmark [T, 11], satisfaction [T, 3]) of a stream of 4 + 2 + 3 requests."""
    counts = {"ARC-C": 4, "PiQA": 2, "Winogrande": 3}
    monkeypatch.setattr(chain_streams, "requests", lambda names: np.array([counts[name] for name in names]))
    result = draw(chain_streams.stream(runs.THREE, order).without_host_data(), jax.random.key(5))
    return np.asarray(result.features), np.asarray(result.satisfaction)


def test_every_order_has_the_same_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    (x, s), (hard, _), (mixed, of_mixed) = (
        drawn(order, monkeypatch) for order in ("as in the tables", "easiest first", "shuffled")
    )
    which = x[:, -3:].argmax(axis=1)
    assert list(which) == [0] * 4 + [1] * 2 + [2] * 3
    assert list(hard[:, -3:].argmax(axis=1)) == [1] * 2 + [2] * 3 + [0] * 4  # PiQA .827, Winogrande .791, ARC-C .608
    assert list(mixed[:, -3:].argmax(axis=1)) != list(which)
    place = np.lexsort(x.T)
    np.testing.assert_array_equal(x[place], mixed[np.lexsort(mixed.T)])
    np.testing.assert_array_equal(s[place], of_mixed[np.lexsort(mixed.T)])
    assert len(np.unique(x[:, 0])) == 9


def test_its_law_is_that_of_the_benchmarks_one_after_another() -> None:
    zoo, names = chain_streams.LLAMA, chain_streams.LLAMA.benchmarks
    theirs = streams.benchmarks(
        zoo.cost, zoo.accuracy, zoo.requests, shown=True, num_features=chain_streams.NUM_FEATURES
    )
    ours = chain_streams.world(names, chain_streams.HARDEST)
    assert ours.horizon == theirs.length == 13_528
    costs = [optimum.solve(stream.distribution(), 0.667).cost for stream in (ours.stream, theirs)]  # type: ignore[misc]
    assert costs[0] == pytest.approx(costs[1], rel=1e-9)
    np.testing.assert_allclose(ours.accuracy, zoo.requests @ zoo.accuracy / 13_528)


def test_a_head_that_is_not_told_the_benchmark() -> None:
    head, blind = predictors.linear(2, 3), chain_streams.without_benchmark(predictors.linear(2, 3), 2)
    outcome = Outcome(jnp.array([1.0, 0.0, 1.0]), jnp.ones(3, bool))
    x = jnp.array([0.5, -1.0])
    state = jax.jit(head.update)(head.init(jax.random.key(0)), x, outcome)
    for label in (jnp.array([1.0, 0.0]), jnp.array([0.0, 1.0])):
        told = jax.jit(blind.update)(blind.init(jax.random.key(0)), jnp.concatenate([x, label]), outcome)
        np.testing.assert_array_equal(blind.predict(told, jnp.concatenate([x, label])), head.predict(state, x))


def by_hand() -> xr.Dataset:
    """Two windows of 2 and 3 requests at alpha = .6: scores 0, 1 and 1, 1, 1; the queue goes .6, .2, 0, 0, 0."""
    curves = {"satisfaction_curve": [0.5, 0.8], "queue_last_curve": [0.2, 0.0]}
    return xr.Dataset({name: ("t", values) for name, values in curves.items()}, coords={"t": [2, 5], "alpha": 0.6})


def test_windows_and_what_the_queue_certifies_about_them() -> None:
    np.testing.assert_allclose(chain_streams.windows(by_hand(), "satisfaction"), [0.5, 1.0])
    assert float(chain_streams.excess(by_hand())) == pytest.approx(
        0.0, abs=1e-12
    )  # .2 - .2 in the first, -1.2 + .2 in the second
    broken = by_hand().assign(queue_last_curve=("t", [0.1, 0.0]))
    assert float(chain_streams.excess(broken)) == pytest.approx(0.1)


def test_below_alpha_is_said_of_the_benchmarks_that_are() -> None:
    part = np.array([[0.4, 0.7], [0.42, 0.72], [0.41, 0.69]])
    one = xr.Dataset({"part": (("stream", "benchmark"), part)}, coords={"alpha": 0.6})
    assert list(runs.below(one)) == [True, False]


def test_the_chain_of_the_source() -> None:
    assert runs.THREE == ("ARC-C", "PiQA", "Winogrande") and runs.THREE_ALPHAS == (
        0.59,
        0.63,
        0.67,
    )
    assert int(chain_streams.requests(runs.THREE).sum()) == 1172 + 1838 + 1267
