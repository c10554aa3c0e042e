"""Claim: on eight benchmarks MESS+ needs 1.07 MJ where RouteLLM and RouterDC need 2.11 and 2.09 ([M25], main table).

The numbers of that table that are to be had, beside single models, the static mixture that knows their averages only,
the offline and the clairvoyant optimum of requests calibrated to the same averages, and MESS+ on these requests: with
both heads learned online, and with frozen predictors of every skill (share of the variance of mu explained), over the
published V and c. Which reported points lie above the line of static mixtures, and what skill and V reach them?

    python -m sims published_table [--quick] [--out DIR]
"""

from __future__ import annotations

import sys

from sims.common.study import Study
from sims.studies.published_table import figure, findings, runs, tables

STUDY = Study(
    "published_table",
    __doc__,
    runs.run,
    tables.tabulate,
    figure.draw,
    findings.conclude,
    quick="ARC-C and BoolQ, few streams",
)
main = STUDY.main


if __name__ == "__main__":
    sys.exit(main())
