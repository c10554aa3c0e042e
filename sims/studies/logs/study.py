"""Claim: what another router would have cost and satisfied can be told from a decision log, with limits that hold.

Logs of one answer per request are made of a synthetic zoo (that of [M25], d = 16) whose truth is known: by uniform
choice, epsilon-greedy, softmax, Thompson sampling and MESS+ itself. Policies that do not change (one model, a static
mixture, a router) are estimated by five estimators, with three intervals; MESS+ that learns is replayed by rejection,
with the limits of a single run and with those from bootstrap samples. Bias, coverage in 1,000 replications, widths,
error against the length of the log, and what each log identifies. Where the recorded trace of MMLU is there, logs of it
are compared with runs on the whole trace.

    python -m sims logs [--quick] [--out DIR]
"""

from __future__ import annotations

import sys

from sims.common.study import Study
from sims.studies.logs import figure, findings, runs, tables

STUDY = Study(
    "logs",
    __doc__,
    runs.run,
    tables.tabulate,
    figure.draw,
    findings.conclude,
    quick="few replications of short logs, two routers that log",
)
main = STUDY.main


if __name__ == "__main__":
    sys.exit(main())
