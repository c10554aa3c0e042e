"""An interrupted sweep keeps the streams that are finished, with the same numbers as in the whole run."""

import jax
import pytest

from messjax import policies, predictors, streams, zoo
from messjax.engine import grid_program
from messjax.engine.grid_sweep import sweep
from messjax.types import Controls


def _sweep(progress=None, engine="auto"):
    stream = streams.types(zoo.get("llama3").distribution())
    policy = policies.mess_plus(predictors.oracle(stream))
    parts = {"policy": policy, "stream": stream, "horizon": 20, "num_streams": 12, "block": 4, "progress": progress}
    parts["engine"] = engine
    return sweep(jax.random.key(0), Controls(V=[1.0, 5.0], alpha=0.6), **parts)


def test_interrupted_sweep_keeps_what_is_done() -> None:
    whole = _sweep()

    def stop(done: int, total: int) -> None:
        if 3 * done > 2 * total:  # in the third block of three
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="interrupted after 8 of 12 streams"):
        part = _sweep(stop)
    assert part.attrs["num_streams"] == part.sizes["stream"] == 8
    assert part.equals(whole.isel(stream=slice(8)))


def test_interrupt_before_the_first_block_is_an_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("messjax.engine.grid_program.program", interrupted)
    with pytest.raises(KeyboardInterrupt):
        _sweep()


def test_progress_belongs_to_its_run() -> None:
    """A run inside another's callback does not move the outer one's progress, and compiles nothing anew."""
    outer: list[tuple[int, int]] = []
    inner: list[tuple[int, int]] = []

    def report(done: int, total: int) -> None:
        if not outer:
            _sweep(lambda *at: inner.append(at), engine="general")
        outer.append((done, total))

    _sweep(report, engine="general")
    for seen in (outer, inner):
        assert seen[-1] == (240, 240)
        assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    compiled = grid_program.program._cache_size()
    _sweep(lambda *at: None, engine="general")
    assert grid_program.program._cache_size() == compiled
