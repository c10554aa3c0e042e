"""Streams of requests: i.i.d. over types or with continuous features, recorded traces, and changing distributions.

docs/scenarios.md has the table: what each breaks, and how it is built.
"""

from typing import TYPE_CHECKING

from messjax import lazy_imports

if TYPE_CHECKING:
    from messjax.streams.availability import with_availability, with_latency
    from messjax.streams.calibration import calibrated, graded
    from messjax.streams.change_points import benchmarks, chain, change
    from messjax.streams.continuous_features import logistic
    from messjax.streams.gradual_drift import drift
    from messjax.streams.markov_modulated import modulated
    from messjax.streams.random_costs import by_length, lognormal
    from messjax.streams.recorded import replay
    from messjax.streams.request_types import types
    from messjax.streams.second_judge import with_judge
    from messjax.streams.service_classes import with_classes
    from messjax.streams.worst_order import adversarial, adversarial_replay

__all__ = [
    "adversarial",
    "adversarial_replay",
    "benchmarks",
    "by_length",
    "calibrated",
    "chain",
    "change",
    "drift",
    "graded",
    "logistic",
    "lognormal",
    "modulated",
    "replay",
    "types",
    "with_availability",
    "with_classes",
    "with_judge",
    "with_latency",
]
__getattr__, __dir__ = lazy_imports.attach(__name__)
