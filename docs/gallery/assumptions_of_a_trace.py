"""
Which assumptions a trace keeps
===============================

Recorded requests are checked against the assumptions A1 to A8 of the theory: order, the range of scores,
whether alpha can be reached, whether a predictor learns. The trace is that of ``messjax trace demo``.
"""

from messjax import plot
from messjax.cli import demo_trace
from proofs_check.assumptions import check_trace, figure
from proofs_check.assumptions.report import verdicts
from proofs_check.assumptions.trace import learn

trace = demo_trace.trace(2_000, seed=0)  # yours: messjax.traces.read_parquet(PATH)
checks = check_trace(trace, alpha=0.75)
for assumption, verdict in verdicts(checks).items():
    print(assumption, verdict)

plot.save(figure.draw(checks, trace, learn(trace, 0), 0.75), "results/assumptions_of_a_trace.png")
