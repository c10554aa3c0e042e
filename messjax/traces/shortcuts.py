"""Whole traces in one call."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from messjax.traces.costs import CostRule
from messjax.traces.formats import read
from messjax.traces.preparation import prepare
from messjax.traces.price_lists import check_price
from messjax.traces.schema import Trace


def read_routellm(path: str | os.PathLike[str], prices: Mapping[str, float]) -> Trace:
    """Read RouteLLM's CSVs with one price per model: `read` and `prepare` in one call.

    Args:
        path: A CSV, or a folder of them.
        prices: USD per 1M tokens by model: the full name of a model or a part of it that no other model has, in any
            case.

    Returns:
        The trace.

    Raises:
        ValueError: As `read` and `prepare` raise.
    """
    for name, price in prices.items():
        check_price(name, (price,))
    recording = read(Path(path), "routellm")
    return prepare(recording, CostRule("constant", {name: (float(price),) for name, price in prices.items()}))
