"""How accurate the predictor of MESS+ is over the requests of a replay (A6 in docs/theory.md).

It learns from explored requests only, and exploration does not depend on V or alpha: the predictor path of a replay
follows from its key, c and a. `over_time` follows that path (same keys, order, exploration and updates as `sweep`) and
scores the predictions by log loss, Brier score and calibration, twice: on the requests just passed, each predicted
before it was learned from (prequential; Dawid 1984), and on held-out requests, which no order ever serves.
"""

from typing import TYPE_CHECKING

from messjax import lazy_imports

if TYPE_CHECKING:
    from messjax.evaluation.predictor.metrics import summary
    from messjax.evaluation.predictor.over_requests import over_time, split
    from messjax.evaluation.predictor.scoring_program import HeldOut

__all__ = ["HeldOut", "over_time", "split", "summary"]
__getattr__, __dir__ = lazy_imports.attach(__name__)
