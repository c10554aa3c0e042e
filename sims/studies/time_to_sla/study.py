"""Claim: MESS+ satisfies the SLA within some hundred requests, and stays there.

The code of [M25] annotates Winogrande with 740, 803 and 994 requests for alpha = .65, .70 and .75. Here MESS+ with the
linear head runs on requests calibrated to Winogrande, ten times as long as the benchmark: running satisfaction, what is
missing of the SLA in requests beside the theory's climb to V gamma* (T6; T1's leading term is V gamma*/T), the
request from which the SLA holds for good, and the same with a warm start. For all benchmarks at the V of [M25]'s
table: satisfaction at the end beside what its code reports, the mean of the running satisfaction over all requests.

    python -m sims time_to_sla [--quick] [--out DIR]
"""

from __future__ import annotations

import sys

from sims.common.study import Study
from sims.studies.time_to_sla import figure, findings, runs, tables

STUDY = Study(
    "time_to_sla",
    __doc__,
    runs.run,
    tables.tabulate,
    figure.draw,
    findings.conclude,
    quick="fewer streams and benchmarks, two times the benchmark long",
)
main = STUDY.main


if __name__ == "__main__":
    sys.exit(main())
