"""Streams of requests: i.i.d. over types or with continuous features, recorded traces, and worlds that change.

docs/scenarios.md has the table: what each breaks, and how it is built.
"""

from messjax.streams.adversarial import adversarial, adversarial_replay
from messjax.streams.calibrate import calibrated, graded
from messjax.streams.chain import benchmarks, chain, change
from messjax.streams.classes import with_classes
from messjax.streams.costs import by_length, lognormal
from messjax.streams.drift import drift
from messjax.streams.logistic import logistic
from messjax.streams.markov import modulated
from messjax.streams.replay import replay
from messjax.streams.types import types

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
    "with_classes",
]
