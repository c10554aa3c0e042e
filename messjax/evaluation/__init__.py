"""Evaluations of runs: policies compared on one stream, the field's router metrics, the predictor scored over time."""

from typing import TYPE_CHECKING

from messjax import lazy_imports

if TYPE_CHECKING:
    from messjax.evaluation import bench, information, partitions, predictor, router_metrics
    from messjax.evaluation.comparison import compare, contenders, curves
    from messjax.evaluation.comparison_table import table

__all__ = [
    "bench",
    "compare",
    "contenders",
    "curves",
    "information",
    "partitions",
    "predictor",
    "router_metrics",
    "table",
]
__getattr__, __dir__ = lazy_imports.attach(__name__)
