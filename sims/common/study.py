"""What a script of sims/ is: a claim, a run, tables, a figure and a finding; and the program that makes them.

NetCDF is written before anything is drawn, so that a finished result is not lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import xarray as xr
from matplotlib.figure import Figure
from rich.table import Table

from messjax import plot, results, runtime

Results = Mapping[str, xr.Dataset]  # a Dataset per world


class Study(NamedTuple):
    """One script. `run(quick)` gives a Dataset per world, whose names become groups of the NetCDF."""

    name: str
    claim: str  # the script's docstring
    run: Callable[[bool], Results]
    tables: Callable[[Results], Sequence[Table]]
    figure: Callable[[Results], Figure]
    finding: Callable[[Results], str]
    quick: str  # in words, for --help: what is smaller

    def main(self, arguments: Sequence[str] | None = None) -> int:
        """Run, write NAME.nc, print the tables, draw NAME.png and .svg, print the finding. 0, or 2 on bad input."""
        command = f"python -m sims {self.name}"
        parser = runtime.Parser(prog=command, description=self.claim.split("\n\n")[0])
        parser.add_argument("--quick", action="store_true", help=self.quick)
        parser.add_argument("--out", type=Path, default=Path("results"), metavar="DIR", help="where to write (results)")

        def program() -> None:
            args = parser.parse_args(arguments)
            out, started = runtime.out_dir(args.out), time.perf_counter()
            runtime.use_all_cores()
            runtime.use_compilation_cache()
            result = self.run(args.quick)
            saved = [save_worlds(result, out / f"{self.name}.nc", f"{command}{' --quick' if args.quick else ''}")]
            for table in self.tables(result):
                runtime.console().print(table)
            saved += plot.save(self.figure(result), out / self.name)
            print(f"finding: {self.finding(result)}")
            print(f"wrote {', '.join(str(path) for path in saved)} in {time.perf_counter() - started:.0f} s")

        return runtime.run_program(self.name, program)


def save_worlds(result: Results, path: Path, command: str) -> Path:
    """One NetCDF with a group per world; whole or not at all. ValueError for a name that would be a path in it."""
    if bad := [name for name in result if "/" in name]:
        raise ValueError(f"found a world named {bad[0]!r}, expected names without a slash")
    noted = {name: dataset.assign_attrs(config=command) for name, dataset in result.items()}
    return results.save(xr.DataTree.from_dict(noted), path)


def load_worlds(path: Path) -> dict[str, xr.Dataset]:
    """What `save` wrote, by world."""
    with xr.open_datatree(path, engine="h5netcdf") as tree:
        return {name: node.to_dataset().load() for name, node in tree.children.items()}
