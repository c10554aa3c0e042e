"""Measure every rate and T8's sweep, print both tables, draw: `python -m proofs_check.rates [--quick] [--out DIR]`."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from messjax import plot, shell
from proofs_check import rates


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; exit code 2 after one line for bad options."""
    parser = shell.Parser(prog="python -m proofs_check.rates", description=__doc__.split(":")[0])
    parser.add_argument("--quick", action="store_true", help="fewer streams and shorter horizons")
    parser.add_argument("--seed", type=shell.whole(0), default=0, metavar="N", help="of all that is random (0)")
    parser.add_argument("--out", type=Path, default=Path("results"), metavar="DIR", help="where to write (results)")

    def program() -> None:
        asked = parser.parse_args(arguments)
        out, started = shell.out_dir(asked.out), time.perf_counter()
        shell.use_all_cores()
        shell.use_compilation_cache()
        with shell.progress(len(rates.PARTS), "kinds of rate") as report:
            found = rates.run(asked.quick, asked.seed, report)
        with shell.progress(8, "sweeps of a") as report:
            swept = rates.exponents(asked.quick, asked.seed, report, found)
        shell.console().print(rates.table(found))
        shell.console().print(rates.exponent_table(swept))
        figures = {"rates": rates.figure(found), "t6": rates.t6_figure(found), "t8": rates.t8_figure(swept, found)}
        saved = [path for name, drawn in figures.items() for path in plot.save(drawn, out / f"proof_{name}")]
        print(f"wrote {', '.join(str(path) for path in saved)} in {time.perf_counter() - started:.0f} s")

    return shell.exit_code("proofs_check.rates", program)


if __name__ == "__main__":
    sys.exit(main())
