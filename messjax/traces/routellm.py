"""RouteLLM's evaluation files: one CSV per benchmark subject, one True or False per request and model.

The format holds no costs and no token counts, so the user gives one price per model, as RouteLLM itself does. Every
request to a model then costs the same: `cost[n, m]` is the price of model m, in USD per 1M tokens. These are relative
prices of the models, not dollars per request.
"""

from __future__ import annotations

import contextlib
import csv
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from messjax.traces.schema import Trace, check_trace, order_by_cost

COST_UNIT = "USD per 1M tokens"
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_LONGEST_CELL = 2**31 - 1  # characters; the largest limit that csv takes on every platform


class _Table(NamedTuple):
    path: Path
    models: tuple[str, ...]  # M
    prompts: list[str]  # n
    satisfied: list[list[bool]]  # [n][M]


def read_routellm(path: str | os.PathLike[str], prices: Mapping[str, float]) -> Trace:
    """Reads one CSV, or all `*.csv` of a folder in the order of their names; a file's stem is its group.

    Columns: `prompt`, then one per model with True or False (any case, or 1 and 0). A column `<model>_response` next
    to its model's is ignored, blank lines are skipped, columns may come in another order in every file.

    Args:
      path: the file or folder, UTF-8 with or without byte order mark.
      prices: USD per 1M tokens of every model, one constant each. A key is the full name of a model or a part of it
        that no other model has, in any case: `mixtral` for `mistralai/Mixtral-8x7B-Instruct-v0.1`.

    Returns:
      The checked trace, models cheapest first; models of equal price stay in the order of the first file's columns.

    Raises:
      ValueError: a path that is missing or has no CSV, a file that is empty or breaks the format, files of one folder
        with different models, prices that do not fit the models. It names file, row (the CSV record, the header is
        row 1), line and column, what was found and what expected.
    """
    for name, price in prices.items():
        _check_price(name, price)
    tables: list[_Table] = []
    with _long_cells():
        for file in _files(Path(path)):
            tables.append(_read(file))
            _same_models(tables[0], tables[-1])
    models = tables[0].models
    price_list = _match_prices(models, prices)
    columns = [[table.models.index(model) for model in models] for table in tables]
    satisfaction = np.concatenate(
        [np.array(table.satisfied, np.float64)[:, order] for table, order in zip(tables, columns, strict=True)]
    )
    trace = Trace(
        models=models,
        prompts=tuple(prompt for table in tables for prompt in table.prompts),
        groups=tuple(table.path.stem for table in tables for _ in table.prompts),
        satisfaction=satisfaction,
        cost=np.tile(np.array(price_list, np.float64), (len(satisfaction), 1)),
        cost_unit=COST_UNIT,
        source=os.path.basename(os.path.abspath(path)),
    )
    check_trace(trace)
    return order_by_cost(trace)


def parse_prices(text: str) -> dict[str, float]:
    """Prices from the command line: `"mixtral=0.24,gpt-4=24.7"` -> {"mixtral": 0.24, "gpt-4": 24.7}.

    Raises:
      ValueError: no entry, an entry that is not NAME=USD, a name given twice, a price that is not a finite number
        >= 0. A name may hold "=", but no ",": give the part of it that has none.
    """
    prices: dict[str, float] = {}
    for item in text.split(","):
        name, equals, number = (part.strip() for part in item.rpartition("="))
        if not (name and equals and number):
            raise ValueError(f"prices {text!r}: found {item.strip()!r}, expected NAME=USD,NAME=USD,... ({COST_UNIT})")
        if name in prices:
            raise ValueError(f"prices {text!r}: {name!r} has two prices, expected one")
        try:
            prices[name] = float(number)
        except ValueError:
            raise ValueError(f"prices {text!r}: price of {name!r} is {number!r}, expected a number") from None
        _check_price(name, prices[name])
    return prices


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix.lower() == ".csv" and file.is_file())
        if not files:
            raise ValueError(f"{path} has no *.csv, expected a folder of RouteLLM evaluation files")
        return files
    if not path.is_file():
        raise ValueError(f"{path} not found, expected a CSV file or a folder of them")
    return [path]


def _read(path: Path) -> _Table:
    with open(path, newline="", encoding="utf-8-sig") as handle:
        records = _records(path, handle)
        where, header = next(records, ("", []))
        if not header:
            raise ValueError(f"{path} is empty, expected a header with `prompt` and one column per model")
        models = _models(where, header)
        columns = [header.index(model) for model in models]
        table = _Table(path, models, [], [])
        for where, cells in records:
            if len(cells) != len(header):
                raise ValueError(f"{where}: found {len(cells)} cells, expected {len(header)} as in the header")
            prompt = cells[header.index("prompt")]
            if not prompt:
                raise ValueError(f"{where}, column 'prompt': the cell is empty, expected a text")
            table.prompts.append(prompt)
            table.satisfied.append([_boolean(where, header[column], cells[column]) for column in columns])
    if not table.prompts:
        raise ValueError(f"{path} has a header and no requests, expected at least one row after it")
    return table


