"""Published metrics of routers, each as its authors define it; a file per publisher.

A router's configurations are points (cost per request, quality); quality is a mean satisfaction in [0, 1]. None of
these metrics considers a required long-run satisfaction: print violation and time to the SLA beside them, and the best
single model beside every router (constant policies can score high). Host NumPy, no JAX.
"""

from typing import TYPE_CHECKING

from messjax import lazy_imports

if TYPE_CHECKING:
    from messjax.evaluation.router_metrics.llmrouterbench import (
        Oracle,
        cost_save,
        gain_at_best,
        gap_at_oracle,
        oracle,
        pareto_dist,
        pareto_front,
        perf_gain,
    )
    from messjax.evaluation.router_metrics.of_replays import replay_metrics
    from messjax.evaluation.router_metrics.routellm import apgr, cpt, pgr
    from messjax.evaluation.router_metrics.routerarena import arena_score, usd_per_request
    from messjax.evaluation.router_metrics.routerbench import aiq, hull
    from messjax.evaluation.router_metrics.tables import metrics_records, metrics_tables

__all__ = [
    "Oracle",
    "aiq",
    "apgr",
    "arena_score",
    "cost_save",
    "cpt",
    "gain_at_best",
    "gap_at_oracle",
    "hull",
    "metrics_records",
    "metrics_tables",
    "oracle",
    "pareto_dist",
    "pareto_front",
    "perf_gain",
    "pgr",
    "replay_metrics",
    "usd_per_request",
]
__getattr__, __dir__ = lazy_imports.attach(__name__)
