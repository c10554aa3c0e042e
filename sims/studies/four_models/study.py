"""Claim: with four models of one family MESS+ keeps alpha, and uses all of them as V changes.

The Qwen zoo of [M25] (ARC-C at .55, Winogrande at .71, and the mean of both): cost, satisfaction and calls per model
over V and alpha, beside every single model, the blind mixture, uniform random and C*; as many requests as a benchmark
has, and 20,000. Accuracies are the publishers' and costs parameters: [M25]'s own numbers of this zoo are not published
to us.

    python -m sims four_models [--quick] [--out DIR]
"""

from __future__ import annotations

import sys

from sims.common.study import Study
from sims.studies.four_models import figure, findings, runs, tables

STUDY = Study(
    "four_models",
    __doc__,
    runs.run,
    tables.tabulate,
    figure.draw,
    findings.conclude,
    quick="64 streams of 4,000 requests instead of 256 of 20,000",
)
main = STUDY.main


if __name__ == "__main__":
    sys.exit(main())
