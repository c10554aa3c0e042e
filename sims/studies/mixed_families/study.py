"""Claim: in a zoo of mixed families, where a more expensive model may be the worse one, MESS+ avoids models that are no
use.

Four models of two families, the second one's accuracies lower by a gap: from .17 on its models are dominated (A8 is
false), from .25 on the most expensive one, which serves explored requests, falls short of alpha (beta_M < 0). Which
models are chosen; what exploring then does to the SLA, and which statements of docs/theory need beta_M; and the same
zoo with its best model named last. [M25]'s mixed zoo (Qwen2, Qwen2.5 and Llama 3) has no numbers published to us.

    python -m sims mixed_families [--quick] [--out DIR]
"""

from __future__ import annotations

import sys

from sims.common.study import Study
from sims.studies.mixed_families import figure, findings, runs, tables

STUDY = Study(
    "mixed_families",
    __doc__,
    runs.run,
    tables.tabulate,
    figure.draw,
    findings.conclude,
    quick="two gaps, 64 streams, 4,000 requests",
)
main = STUDY.main


if __name__ == "__main__":
    sys.exit(main())
