"""Measure every rate and T8's sweep, print both tables, draw: `python -m proofs_check.rates [--quick] [--out DIR]`."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from messjax import plot, runtime
from proofs_check import rates


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; exit code 2 after one line for bad options."""
    parser = runtime.Parser(prog="python -m proofs_check.rates", description=__doc__.split(":")[0])
    parser.add_argument("--quick", action="store_true", help="fewer streams and shorter horizons")
    parser.add_argument(
        "--seed", type=runtime.whole_number(0), default=0, metavar="N", help="of all that is random (0)"
    )
    parser.add_argument("--out", type=Path, default=Path("results"), metavar="DIR", help="where to write (results)")

    def program() -> None:
        args = parser.parse_args(arguments)
        out, started = runtime.out_dir(args.out), time.perf_counter()
        runtime.use_all_cores()
        runtime.use_compilation_cache()
        with runtime.progress(len(rates.PARTS), "kinds of rate") as report:
            result = rates.run(args.quick, args.seed, report)
        with runtime.progress(8, "sweeps of a") as report:
            swept = rates.exponents(args.quick, args.seed, report, result)
        runtime.console().print(rates.table(result))
        runtime.console().print(rates.exponent_table(swept))
        figures = {"rates": rates.figure(result), "t6": rates.t6_figure(result), "t8": rates.t8_figure(swept, result)}
        saved = [path for name, drawn in figures.items() for path in plot.save(drawn, out / f"proof_{name}")]
        print(f"wrote {', '.join(str(path) for path in saved)} in {time.perf_counter() - started:.0f} s")

    return runtime.run_program("proofs_check.rates", program)


if __name__ == "__main__":
    sys.exit(main())
