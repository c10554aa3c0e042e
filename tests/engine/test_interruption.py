"""An interrupted sweep keeps the streams that are finished, with the same numbers as in the whole run."""

import jax
import pytest

from messjax import policies, predictors, streams, zoo
from messjax.engine.grid_sweep import sweep
from messjax.types import Controls


def _sweep(progress=None):
    stream = streams.types(zoo.get("llama3").distribution())
    policy = policies.mess_plus(predictors.oracle(stream))
    parts = {"policy": policy, "stream": stream, "horizon": 20, "num_streams": 12, "block": 4, "progress": progress}
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
