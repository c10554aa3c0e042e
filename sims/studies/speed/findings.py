"""What the study concludes."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sims.common.finding import Finding, Number, Rows, Verdict, verdict_of_cases
from sims.studies.speed import figure
from sims.studies.speed.runs import rate

TARGETS = {  # (workload, implementation): the least ratio, the aim that was set before it was measured
    ("W1", "Python loop"): 2000,
    ("W1", "plain JAX"): 15,
    ("W1", "Numba"): 2,
    ("W1", "C++"): 0.25,
    ("W2", "Python loop"): 400,
    ("W2", "plain JAX"): 4,
    ("W2", "Numba"): 2,
    ("W2 x 12", "Python loop"): 4000,
    ("W3", "Python loop"): 250,
    ("W3", "torch + pandas"): 1500,
    ("W3", "plain JAX"): 8,
    ("W3", "Numba"): 3,
}


def ratios(result: xr.Dataset) -> dict[tuple[str, str], float]:
    """messjax over each implementation; the Python loop serves one point of a grid at a time."""
    alone = {("W2 x 12", "Python loop"): "W2"}
    return {
        (workload, who): rate(result, workload, "messjax") / rate(result, alone.get((workload, who), workload), who)
        for workload, who in TARGETS
    }


def conclude(result: xr.Dataset) -> list[Finding]:
    """One. Rule: every measured ratio reaches its target; a small version (`--quick`) is undecided."""
    measured = {pair: ratio for pair, ratio in ratios(result).items() if not np.isnan(ratio)}
    met = sum(ratio >= TARGETS[pair] for pair, ratio in measured.items())
    quick = "--quick" in str(result.attrs.get("config", ""))
    verdict: Verdict = "undecided" if quick else verdict_of_cases(met, len(measured) - met, len(measured))
    loop, native = (measured.get(("W1", who), np.nan) for who in ("Python loop", "C++"))
    rows = [
        (workload, who, _times(ratio), f"{TARGETS[workload, who]:g}", _outcome(ratio, TARGETS[workload, who]))
        for (workload, who), ratio in ratios(result).items()
    ]
    small = " These are small versions, too small to conclude from." if quick else ""
    return [
        Finding(
            "Speed against loops written for the same work",
            "Thousands of streams at once make the simulator so much faster than a loop that its cost stops mattering.",
            verdict,
            f"messjax serves requests {_times(loop)} times as fast as a Python loop and {_times(native)} times as "
            f"fast as a C++ loop on the first workload (an oracle). Of {len(measured)} ratios measured, {met} reach "
            f"the target set beforehand.{small}",
            (
                Number("speed over a Python loop, first workload", float(loop), "times"),
                Number("speed over C++, first workload", float(native), "times"),
                Number("targets reached", met, f"of {len(measured)}"),
            ),
            Rows(("workload", "compared with", "messjax is faster by", "target", "outcome"), tuple(rows)),
        )
    ]


def _times(ratio: float) -> str:
    return "(not measured)" if np.isnan(ratio) else figure.number(ratio)


def _outcome(ratio: float, target: float) -> str:
    return "not measured" if np.isnan(ratio) else "reached" if ratio >= target else "not reached"
