"""Damaged files of growing size: the time until the answer or the error grows no faster than the file.

    python -m tests.torture.damage_by_size [--cases 40]

Each kind is made at 1, 4 and 16 times a size; so many damaged copies of each are loaded. Exit code 1 where the largest
processor time of a case grows by more than twice the size (times below a tenth of a second are taken as that), or
where a case ends in anything but the right answer or one error that names the file.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from messjax import results, traces
from messjax import zoo as zoo_module
from messjax.deploy import Router
from messjax.engine import chunk_store
from messjax.evaluation.recommendation import export
from messjax.traces.readers.plain_columns import parse_columns

SCALES = (1, 4, 16)
LEAST = 0.1  # seconds: what a small file takes is the start, not the size
COLUMNS = "prompt=prompt,id=id,model=model,score=score,cost=cost"


def result(folder: Path, scale: int) -> Callable[[Path], Any]:
    """A saved result of 0.8 MB times the scale."""
    folder.mkdir(parents=True)
    values = np.random.default_rng(0).normal(size=100_000 * scale)
    results.save(xr.Dataset({"cost": ("stream", values)}), folder / "run.nc")
    return lambda path: results.load(path / "run.nc")


def store(folder: Path, scale: int) -> Callable[[Path], Any]:
    """A store of four chunks."""
    size = 25_000 * scale
    values = np.random.default_rng(0).normal(size=(1, 4 * size))
    whole = xr.Dataset({"cost": (("V", "stream"), values)}, {"V": [1.0]}, {"num_streams": 4 * size})
    for start in range(0, 4 * size, size):
        part = whole.isel(stream=slice(start, start + size))
        chunk_store.write(folder, start, part.assign_attrs(whole.attrs))
    return lambda path: chunk_store.open_store(path).load()


def router(folder: Path, scale: int) -> Callable[[Path], Any]:
    """An exported router with as many features as 1,000 times the scale."""
    rng, features = np.random.default_rng(0), 1_000 * scale
    rule = {"version": 1, "kind": "serve and learn", "models": ["small", "large"], "prices": [1.0, 5.0]}
    rule |= {"V": 0.3, "alpha": 0.7, "learns": "served", "queue": 2_500_000, "key": [1, 2]}
    arrays = {"centre": np.zeros(features), "components": rng.normal(size=(features, 64))}
    arrays |= {"theta": rng.normal(size=(2, 65)), "inverse": np.stack([np.eye(65)] * 2)}
    export.write_files(rule, arrays, folder)
    return Router.load


def zoo(folder: Path, scale: int) -> Callable[[Path], Any]:
    """A zoo of 1,000 models times the scale."""
    folder.mkdir(parents=True)
    rows = "".join(f"model {m},{1.0 + m},{0.5}\n" for m in range(1_000 * scale))
    (folder / "zoo.csv").write_text("model,cost,accuracy\n" + rows)
    return lambda path: zoo_module.read(path / "zoo.csv").mean_cost()


def _rows(scale: int) -> list[tuple[str, str, str, int, float]]:
    return [(f"{n}", f"question {n}", f"m{m}", (n + m) % 2, 1.0 + m) for n in range(2_000 * scale) for m in range(3)]


def _trace(name: str, text: Callable[[int], str]) -> Callable[[Path, int], Callable[[Path], Any]]:
    def make(folder: Path, scale: int) -> Callable[[Path], Any]:
        folder.mkdir(parents=True)
        (folder / name).write_text(text(scale))
        options = traces.Options(columns=parse_columns(COLUMNS))
        return lambda path: traces.read(path / name, "auto", options)

    make.__doc__ = f"A trace of 6,000 rows times the scale as {name}."
    return make


def _csv(scale: int) -> str:
    return "id,prompt,model,score,cost\n" + "".join(",".join(map(str, row)) + "\n" for row in _rows(scale))


def _lines(scale: int) -> str:
    form = '{{"id": "{}", "prompt": "{}", "model": "{}", "score": {}, "cost": {}}}\n'
    return "".join(form.format(*row) for row in _rows(scale))


KINDS: dict[str, Callable[[Path, int], Callable[[Path], Any]]] = {
    "result": result,
    "store": store,
    "router": router,
    "zoo": zoo,
    "trace.csv": _trace("trace.csv", _csv),
    "trace.jsonl": _trace("trace.jsonl", _lines),
}


def main(arguments: list[str] | None = None) -> int:
    """Measure each kind, and print a line for each size."""
    sys.path.insert(0, str(Path(__file__).parents[1]))  # tests/support, as pytest has it
    from support import mutations

    parser = argparse.ArgumentParser(prog="python -m tests.torture.damage_by_size", description=__doc__.split("\n")[0])
    parser.add_argument("--cases", type=int, default=40, help="damaged copies of each (40)")
    args = parser.parse_args(arguments)
    failed = 0
    for kind, make in KINDS.items():
        first = None
        for scale in SCALES:
            with tempfile.TemporaryDirectory(prefix="messjax-sizes-") as name:
                folder = Path(name)
                load = make(folder / "original", scale)
                size = sum(path.stat().st_size for path in (folder / "original").rglob("*") if path.is_file())
                read, refused, longest = mutations.run(folder / "original", folder, range(args.cases), 5, load)
            first = first or (size, max(longest, LEAST))
            growth = max(longest, LEAST) / first[1] / (size / first[0])
            failed += growth > 2.0
            print(f"{kind:>12}: {size / 1e6:8.2f} MB, {read:3} read, {refused:3} refused, at most {longest:.3f} s of "
                  f"processor; {growth:.2f} times what the size explains", flush=True)  # fmt: skip
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
