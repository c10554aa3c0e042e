"""Results under damage and attack: one error that names file and remedy, never another number, in bounded time."""

from __future__ import annotations

import time
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

from messjax import result_files, results


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small result with a dimension, a text coordinate and attributes."""
    values = np.random.default_rng(0).normal(size=(3, 20))
    data = {"cost": (("V", "stream"), values), "model_share": (("V", "model"), values[:, :2])}
    dataset = xr.Dataset(data, {"V": [1.0, 2.0, 4.0], "model": ["small", "größer"]}, {"horizon": 20, "policy": "MESS+"})
    return results.save(dataset, tmp_path_factory.mktemp("saved") / "run.nc")


def mutations(whole: bytes, number: int):
    """Flipped bits, changed bytes, cuts, repeated and exchanged pieces."""
    rng = np.random.default_rng(1)
    for i in range(number):
        data, at, size = bytearray(whole), int(rng.integers(len(whole))), int(rng.integers(1, 64))
        if i % 6 == 0:
            data[at] ^= 1 << int(rng.integers(8))
        elif i % 6 == 1:
            data[at] = (data[at] + 1 + int(rng.integers(255))) % 256
        elif i % 6 == 2:
            del data[at:]
        elif i % 6 == 3:
            data[at:at] = data[at : at + size] or b"x"
        elif i % 6 == 4:
            data[at : at + size] = b"\xff" * size
        else:
            del data[at : at + size]
        if data != whole:
            yield bytes(data)


def test_no_damage_is_read_and_every_error_says_what_to_do(saved: Path, tmp_path: Path) -> None:
    whole, path, started, tried = saved.read_bytes(), tmp_path / "damaged.nc", time.process_time(), 0
    for data in mutations(whole, 600):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"damaged\.nc: .*; run the command that wrote it again"):
            results.load(path)
        tried += 1
    assert tried > 590 and time.process_time() - started < 10.0


def test_a_result_stays_netcdf_for_others(saved: Path) -> None:
    with xr.open_dataset(saved, engine="h5netcdf") as other:
        assert other.load().identical(results.load(saved))


def test_files_of_others_are_read_where_that_is_asked_for(tmp_path: Path) -> None:
    dataset, path = xr.Dataset({"x": ("t", [1.0, 2.0])}), tmp_path / "old.nc"
    dataset.to_netcdf(path, engine="h5netcdf")
    with pytest.raises(ValueError, match=r"old\.nc: .*sealed=False"):
        results.load(path)
    assert results.load(path, sealed=False).identical(dataset)


def external_link(file: h5py.File, secret: Path) -> None:
    file["stolen"] = h5py.ExternalLink(str(secret), "/cost")


def soft_link(file: h5py.File, secret: Path) -> None:
    file["again"] = h5py.SoftLink("/cost")


def external_storage(file: h5py.File, secret: Path) -> None:
    file.create_dataset("stolen", (64,), "u1", external=[(str(secret), 0, 64)])


def virtual(file: h5py.File, secret: Path) -> None:
    layout = h5py.VirtualLayout((3, 20), "f8")
    layout[:] = h5py.VirtualSource(str(secret), "cost", (3, 20))
    file.create_virtual_dataset("stolen", layout)


def seven_tebibytes(file: h5py.File, secret: Path) -> None:
    file.create_dataset("huge", (7 * 2**37,), "f8", chunks=(1024,))


def circle(file: h5py.File, secret: Path) -> None:
    file.create_group("inner")["outer"] = file["/"]


def unknown_filter(file: h5py.File, secret: Path) -> None:
    file.create_dataset("packed", data=np.zeros(100), compression="lzf")


ATTACKS = (external_link, soft_link, external_storage, virtual, seven_tebibytes, circle, unknown_filter)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_what_a_whole_file_may_not_ask_for(attack, saved: Path, tmp_path: Path) -> None:
    path = tmp_path / "forged.nc"
    path.write_bytes(saved.read_bytes()[: -len(b"\nmessjax sha256 \n") - 64])
    with h5py.File(path, "a") as file:
        attack(file, saved)
    result_files.seal(path)
    with pytest.raises(ValueError, match=r"forged\.nc: .*(is a link|another file|bytes|twice|filters)"):
        results.load(path)
