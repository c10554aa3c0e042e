"""Statistics on the host: intervals over streams, confidence sequences, scoring rules for predictions."""

from typing import TYPE_CHECKING

from messjax import lazy_imports

if TYPE_CHECKING:
    from messjax.statistics import confidence_sequences, intervals, one_sided_limits, scoring_rules

__all__ = [
    "confidence_sequences",
    "intervals",
    "one_sided_limits",
    "scoring_rules",
]
__getattr__, __dir__ = lazy_imports.attach(__name__)
