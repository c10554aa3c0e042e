"""Simulate MESS+ and validate its theory, with JAX.

Start at `messjax.engine.grid_sweep.sweep` (a grid of controls times streams) or `messjax.engine.simulation.simulate` (one stream); put
together `messjax.streams`, `messjax.predictors` and `messjax.policies`. docs/architecture.md describes the packages.
"""

from importlib import metadata as _metadata

try:
    __version__ = _metadata.version("messjax")
except _metadata.PackageNotFoundError:  # a source tree that was never installed
    __version__ = "unknown"
