"""Sweeps that are kept on disk: the same numbers whatever was interrupted or damaged, and nothing mixed."""

from __future__ import annotations

import contextlib

import jax
import numpy as np
import pytest

from messjax import engine, fingerprint, policies, predictors, result_files, run_folder, streams
from messjax.engine import chunk_store, gathering, grid_sweep
from messjax.types import Controls, Distribution

LAW = Distribution(np.array([0.5, 0.5]), np.array([[1.0, 4.0], [2.0, 6.0]]), np.array([[0.4, 0.9], [0.6, 0.8]]))
STREAM = streams.types(LAW)


def run(seed=2, V=(1.0, 2.0), **more):
    return grid_sweep.sweep(
        jax.random.key(seed), Controls(V=list(V), alpha=0.6, c=0.3), stream=STREAM, horizon=20, num_streams=10,
        policy=policies.mess_plus(predictors.oracle(STREAM)), checkpoints=4, curves=("cost",), block=4, devices=1,
        **more,
    )  # fmt: skip


def numbers(dataset):
    kept = {name: value for name, value in dataset.attrs.items() if name not in ("created", "seconds")}
    return dataset.load().drop_encoding().drop_attrs(deep=False).assign_attrs(kept)


@pytest.fixture(autouse=True)
def every_block_is_a_chunk(monkeypatch):
    monkeypatch.setattr(gathering, "SECONDS", 0.0)


@pytest.fixture(scope="module")
def whole():
    return run()


def test_a_store_holds_the_same_numbers_and_reads_what_is_used(whole, tmp_path):
    stored = run(store=tmp_path / "store")
    names = sorted(path.name for path in (tmp_path / "store").glob("*.nc"))
    assert names == [f"streams-{a:010d}-{b:010d}.nc" for a, b in ((0, 4), (4, 8), (8, 10))]
    assert not stored["cost_curve"].variable._in_memory
    for key in ({"stream": [9, 1, 5]}, {"stream": 7, "V": [1]}, {"stream": slice(1, 9, 3), "t": 2}, {"stream": []}):
        np.testing.assert_array_equal(stored["cost_curve"].isel(key), whole["cost_curve"].isel(key), err_msg=str(key))
    assert numbers(stored).identical(numbers(whole))
    assert numbers(engine.open_store(tmp_path / "store")).identical(numbers(whole))


@pytest.mark.parametrize("read", [chunk_store.load, lambda folder: engine.open_store(folder).load()])
def test_every_chunk_is_read_once_however_many_there_are(whole, tmp_path, monkeypatch, read):
    for start in range(10):
        chunk_store.write(tmp_path, start, whole.isel(stream=[start]))
    checked, opened = result_files.checked, []
    monkeypatch.setattr(result_files, "checked", lambda path, **how: opened.append(path.name) or checked(path, **how))
    assert numbers(read(tmp_path)).identical(numbers(whole))
    assert sorted(opened) == sorted(path.name for path in tmp_path.glob("streams-*.nc"))


