"""The engine: one stream as a loop over requests, grids of controls times streams, and a fast path for common cases."""

from typing import TYPE_CHECKING

from messjax import lazy_imports

if TYPE_CHECKING:
    from messjax.engine.chunk_store import open_store
    from messjax.engine.decision_log import logged_run
    from messjax.engine.grid_sweep import audit, sweep
    from messjax.engine.simulation import Result, simulate

__all__ = [
    "Result",
    "audit",
    "logged_run",
    "open_store",
    "simulate",
    "sweep",
]
__getattr__, __dir__ = lazy_imports.attach(__name__)
