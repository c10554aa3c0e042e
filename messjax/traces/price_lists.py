"""Prices of models: from the command line, from a CSV, and from the JSON lists of RouterArena, LiteLLM and OpenRouter.

A price is one number, (input, output), (input, cached, output) or (input, cached, output, reasoning), in USD per 1M
tokens.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from messjax.traces.moments import moment
from messjax.traces.parsing import Place, listed, number, shown_value, text
from messjax.traces.record_files import csv_rows, json_document

UNIT_PRICES = "USD per 1M tokens"
_ROUTERARENA = ("input_token_price_per_million", "output_token_price_per_million")
_LITELLM = ("input_cost_per_token", "output_cost_per_token")
_LITELLM_MORE = ("cache_read_input_token_cost", "output_cost_per_reasoning_token")
_OPENROUTER = ("prompt", "completion")
_OPENROUTER_MORE = ("input_cache_read", "internal_reasoning")
_COLUMNS = ("input", "output", "cached", "reasoning")
_EXPECTED = (
    "model names with input_token_price_per_million (RouterArena) or input_cost_per_token (LiteLLM), "
    'or {"data": [{"id", "pricing"}]} (OpenRouter)'
)


class Prices(NamedTuple):
    """Prices by the name of a model.

    Attributes:
        of_model: A model's name, or a part of one, to its price.
        since: Changes of a price: a model's name to (seconds since 1970, price), in the order of time.
        from_file: Whether they come from a list, which may have models that a recording has not.
    """

    of_model: Mapping[str, tuple[float, ...]]
    since: Mapping[str, tuple[tuple[float, tuple[float, ...]], ...]] = {}
    from_file: bool = False


def read_prices(given: str, what: str = UNIT_PRICES) -> Prices:
    """Prices by model, from text or from a file.

    Args:
        given: `"mixtral=0.24,gpt-4=10/30"` (input/output, or input/cached/output, or input/cached/output/reasoning),
            the path of a JSON price list (RouterArena's, LiteLLM's or OpenRouter's), or of a CSV with the columns
            model, input, output and perhaps cached, reasoning and from (the day since which a price holds). A name may
            contain "=" but no ",": then give the part of it that has none.
        what: What the numbers are, for error messages.

    Returns:
        The prices.

    Raises:
        ValueError: No entry, an entry that is not NAME=NUMBER, a name given twice, a number that is not finite and
            >= 0, or a file of another kind.
    """
    is_path = "=" not in given or Path(given).is_file()
    if is_path and given.lower().endswith((".json", ".csv")):
        path = Path(given)
        if not path.is_file():
            raise ValueError(f"{path} not found, expected a list of prices")
        return _from_csv(path) if given.lower().endswith(".csv") else Prices(_from_json(path), from_file=True)
    prices: dict[str, tuple[float, ...]] = {}
    for item in given.split(","):
        name, equals, numbers = (part.strip() for part in item.rpartition("="))
        if not (name and equals and numbers):
            raise ValueError(f"prices {given!r}: found {item.strip()!r}, expected NAME=USD,NAME=USD,... ({what})")
        if name in prices:
            raise ValueError(f"prices {given!r}: {name!r} has two prices, expected one")
        try:
            prices[name] = tuple(float(part) for part in numbers.split("/"))
        except ValueError:
            raise ValueError(f"prices {given!r}: price of {name!r} is {numbers!r}, expected a number") from None
        check_price(name, prices[name], what)
    return Prices(prices)


def price_list(given: str, what: str = UNIT_PRICES) -> dict[str, tuple[float, ...]]:
    """The prices of `read_prices`, the last one of each model.

    Args:
        given: As there.
        what: What the numbers are, for error messages.

    Returns:
        Numbers by name.

    Raises:
        ValueError: As there.
    """
    return dict(read_prices(given, what).of_model)


def check_price(name: str, price: tuple[float, ...], what: str = UNIT_PRICES) -> None:
    """Refuse a price that is not one to four finite numbers >= 0 for a name.

    Args:
        name: The name.
        price: The numbers.
        what: What the numbers are, for error messages.

    Raises:
        ValueError: Anything else, or an empty name.
    """
    if not name.strip():
        raise ValueError(f"price {'/'.join(map(str, price))} has an empty name, expected a model or part of one")
    if not 1 <= len(price) <= 4:
        more = "INPUT/OUTPUT, INPUT/CACHED/OUTPUT or INPUT/CACHED/OUTPUT/REASONING"
        raise ValueError(f"price of {name!r} has {len(price)} numbers, expected one, or {more} ({what})")
    for each in price:
        try:
            good = math.isfinite(each) and each >= 0.0
        except (TypeError, OverflowError):
            good = False
        if not good:
            raise ValueError(f"price of {name!r} is {each!r}, expected a finite number >= 0 ({what})")


def four(price: tuple[float, ...]) -> tuple[float, float, float, float]:
    """A price as (input, cached, output, reasoning).

    Args:
        price: One to four numbers.

    Returns:
        The four: cached tokens cost what input costs, and reasoning what output costs, where nothing else is said.
    """
    first, last = price[0], price[min(len(price), 3) - 1]
    return first, price[1] if len(price) > 2 else first, last, price[3] if len(price) > 3 else last


def _from_json(path: Path) -> dict[str, tuple[float, ...]]:
    table, place = json_document(path), Place(path, 1, "line")
    if isinstance(table, dict) and isinstance(table.get("data"), list):
        return _checked(path, _openrouter(path, table["data"]))
    if not isinstance(table, dict) or not table:
        raise ValueError(f"{path}: found {shown_value(table)}, expected {_EXPECTED}")
    prices = {}
    for model, entry in table.items():
        of = entry if isinstance(entry, dict) else {}
        if any(name in of for name in _ROUTERARENA):
            prices[model] = tuple(_number(place, model, of, name) for name in _ROUTERARENA)
        elif all(of.get(name) is not None for name in _LITELLM):
            prices[model] = _per_token(place, model, of, _LITELLM, _LITELLM_MORE)
    if not prices:
        entry = next((each for each in table.values() if isinstance(each, dict)), {})
        raise ValueError(f"{path}: found records of {listed(entry)}, expected {_EXPECTED}")
    return _checked(path, prices)


def _openrouter(path: Path, models: list[Any]) -> dict[str, tuple[float, ...]]:
    """Models whose price is not fixed (-1) are left out."""
    prices = {}
    for row, model in enumerate(models, start=1):
        place = Place(path, row, "record")
        pricing = model.get("pricing") if isinstance(model, dict) else None
        if not isinstance(pricing, dict) or any(pricing.get(name) is None for name in _OPENROUTER):
            raise ValueError(f"{place}: found no pricing.prompt and pricing.completion, expected {_EXPECTED}")
        name = text(place, "id", model.get("id"))
        price = _per_token(place, name, pricing, _OPENROUTER, _OPENROUTER_MORE)
        if min(price) >= 0.0:
            prices[name] = price
    return prices


def _per_token(
    place: Place, model: str, of: Mapping[str, Any], names: tuple[str, str], more: tuple[str, str]
) -> tuple[float, ...]:
    """(input, cached, output, reasoning) of prices per token."""
    given, output = (1e6 * _number(place, model, of, name) for name in names)
    cached, reasoning = (1e6 * _number(place, model, of, name) if of.get(name) is not None else None for name in more)
    if cached is None and reasoning is None:
        return given, output
    first = given if cached is None else cached
    return (given, first, output) if reasoning is None else (given, first, output, reasoning)


def _number(place: Place, model: str, of: Mapping[str, Any], name: str) -> float:
    if name not in of:
        raise ValueError(f"{place}: found fields {listed(of)} of {model!r}, expected one named {name!r}")
    value = number(place, f"{model}.{name}", of[name])
    if math.isnan(value):
        raise ValueError(f"{place}: found no number at {model}.{name}, expected a price")
    return value


def _from_csv(path: Path) -> Prices:
    """A row per model, or per model and day since which its price holds."""
    rows: dict[str, list[tuple[float, tuple[float, ...]]]] = {}
    for place, row in csv_rows(path, "model,input,output"):
        for name in ("model", "input", "output"):
            if name not in row:
                raise ValueError(f"{place.file}: found columns {listed(row)}, expected one named {name!r}")
        model = text(place, "model", row["model"].strip())
        given = {name: number(place, name, row[name]) for name in _COLUMNS if name in row}
        given = {name: value for name, value in given.items() if not math.isnan(value)}
        if not {"input", "output"} <= given.keys():
            raise ValueError(f"{place}: found no price of input or output, expected two numbers ({UNIT_PRICES})")
        price: tuple[float, ...] = (given["input"], given.get("cached", given["input"]), given["output"])
        price = (*price, given["reasoning"]) if "reasoning" in given else price
        check_price(model, price)
        rows.setdefault(model, []).append((moment(place, "from", row["from"]) if row.get("from") else -math.inf, price))
    for model, changes in rows.items():
        changes.sort()
        if any(a[0] == b[0] for a, b in pairwise(changes)):
            raise ValueError(f"{path}: {model!r} has two prices for one time, expected one")
    since = {model: tuple(changes) for model, changes in rows.items() if len(changes) > 1 or changes[0][0] > -math.inf}
    return Prices({model: changes[-1][1] for model, changes in rows.items()}, since, from_file=True)


def _checked(path: Path, prices: Mapping[str, tuple[float, ...]]) -> dict[str, tuple[float, ...]]:
    def entries() -> Iterator[tuple[str, tuple[float, ...]]]:
        for name, price in prices.items():
            check_price(name, price)
            yield name, price

    result = dict(entries())
    if not result:
        raise ValueError(f"{path}: found no price, expected {_EXPECTED}")
    return result
