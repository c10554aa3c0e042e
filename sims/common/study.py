"""What a study is: a claim, a run, tables, a figure and findings; and the program that makes them.

The NetCDF is written before anything is drawn, so that a finished run is not lost; `--from` makes tables, figure and
findings again from it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import xarray as xr
from matplotlib.figure import Figure
from rich.table import Table

from messjax import origin, plot, results, run_folder, runtime
from sims.common.finding import FILE, Finding, save_findings

Results = Mapping[str, xr.Dataset]  # a Dataset per world


class Study(NamedTuple):
    """One study. `run(quick)` gives a Dataset per world, whose names become groups of the NetCDF."""

    name: str
    claim: str  # the study's docstring: the claim, then how it is tested
    run: Callable[[bool], Results]
    tables: Callable[[Results], Sequence[Table]]
    figure: Callable[[Results], Figure]
    findings: Callable[[Results], Sequence[Finding]]
    quick: str  # in words, for --help: what is smaller

    def main(self, arguments: Sequence[str] | None = None) -> int:
        """Run the study and write its files.

        Writes NAME.nc, findings.json, NAME.png and NAME.svg into the folder `--out`, and prints the tables and the
        findings. With `--from DIR` nothing is run: all but the NetCDF is made from DIR/NAME.nc or DIR/NAME/NAME.nc.

        Returns:
            0, or 2 on bad input.
        """
        parser = runtime.Parser(prog=f"python -m sims {self.name}", description=self.claim.split("\n\n")[0])
        parser.add_argument("--quick", action="store_true", help=self.quick)
        parser.add_argument("--out", type=Path, default=Path("results"), metavar="DIR", help="where to write (results)")
        parser.add_argument("--fresh", action="store_true", help="replace what another run has left in the folder")
        parser.add_argument("--from", type=Path, dest="source", metavar="DIR", help=f"{self.name}.nc of a finished run")

        def program() -> None:
            args = parser.parse_args(arguments)
            if args.quick and args.source:
                raise ValueError("--quick: found --from beside it, which runs nothing")
            source = args.source and saved_run(args.source, self.name)  # before --out is made
            started = time.perf_counter()
            runtime.use_all_cores()
            runtime.use_compilation_cache()
            if source:
                with run_folder.locked(args.out):
                    saved = self.show(load_worlds(source), args.out)
            else:
                command = f"python -m sims {self.name}{' --quick' if args.quick else ''}"
                options = configuration(quick=args.quick)
                with run_folder.opened(args.out, self.name, options, fresh=args.fresh, command=command):
                    saved = [save_worlds(self.run(args.quick), args.out / f"{self.name}.nc", command)]
                    saved += self.show(load_worlds(saved[0]), args.out)  # what is shown is what was saved
            print(f"wrote {', '.join(str(path) for path in saved)} in {time.perf_counter() - started:.0f} s")

        return runtime.run_program(self.name, program)

    def show(self, result: Results, out: Path) -> list[Path]:
        """Print tables and findings of a run, write findings and figure into `out`, and return their paths."""
        for table in self.tables(result):
            runtime.console().print(table)
        findings = self.findings(result)
        saved = [save_findings(findings, out / FILE, self.about(result))]
        saved += plot.save(self.figure(result), out / self.name)
        for each in findings:
            print(f"finding: {each.subject}: {each.verdict}. {each.sentence}")
        return saved

    def about(self, result: Results) -> dict[str, str]:
        """What the findings are about: the study, the command of the run, and with what it ran."""
        attrs = next(iter(result.values())).attrs
        names = ("version_messjax", "version_jax", "device", "created")
        known = {name: str(attrs[name]) for name in names if name in attrs}
        return {"study": self.name, "command": str(attrs.get("config", "")), "method": method(self.claim)} | known


def configuration(*, quick: bool) -> dict[str, bool]:
    """All that the numbers of a study depend on besides its code."""
    return {"quick": quick}


def method(docstring: str) -> str:
    """How a claim is tested: the docstring's paragraphs between the claim and the command."""
    paragraphs = [" ".join(text.split()) for text in docstring.split("\n\n")[1:] if not text.startswith("    ")]
    return "\n\n".join(text for text in paragraphs if text)


def saved_run(folder: Path, name: str) -> Path:
    """The NetCDF of a finished run in `folder`.

    Raises:
        ValueError: There is none.
    """
    tried = [folder / f"{name}.nc", folder / name / f"{name}.nc"]
    for path in tried:
        if path.is_file():
            return path
    raise ValueError(f"--from: found neither {tried[0]} nor {tried[1]}, expected the NetCDF of a finished run")


def save_worlds(result: Results, path: Path, command: str) -> Path:
    """Write one NetCDF with a group per world, whole or not at all.

    Raises:
        ValueError: The name of a world would be a path in the file.
    """
    if bad := [name for name in result if "/" in name]:
        raise ValueError(f"found a world named {bad[0]!r}, expected names without a slash")
    about = origin.provenance() | {"created": origin.now()}
    noted = {
        name: dataset.assign_attrs(about | dataset.attrs | {"config": command}) for name, dataset in result.items()
    }
    return results.save(xr.DataTree.from_dict(noted), path)


def load_worlds(path: Path) -> dict[str, xr.Dataset]:
    """Read what `save_worlds` wrote, by world."""
    return {name: node.to_dataset() for name, node in results.load_tree(path).children.items()}
