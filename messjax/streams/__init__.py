"""Streams of requests: i.i.d. over finitely many types, i.i.d. logistic with continuous features, a recorded trace."""

from messjax.streams.calibrate import calibrated, graded
from messjax.streams.logistic import logistic
from messjax.streams.replay import replay
from messjax.streams.types import types

__all__ = ["calibrated", "graded", "logistic", "replay", "types"]
