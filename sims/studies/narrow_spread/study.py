"""Claim: the closer a zoo's costs lie together the less routing saves, until exploration costs more than that.

Four models whose costs go from 1 to the spread, 1.1 to 100, with the same accuracies: what MESS+ saves at alpha against
the blind mixture and against the most expensive model, in both ledgers and for the c of [M25], beside what C* would
save; with the head of [M25]'s rule, and with an oracle that explores all the same. And the labels of MMLU with two
costs, 1 and the spread. [M25]'s own numbers with narrow spread are not published to us.

    python -m sims narrow_spread [--quick] [--out DIR]
"""

from __future__ import annotations

import sys

from sims.common.study import Study
from sims.studies.narrow_spread import figure, findings, runs, tables

STUDY = Study(
    "narrow_spread",
    __doc__,
    runs.run,
    tables.tabulate,
    figure.draw,
    findings.conclude,
    quick="four spreads, 64 streams of 2,000 requests, no trace",
)
main = STUDY.main


if __name__ == "__main__":
    sys.exit(main())
