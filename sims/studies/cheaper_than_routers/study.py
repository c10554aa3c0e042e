"""Claim: MESS+ costs half of what existing routers cost at the same alpha ([M25]: "an average of 2x cost savings").

MESS+ with the heads and grids of [M25] (its best setting that kept alpha, chosen on other streams, and its table's V)
beside routers trained on a prefix, the baselines of [M25], mixtures, single models and the offline optimum, on the same
requests: the Llama zoo's average, its eight benchmarks, and the recorded traces. Costs are brought to alpha at the
price of blind mixing, in three ledgers: exploit steps only, as [M25] reports; all that the run paid; and with the
prefix that trained routers had all models answer (500 requests, of a trace a fifth), over one run.

    python -m sims cheaper_than_routers [--quick] [--out DIR]
"""

from __future__ import annotations

import sys

from sims.common.study import Study
from sims.studies.cheaper_than_routers import figure, findings, runs, tables

STUDY = Study(
    "cheaper_than_routers",
    __doc__,
    runs.run,
    tables.tabulate,
    figure.draw,
    findings.conclude,
    quick="two calibrated worlds, few streams, no traces",
)
main = STUDY.main


if __name__ == "__main__":
    sys.exit(main())
