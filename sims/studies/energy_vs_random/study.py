"""Claim: MESS+ is "up to 2.5x more energy efficient than randomly selecting" models ([M24], the workshop's result).

The energy of uniform random selection, and of the workshop's own baseline (the cheapest and the most expensive model in
the proportion that just meets the threshold), over that of MESS+ in both ledgers, against alpha: the workshop's two
models (scores continuous, a = 1/3, the energies routed by and those measured), the Llama zoo of [M25] and the recorded
traces. Beside it the ratio that the blind LP mixture and the offline optimum reach at the same alpha.

    python -m sims energy_vs_random [--quick] [--out DIR]
"""

from __future__ import annotations

import sys

from sims.common.study import Study
from sims.studies.energy_vs_random import figure, findings, runs, tables

STUDY = Study(
    "energy_vs_random",
    __doc__,
    runs.run,
    tables.tabulate,
    figure.draw,
    findings.conclude,
    quick="one workshop benchmark, few streams",
)
main = STUDY.main


if __name__ == "__main__":
    sys.exit(main())
