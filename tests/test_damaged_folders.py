"""Damaged folders of routers, encoders, stores and zoos: the right answer, or one error that names the file; in time.

`MESSJAX_FUZZ` is the number of damaged copies of each kind (100); `pytest -m slow -s` makes 10,000 and prints what
became of them.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import time
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from support import encoders, mutations

from messjax import results
from messjax import zoo as zoo_module
from messjax.cli import command_parser
from messjax.deploy import Router
from messjax.deploy import exported as checks
from messjax.engine import chunk_store
from messjax.evaluation.recommendation import export
from messjax.features import encoder

CASES = int(os.environ.get("MESSJAX_FUZZ", "100"))


def router(folder: Path) -> tuple[Callable[[Path], Any], Callable[[Any], bool]]:
    """An exported router that learns, with its state; what it decides on three requests."""
    rng, models = np.random.default_rng(0), ["small", "größer"]
    rule = {"version": 1, "kind": "serve and learn", "models": models, "prices": [1.0, 5.0], "key": [1, 2]}
    rule |= {"V": 0.3, "alpha": 0.7, "learns": "served", "queue": 2_500_000}
    arrays = {"centre": np.zeros(8), "components": rng.normal(size=(8, 2)), "theta": rng.normal(size=(2, 3))}
    export.write_files(rule, arrays | {"inverse": np.stack([np.eye(3)] * 2)}, folder)
    made = Router.load(folder)
    made.feedback(made.route("what is one and one?").id, 0.0)
    made.save()
    texts = ("write a poem", "prove it", "17 * 3")

    def load(path: Path) -> Any:
        found = Router.load(path)
        return [found.route(text) for text in texts], found.queue

    whole, fresh = load(folder), None
    (folder / "state.npz").rename(folder.parent / "state.npz")
    fresh = load(folder)
    (folder.parent / "state.npz").rename(folder / "state.npz")
    return load, lambda found: found in (whole, fresh)  # a lost state is a start anew


def encoder_folder(folder: Path) -> tuple[Callable[[Path], Any], None]:
    """A BERT; its files have no checksum, so that a changed weight is another encoder."""
    encoders.write(folder, encoders.BERT)

    def load(path: Path) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # heads that are not known
            return encoder.load(path).digest

    load(folder)
    return load, None


def store(folder: Path) -> tuple[Callable[[Path], Any], Callable[[Any], bool]]:
    """Three chunks of a sweep."""
    values = np.random.default_rng(0).normal(size=(2, 12))
    whole = xr.Dataset({"cost": (("V", "stream"), values)}, {"V": [1.0, 2.0]}, {"num_streams": 12, "policy": "MESS+"})
    for start in (0, 4, 8):
        part = whole.isel(stream=slice(start, start + 4))
        chunk_store.write(folder, start, part.assign_attrs(whole.attrs))

    def load(path: Path) -> Any:
        return chunk_store.open_store(path).load()

    def same(found: xr.Dataset) -> bool:
        count = found.sizes["stream"]  # a chunk that is gone is said to be
        partial = "" if count == 12 else f"{count} of 12 streams"
        return found.attrs.get("partial", "") == partial and np.array_equal(found["cost"], values[:, :count])

    return load, same


def zoo(folder: Path) -> tuple[Callable[[Path], Any], None]:
    """Zoos as CSV and JSON, which people write by hand: no checksum."""
    folder.mkdir()
    rows = [("small", 1.0, 0.5), ("large", 7.5, 0.875)]
    (folder / "a.csv").write_text("model,cost,accuracy\n" + "".join(f"{m},{c},{a}\n" for m, c, a in rows))
    text = ", ".join(f'{{"model": "{m}", "cost": {c}, "accuracy": {a}}}' for m, c, a in rows)
    (folder / "b.json").write_text(f"[{text}]")

    def load(path: Path) -> Any:
        return [zoo_module.read(path / name).mean_cost() for name in ("a.csv", "b.json")]

    return load, None


def result(folder: Path) -> tuple[Callable[[Path], Any], Callable[[Any], bool]]:
    """A saved result."""
    whole = xr.Dataset({"cost": ("stream", np.arange(20.0))}, attrs={"horizon": 20})
    results.save(whole, folder / "run.nc")
    return lambda path: results.load(path / "run.nc"), whole.identical


def options(folder: Path) -> tuple[Callable[[Path], Any], None]:
    """A file of options, which people write by hand: no checksum."""
    folder.mkdir()
    lines = (
        "[simulate]",
        'zoo = "llama3"',
        "alpha = [0.667, 0.7]",
        "V = [1.0, 10.0]",
        "streams = 64",
        'labels = "comonotone"',
    )
    (folder / "run.toml").write_text("\n".join((*lines, "all = true", "")))

    def load(path: Path) -> Any:
        return command_parser.build().parse_args(["simulate", "--config", str(path / "run.toml")])

    load(folder)
    return load, None


KINDS = {"options": options, "router": router, "encoder": encoder_folder, "store": store, "zoo": zoo, "result": result}


def check(kind: str, folder: Path, cases: range, seed: int) -> tuple[int, int, float]:
    original = folder / "original"
    load, same = KINDS[kind](original)
    return mutations.run(original, folder, cases, seed, load, same)


@pytest.mark.parametrize("kind", KINDS)
def test_damaged(kind: str, tmp_path: Path) -> None:
    read, refused, longest = check(kind, tmp_path, range(CASES), 7)
    assert read + refused == CASES and refused > CASES // 5 and longest < 5.0


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_ten_thousand_damaged(kind: str, tmp_path: Path) -> None:
    read, refused, longest = check(kind, tmp_path, range(10_000), 70)
    print(f"{kind}: {read:,} read, {refused:,} refused, at most {longest:.2f} s of processor time")
    assert read + refused == 10_000 and refused > 2_000 and longest < 5.0


def exported(folder: Path) -> dict[str, Any]:
    router(folder)
    return json.loads((folder / "router.json").read_text())


def rewrite(folder: Path, rule: dict[str, Any], packed: bytes | None = None) -> None:
    """What a forger does: checksums that fit."""
    raw = (folder / "arrays.npz").read_bytes() if packed is None else packed
    (folder / "arrays.npz").write_bytes(raw)
    rule["sha256"] = {"router.json": checks.digest(rule), "arrays.npz": hashlib.sha256(raw).hexdigest()}
    (folder / "router.json").write_text(json.dumps(rule))


def npz(header: bytes, data: bytes, packing: int = zipfile.ZIP_STORED) -> bytes:
    """An archive with one array."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packing) as archive:
        archive.writestr("theta.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data)
    return file.getvalue()


HEADER = b"{'descr': '%s', 'fortran_order': False, 'shape': %s}\n"
FORGED = {
    "seven tebibytes": npz(HEADER % (b"<f8", b"(962072674304,)"), bytes(64)),
    "objects": npz(HEADER % (b"|O", b"(1,)"), pickle.dumps(print)),
    "a call in the header": npz(b"{'descr': __import__('os').abort(), 'fortran_order': False, 'shape': ()}\n", b""),
    "deep header": npz(b"(" * 5_000 + b"\n", b""),
    "packed zeros": npz(HEADER % (b"<f8", b"(12500000,)"), bytes(10**8), zipfile.ZIP_DEFLATED),
    "not a number": npz(HEADER % (b"<f8", b"(1,)"), np.float64("nan").tobytes()),
    "no archive": b"PK" + bytes(50),
}


@pytest.mark.parametrize("packed", FORGED.values(), ids=list(FORGED))
def test_forged_arrays_of_a_router(packed: bytes, tmp_path: Path) -> None:
    rule = exported(tmp_path / "router")
    rewrite(tmp_path / "router", rule, packed)
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"arrays\.npz: expected arrays that messjax wrote, found: "):
        Router.load(tmp_path / "router")
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"models": ["a", "a"]}, "a model twice"),
        ({"models": "ab"}, "no list of models"),
        ({"kind": "pickle"}, "the kind 'pickle'"),
        ({"prices": [1.0]}, r"prices = \[1.0\], expected 2"),
        ({"prices": [1.0, float("nan")]}, "expected 2 finite"),
        ({"V": "10"}, "V = "),
        ({"kind": "knn", "k": 10**9, "price": 1.0}, "found no 'known'"),
        ({"kind": "single", "model": 2}, "model = 2, expected a whole number from 0 to 1"),
        ({"models": ["a", "b", "c"], "prices": [1.0] * 3}, r"theta of shape \(2, 3\), expected \(3, 3\)"),
    ],
)
def test_forged_rules_of_a_router(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    rule = exported(tmp_path / "router") | change
    rewrite(tmp_path / "router", rule)
    with pytest.raises(ValueError, match=rf"router\.json: .*{message}.*writes it anew"):
        Router.load(tmp_path / "router")


def test_a_router_that_was_edited_or_nests_without_end(tmp_path: Path) -> None:
    folder = tmp_path / "router"
    text = json.dumps(exported(folder))
    for changed, message in (
        (text.replace('"V": 0.3', '"V": 0.4'), "checksum is wrong"),
        ("[" * 200_000, "expected JSON"),
        ('{"models":' * 100_000, "expected JSON"),
    ):
        (folder / "router.json").write_text(changed)
        with pytest.raises(ValueError, match=rf"router\.json: .*{message}"):
            Router.load(folder)


def test_a_link_to_a_device_is_no_file(tmp_path: Path) -> None:
    router(tmp_path / "router")
    (tmp_path / "router" / "arrays.npz").unlink()
    (tmp_path / "router" / "arrays.npz").symlink_to("/dev/zero")
    with pytest.raises(ValueError, match=r"found no arrays\.npz"):
        Router.load(tmp_path / "router")


def test_a_zoo_whose_table_would_be_nearly_empty(tmp_path: Path) -> None:
    """20,000 models, each on a benchmark of its own: 3 GB, refused before they are taken."""
    path = tmp_path / "wide.csv"
    rows = "".join(f"m{i},b{i},1,0.5\n" for i in range(20_000))
    path.write_text("model,benchmark,cost,accuracy\n" + rows)
    began = time.process_time()
    with pytest.raises(ValueError, match="found no row of model 'm1' on 'b0'"):
        zoo_module.read(path)
    assert time.process_time() - began < 2.0
