"""Costs of a trace: prices from the command line, matched to models."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from messjax.traces import price_list, read_routellm


def write(path: Path, content: str | bytes) -> Path:
    """The file with this content, bytes as they are."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("prices", "message"),
    [
        (
            {"small": 1.0},
            r"no price for model 'org/gpt-4-x': give --prices org/gpt-4-x=USD,\.\.\. \(USD per 1M tokens\)",
        ),
        ({}, "no price for model 'org/gpt-4-x', 'small'"),
        (
            {"gpt-5": 1.0},
            "price 'gpt-5' is no model and no part of one, expected exactly one of 'org/gpt-4-x', 'small'",
        ),
        ({"m": 1.0, "s": 1.0, "l": 2.0}, "model 'small' has two prices, 'm' and 's'"),
        ({"": 1.0}, "price 1.0 has an empty name"),
        ({"small": -1.0}, "price of 'small' is -1.0, expected a finite number >= 0"),
        ({"small": math.nan}, "price of 'small' is nan"),
        ({"small": math.inf}, "price of 'small' is inf"),
        ({"small": 10**400}, "price of 'small' is 1000"),
        ({"small": "cheap"}, "price of 'small' is 'cheap'"),
    ],
)
def test_errors_of_prices(tmp_path: Path, prices: dict[str, float], message: str) -> None:
    path = write(tmp_path / "f.csv", "prompt,org/gpt-4-x,small\na,True,True\n")
    with pytest.raises(ValueError, match=message):
        read_routellm(path, prices)


def test_prices_by_part_and_full_name(tmp_path: Path) -> None:
    path = write(tmp_path / "f.csv", "prompt,gpt-4,gpt-4-turbo\na,True,False\n")
    read = read_routellm(path, {"TURBO": 10, "GPT-4": 30})  # the full name wins over being a part
    assert read.models == ("gpt-4-turbo", "gpt-4")
    np.testing.assert_array_equal(read.cost, [[10.0, 30.0]])
    with pytest.raises(ValueError, match="price 'gpt' is part of several models, .* 'gpt-4', 'gpt-4-turbo'"):
        read_routellm(path, {"gpt": 1.0})


def test_price_list() -> None:
    assert price_list("mixtral=0.24, gpt-4 = 24.7/30") == {"mixtral": (0.24,), "gpt-4": (24.7, 30.0)}
    assert price_list("a=b=1e-3") == {"a=b": (1e-3,)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "found '', expected NAME=USD"),
        ("a", "found 'a', expected NAME=USD"),
        ("a=1,", "found '', expected NAME=USD"),
        ("a=", "found 'a=', expected NAME=USD"),
        ("=1", "found '=1', expected NAME=USD"),
        ("a=0,24", "found '24', expected NAME=USD"),
        ("a=$1", r"price of 'a' is '\$1', expected a number"),
        ("a=1,a=2", "'a' has two prices"),
        ("a=nan", "price of 'a' is nan"),
        ("a=-1", "price of 'a' is -1.0"),
    ],
)
def test_price_list_errors(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        price_list(text)
