"""Recorded traces: requests that all models have answered, read from their publishers' own formats."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from messjax.traces.costs import CostRule, check_price, parse_rule, price_list
from messjax.traces.formats import FORMATS, NAMES, Format, Options, detect, is_messjax, read
from messjax.traces.linter import lint
from messjax.traces.parquet import read as read_parquet
from messjax.traces.parquet import write as write_parquet
from messjax.traces.preparation import Choices, prepare, unchecked
from messjax.traces.readers.plain import parse_columns
from messjax.traces.recording import Builder, Finding, Recording
from messjax.traces.schema import Trace, check_trace, order_by_cost
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
    "read_routellm",
    "unchecked",
    "write_parquet",
]


def read_routellm(path: str | os.PathLike[str], prices: Mapping[str, float]) -> Trace:
    """RouteLLM's CSVs with one price per model in USD per 1M tokens: `read` and `prepare` in one call.

    A key of `prices` is the full name of a model or a part of it that no other model has, in any case.

    Raises:
      ValueError: as `read` and `prepare`.
    """
    for name, price in prices.items():
        check_price(name, (price,))
    recording = read(Path(path), "routellm")
    return prepare(recording, CostRule("constant", {name: (float(price),) for name, price in prices.items()}))
