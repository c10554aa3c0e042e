"""Dataset -> Figure. No computation: means, limits and bounds come ready from `results`, `theory` and `evaluation`."""

from typing import TYPE_CHECKING

from messjax import lazy_imports

if TYPE_CHECKING:
    from messjax.plot.curves import over_requests, predictor_quality
    from messjax.plot.paths import sample_paths
    from messjax.plot.stacked_bars import decomposition
    from messjax.plot.style import COLORS, DASHES, MARKERS, STYLE, line_style, note_omitted, plain, save
    from messjax.plot.trade_off import versus_v

__all__ = [
    "COLORS",
    "DASHES",
    "MARKERS",
    "STYLE",
    "decomposition",
    "line_style",
    "note_omitted",
    "over_requests",
    "plain",
    "predictor_quality",
    "sample_paths",
    "save",
    "versus_v",
]
__getattr__, __dir__ = lazy_imports.attach(__name__)
