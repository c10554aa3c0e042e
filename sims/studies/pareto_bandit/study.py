"""Claim: at equal spend a static mix of two models beats ParetoBandit, since its pacer overshoots; MESS+ does better.

ParetoBandit's four experiments (arXiv 2604.00136) with their authors' seeds, on the splits, contexts and prior of the
package `paretobandit` where it is installed: seven budgets, a price that falls, a model that degrades in silence, and a
fourth model that comes. Published numbers stand beside ours. Then one part of the pacer is changed at a time. Last,
MESS+, ParetoBandit and static mixes that know the same are compared at seven budgets and four alphas, tuned on
validation requests, where costs are listed and not known per request (*: a reconstruction of arXiv 2606.19376). Without
the package the recorded trace, hashed n-grams and a prior of our own stand in, and without the trace made-up requests,
from which nothing follows.

    python -m sims pareto_bandit [--quick] [--out DIR]
"""

from __future__ import annotations

import sys

from sims.common.study import Study
from sims.studies.pareto_bandit import figure, findings, runs, tables

STUDY = Study(
    "pareto_bandit",
    __doc__,
    runs.run,
    tables.tabulate,
    figure.draw,
    findings.conclude,
    quick="4 seeds of 480 requests, hashed n-grams, two targets",
)
main = STUDY.main


if __name__ == "__main__":
    sys.exit(main())
