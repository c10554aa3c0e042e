"""Statistics on the host: intervals over streams, tests of bounded means, confidence sequences, scoring rules."""

from typing import TYPE_CHECKING

from messjax import lazy_imports

if TYPE_CHECKING:
    from messjax.statistics import (
        bounded_means,
        confidence_sequences,
        intervals,
        long_run,
        one_sided_limits,
        scoring_rules,
    )

__all__ = [
    "bounded_means",
    "confidence_sequences",
    "intervals",
    "long_run",
    "one_sided_limits",
    "scoring_rules",
]
__getattr__, __dir__ = lazy_imports.attach(__name__)
