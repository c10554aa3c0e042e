"""Claim: what a learned router pays too much is paid for exploration and for what it cannot see, not for its queue.

The excess of MESS+ over a reference router, cost plus the price g of what is satisfied less, is split by request into
refinement (its cells of equal predictions lose this even with the best model in each), calibration (it does not choose
that model), exploration, and control (Q/V is not g). On requests calibrated to the Llama zoo of [M25] the reference is
the oracle at g = gamma*, and mu is known. On the recorded traces mu is unknown: labels stand for it, g is that of the
static mixture on a prefix, and the reference is a ridge regression trained on the prefix, which may itself be bad
(refinement below zero). Intervals are Student's, asymptotic: over streams, or over the requests of a trace. T2' is
tested against the best router that sees one cell, bins of s_hat, or the request type (docs/theory, "Information").

    python -m sims information [--quick] [--out DIR]
"""

from __future__ import annotations

import sys

from sims.common.study import Study
from sims.studies.information import figure, findings, runs, tables

STUDY = Study(
    "information",
    __doc__,
    runs.run,
    tables.tabulate,
    figure.draw,
    findings.conclude,
    quick="fewer and shorter streams, two orders of each trace",
)
main = STUDY.main


if __name__ == "__main__":
    sys.exit(main())
