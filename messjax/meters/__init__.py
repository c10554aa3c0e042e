"""Meters: online folds over the steps of one stream."""

from typing import TYPE_CHECKING

from messjax import lazy_imports

if TYPE_CHECKING:
    from messjax.meters.bounded_sum import bounded_mean
    from messjax.meters.folds import fold, latest, maximum, mean, zip_meters
    from messjax.meters.identity_terms import decomposition
    from messjax.meters.latencies import latency
    from messjax.meters.ledgers import ledger
    from messjax.meters.optimism import optimism_widths
    from messjax.meters.partition_terms import partition_losses
    from messjax.meters.path_audit import failures, path_audit_meter
    from messjax.meters.per_class import sla_per_class
    from messjax.meters.phases import per_phase
    from messjax.meters.propensities import propensity_coverage
    from messjax.meters.standard_meters import sla, standard, theory, virtual_queue
    from messjax.meters.windows import adoption, tracking, windowed

__all__ = [
    "adoption",
    "bounded_mean",
    "decomposition",
    "failures",
    "fold",
    "latency",
    "latest",
    "ledger",
    "maximum",
    "mean",
    "optimism_widths",
    "partition_losses",
    "path_audit_meter",
    "per_phase",
    "propensity_coverage",
    "sla",
    "sla_per_class",
    "standard",
    "theory",
    "tracking",
    "virtual_queue",
    "windowed",
    "zip_meters",
]
__getattr__, __dir__ = lazy_imports.attach(__name__)
