"""Claim: on benchmarks one after another MESS+ keeps alpha over the whole length, though not on every benchmark.

The eight benchmarks of [M25] (alpha = .667) in several orders and shuffled, and ARC-C, PiQA, Winogrande, which [M25]
chains (alpha .59, .63, .67; its results are not published to us, and its simulator shuffles): satisfaction, cost and
queue across the change points, a head that sees the benchmark, one that does not, and an oracle; what the theory of
i.i.d. requests still says (L1 on every path, T5 with the distribution of the whole) and what it does not (T1, T2). And
the labels of MMLU, subject by subject.

    python -m sims benchmark_chain [--quick] [--out DIR]
"""

from __future__ import annotations

import sys

from sims.common.study import Study
from sims.studies.benchmark_chain import figure, findings, runs, tables

STUDY = Study(
    "benchmark_chain",
    __doc__,
    runs.run,
    tables.tabulate,
    figure.draw,
    findings.conclude,
    quick="three benchmarks only, 16 streams, no trace",
)
main = STUDY.main


if __name__ == "__main__":
    sys.exit(main())
