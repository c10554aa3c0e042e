"""Routers compared on one protocol: two tracks, scenarios, mandatory controls, and a verdict for each policy."""

from typing import TYPE_CHECKING

from messjax import lazy_imports

if TYPE_CHECKING:
    from messjax.evaluation.bench.data import BenchData, of_stream, of_trace
    from messjax.evaluation.bench.entrants import ENTRANTS, Entrant, Setting
    from messjax.evaluation.bench.plan import Options
    from messjax.evaluation.bench.protocol import run_bench
    from messjax.evaluation.bench.scenarios import SCENARIOS

__all__ = ["ENTRANTS", "SCENARIOS", "BenchData", "Entrant", "Options", "Setting", "of_stream", "of_trace", "run_bench"]
__getattr__, __dir__ = lazy_imports.attach(__name__)
