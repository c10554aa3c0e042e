"""Claim: a small exploration constant c explores less and costs less, while the predictor still learns.

[M25] ablates c in {.01, .1, 1}; here also 0 and values between. MESS+ with the linear head learned online, on requests
calibrated to its Llama zoo and on the recorded traces: share of explored requests beside P_T/T (T7), the predictor's
log loss on held-out requests beside that of the base rate, satisfaction, and cost in two ledgers. The exploit-only
ledger (exploit steps' cost divided by all requests, what [M25] reports) leaves out what c costs; T2's exploration term
is the same money in the bound. [M25]'s own results of this ablation were not to be had.

    python -m sims exploration [--quick] [--out DIR]
"""

from __future__ import annotations

import sys

from sims.common.study import Study
from sims.studies.exploration import figure, findings, runs, tables

STUDY = Study(
    "exploration",
    __doc__,
    runs.run,
    tables.tabulate,
    figure.draw,
    findings.conclude,
    quick="a short stream of the calibrated zoo only",
)
main = STUDY.main


if __name__ == "__main__":
    sys.exit(main())
