"""Recorded traces: requests that all models have answered, read from their publishers' own formats."""

from typing import TYPE_CHECKING

from messjax import lazy_imports

if TYPE_CHECKING:
    from messjax.traces.builder import Builder
    from messjax.traces.costs import CostRule, parse_rule
    from messjax.traces.findings import Finding
    from messjax.traces.formats import FORMATS, NAMES, Format, detect, is_messjax, read
    from messjax.traces.linter import lint
    from messjax.traces.options import Options
    from messjax.traces.parquet import read as read_parquet
    from messjax.traces.parquet import write as write_parquet
    from messjax.traces.preparation import Choices, prepare, unchecked
    from messjax.traces.price_lists import price_list, read_prices
    from messjax.traces.readers.plain_columns import parse_columns
    from messjax.traces.recording import Recording
    from messjax.traces.schema import Trace, check_trace, order_by_cost, rows_of
    from messjax.traces.second_judge import with_judge
    from messjax.traces.selection import averaged, select
    from messjax.traces.shortcuts import read_routellm
    from messjax.traces.texts import Texts

__all__ = [
    "FORMATS",
    "NAMES",
    "Builder",
    "Choices",
    "CostRule",
    "Finding",
    "Format",
    "Options",
    "Recording",
    "Texts",
    "Trace",
    "averaged",
    "check_trace",
    "detect",
    "is_messjax",
    "lint",
    "order_by_cost",
    "parse_columns",
    "parse_rule",
    "prepare",
    "price_list",
    "read",
    "read_parquet",
    "read_prices",
    "read_routellm",
    "rows_of",
    "select",
    "unchecked",
    "with_judge",
    "write_parquet",
]
__getattr__, __dir__ = lazy_imports.attach(__name__)