def test_a_missing_and_a_damaged_chunk_are_computed_again_and_no_other(whole, tmp_path, monkeypatch):
    run(store=tmp_path)
    first, second, third = sorted(tmp_path.glob("streams-*.nc"))
    first.unlink()
    damaged = bytearray(third.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    third.write_bytes(damaged)
    computed, add = [], gathering.Gathered.add
    monkeypatch.setattr(gathering.Gathered, "add", lambda self, at, one: (computed.append(at), add(self, at, one)))
    with pytest.warns(UserWarning, match="checksum is wrong.*computed again"):
        again = run(store=tmp_path)
    assert computed == [0, 8] and second.is_file() and numbers(again).identical(numbers(whole))
    first.unlink()
    with pytest.raises(ValueError, match="first streams are missing"):
        engine.open_store(tmp_path)


def test_an_interrupted_sweep_goes_on(whole, tmp_path):
    def interrupt(done, total):
        if done > 5 * 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(store=tmp_path, progress=interrupt)
    assert engine.open_store(tmp_path).attrs["partial"] == "4 of 10 streams"
    assert numbers(run(store=tmp_path)).identical(numbers(whole))
    with pytest.warns(UserWarning, match="interrupted after 4 of 10"):
        part = run(progress=interrupt)
    assert part.attrs["partial"] == "4 of 10 streams" and "partial" not in whole.attrs


def test_another_key_or_configuration_is_refused_with_both_named(tmp_path):
    run(store=tmp_path)
    with pytest.raises(ValueError, match=r"key = threefry2x32:\[0, 2\] \(now threefry2x32:\[0, 3\]\)"):
        run(seed=3, store=tmp_path)
    with pytest.raises(ValueError, match=r"V = \[1.0, 2.0\] \(now \[1.0, 4.0\]\)"):
        run(V=(1.0, 4.0), store=tmp_path)
    assert run(seed=3, store=tmp_path, fresh=True).attrs["key"].endswith("[0, 3]")


def test_code_of_another_version_is_refused(tmp_path, monkeypatch):
    with run_folder.opened(tmp_path, "p", {"x": 1}):
        pass
    mine = run_folder.code_version()
    monkeypatch.setattr(run_folder, "code_version", lambda: "another")
    with (
        pytest.raises(ValueError, match=rf"code version = {mine} \(now another\)"),
        run_folder.opened(tmp_path, "p", {"x": 1}),
    ):
        pass


def test_a_folder_takes_one_run_at_a_time_and_a_failed_one_leaves_it_free(tmp_path):
    refused = pytest.raises(ValueError, match="found another run in it")
    with run_folder.opened(tmp_path, "p", {"x": 1}), refused, run_folder.locked(tmp_path):
        pass
    with pytest.raises(ZeroDivisionError), run_folder.opened(tmp_path, "q", {"x": 1}):
        1 / 0  # noqa: B018
    with run_folder.opened(tmp_path, "q", {"x": 2}):  # nothing had been finished: nothing is lost
        pass
    assert run_folder.is_finished(tmp_path, "q", {"x": 2}) and not run_folder.is_finished(tmp_path, "q", {"x": 1})


def test_a_command_finds_the_sweeps_that_an_interrupted_one_has_finished(tmp_path, whole, monkeypatch):
    monkeypatch.setattr(gathering, "WORTH", 0.0)
    with contextlib.suppress(KeyboardInterrupt), run_folder.opened(tmp_path, "p", {}) as parts:
        run()
        raise KeyboardInterrupt
    kept = sorted(parts.rglob("*.nc"))
    assert len(kept) == 3
    with run_folder.opened(tmp_path, "p", {}):
        run(seed=5)  # another sweep of the same command
        assert len(list(parts.rglob("*.nc"))) == 6
        assert numbers(run()).identical(numbers(whole)) and len(list(parts.rglob("*.nc"))) == 6
    assert not parts.exists()


def test_fingerprints_tell_what_numbers_depend_on():
    def scaled(factor):
        return lambda x: factor * x

    same = [fingerprint.of(scaled(2.0), np.arange(3), jax.random.key(1), {"a": (1, None)}) for _ in range(2)]
    others = [
        fingerprint.of(scaled(2.0000001), np.arange(3), jax.random.key(1), {"a": (1, None)}),
        fingerprint.of(scaled(2.0), np.arange(3.0), jax.random.key(1), {"a": (1, None)}),
        fingerprint.of(scaled(2.0), np.arange(3), jax.random.key(2), {"a": (1, None)}),
        fingerprint.of(scaled(2.0), np.arange(3), jax.random.key(1), {"a": (1, 0)}),
        fingerprint.of(lambda x: 2.0 * x, np.arange(3), jax.random.key(1), {"a": (1, None)}),
    ]
    assert len({*same, *others}) == 6
    with pytest.raises(ValueError, match="only its place in memory"):
        fingerprint.of(object())