def _records(path: Path, handle: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """The records that are not blank, each with the words that say where it begins."""
    reader = csv.reader(handle, strict=True)  # strict: the unclosed quote of a truncated file is an error
    row = 0
    while True:
        row += 1
        where = f"{path}, row {row} (line {reader.line_num + 1})"
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise ValueError(f"{where}: found broken CSV ({error}), expected quoted cells to be closed") from None
        except UnicodeDecodeError:
            raise ValueError(f"{path} is not UTF-8: {_first_bad_byte(path)}") from None
        for column, cell in enumerate(cells, start=1):
            if "\0" in cell:
                raise ValueError(f"{where}, cell {column}: found a NUL byte, expected text")
        if cells:
            yield where, cells


def _first_bad_byte(path: Path) -> str:
    """Found by a second reading: the decoder of a stream counts from the start of its chunk, not of the file."""
    try:
        path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        return f"found 0x{error.object[error.start]:02x} at byte {error.start}, counted from 0"
    return "the file has changed while it was read"


def _models(where: str, header: list[str]) -> tuple[str, ...]:
    """The model columns of a header: all but `prompt` and the responses of other columns."""
    for column, name in enumerate(header, start=1):
        if not name.strip():
            raise ValueError(
                f"{where}: column {column} has no name, expected `prompt` or a model (an index written by pandas?)"
            )
        if name in header[: column - 1]:
            raise ValueError(f"{where}: found two columns {name!r}, expected different names")
    if "prompt" not in header:
        raise ValueError(f"{where}: found columns {', '.join(map(repr, header))}, expected one named 'prompt'")
    responses = {f"{name}_response" for name in header}
    models = tuple(name for name in header if name != "prompt" and name not in responses)
    if not models:
        raise ValueError(f"{where}: found no model column, expected at least one after 'prompt'")
    return models


def _boolean(where: str, column: str, cell: str) -> bool:
    value = _BOOLEANS.get(cell.strip().lower())
    if value is None:
        found = f"found {cell[:40]!r}" if cell.strip() else "the cell is empty"
        raise ValueError(f"{where}, column {column!r}: {found}, expected True or False")
    return value


def _same_models(first: _Table, table: _Table) -> None:
    if set(first.models) != set(table.models):
        raise ValueError(
            f"{table.path} has the models {_listed(table.models)}, expected those of {first.path}: "
            f"{_listed(first.models)}"
        )


def _match_prices(models: tuple[str, ...], prices: Mapping[str, float]) -> list[float]:
    """One price per model. A full name wins over a part, so that `gpt-4` can be priced next to `gpt-4-turbo`."""
    found: dict[str, tuple[str, float]] = {}
    for key, price in prices.items():
        part = key.strip().lower()
        fits = [model for model in models if model == key.strip()]
        fits = fits or [model for model in models if model.lower() == part]
        fits = fits or [model for model in models if part in model.lower()]
        if len(fits) != 1:
            verdict = "is part of several models" if fits else "is no model and no part of one"
            raise ValueError(f"price {key!r} {verdict}, expected exactly one of {_listed(models)}")
        if fits[0] in found:
            raise ValueError(f"model {fits[0]!r} has two prices, {found[fits[0]][0]!r} and {key!r}, expected one")
        found[fits[0]] = key, float(price)
    missing = [model for model in models if model not in found]
    if missing:
        example = ",".join(f"{model}=USD" for model in missing)
        raise ValueError(
            f"no price for model {_listed(missing)}: give --prices {example},... ({COST_UNIT}), or part of the name"
        )
    return [found[model][1] for model in models]


def _check_price(name: str, price: float) -> None:
    if not name.strip():
        raise ValueError(f"price {price} has an empty name, expected a model or part of one")
    try:
        good = math.isfinite(price) and price >= 0.0
    except (TypeError, OverflowError):
        good = False
    if not good:
        raise ValueError(f"price of {name!r} is {price!r}, expected a finite number >= 0 ({COST_UNIT})")


def _listed(models: Iterable[str]) -> str:
    return ", ".join(map(repr, models))


@contextlib.contextmanager
def _long_cells() -> Iterator[None]:
    """Lifts csv's limit of 131,072 characters per cell, which long prompts exceed, for as long as we read."""
    before = csv.field_size_limit(_LONGEST_CELL)
    try:
        yield
    finally:
        csv.field_size_limit(before)
