"""Statistics on the host: intervals over streams, confidence sequences, scoring rules for predictions."""

from typing import TYPE_CHECKING

from messjax import lazy_imports

if TYPE_CHECKING:
    from messjax.statistics import bounded_means, confidence_sequences, intervals, scoring_rules

__all__ = [
    "bounded_means",
    "confidence_sequences",
    "intervals",
    "scoring_rules",
]
__getattr__, __dir__ = lazy_imports.attach(__name__)
