"""Claim: bounds of the theory of MESS+ lie above the truth, and the order of its regret cannot be improved.

Small worlds have exact expectations (`theory.exact`), and there every bound can be held against the truth itself: an
oracle on a smooth dual (T2, T2' and the limit sigma^2/4 of V times the cost gap), an oracle on finitely many types,
whose regret falls exponentially in V, and a world that a hidden Markov chain selects, where the bound of independent
requests is false and T12 and T13 speak. Where satisfaction has to be learned, two worlds that no policy can tell apart
give a lower bound of order sqrt(T) for every policy; MESS+ with running means and a UCB router that hears only what it
serves are simulated on both, with V = sqrt(T)/2, beside it and beside R' and T11.

    python -m sims bounds_against_truth [--quick] [--out DIR]
"""

from __future__ import annotations

import sys

from sims.common.study import Study
from sims.studies.bounds_against_truth import figure, findings, runs, tables

STUDY = Study(
    "bounds_against_truth",
    __doc__,
    runs.run,
    tables.tabulate,
    figure.draw,
    findings.conclude,
    quick="fewer V, short horizons: seconds",
)
main = STUDY.main


if __name__ == "__main__":
    sys.exit(main())
