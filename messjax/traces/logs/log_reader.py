"""Decision logs from files: any table whose columns are named, and the logs of gateways and routers."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from messjax.traces.fields import NOWHERE, found_in
from messjax.traces.logs.guessed_columns import as_option, guessed, records_in
from messjax.traces.logs.log_builder import LogBuilder, Row
from messjax.traces.logs.log_columns import EXAMPLE, UNNAMED, LogColumns, columns_by_name
from messjax.traces.logs.log_writer import SEPARATOR
from messjax.traces.logs.logged_trace import LoggedTrace
from messjax.traces.logs.products import PRODUCTS, Product, aggregate_of, plain_name, product_of
from messjax.traces.moments import moment
from messjax.traces.options import DEFAULTS, Options
from messjax.traces.parquet import is_trace
from messjax.traces.parsing import Place, listed, number
from messjax.traces.readers.plain import prompt_of
from messjax.traces.reading import BadCell, Reading, begin, current
from messjax.traces.sniff import Sniffed, sniff_path

NAMES = ("auto", "plain", *(product.name for product in PRODUCTS))
NO_COLUMNS = LogColumns({})


def read_log(
    path: Path,
    format: str = "auto",
    columns: LogColumns = NO_COLUMNS,
    options: Options = DEFAULTS,
) -> LoggedTrace:
    """The decision log in a file or folder.

    Args:
        path: A file or folder.
        format: One of `NAMES`; "auto" finds it out, and is "plain" where `columns` name the model.
        columns: Which columns hold what; of a product's log they replace or add to its own.
        options: Read for `metric` (the name of Langfuse's score), `encoding`, `on_bad` and `score_words`.

    Returns:
        The log, in the order of its time.

    Raises:
        ValueError: No known log, an aggregate of one, columns that are not there, or a cell that is none, naming file
            and row.
    """
    path = Path(path)
    if format not in NAMES:
        raise ValueError(f"--format: found {format!r}, expected one of {', '.join(NAMES)}")
    if is_trace(path):
        raise ValueError(
            f"{path}: found a trace, in which all models answered every request, expected a decision log; for a trace "
            f"use `messjax recommend {shlex.quote(str(path))} --alpha ...`"
        )
    with begin(Reading(options.on_bad, options.encoding, options.score_words)) as reading:
        seen = sniff_path(path)
        if format == "auto" and not columns.roles:
            columns = columns_by_name(_fields(seen)) or columns
        product = _product(seen, format, columns)
        builder = LogBuilder(product.name if product else "plain", path, _unit(columns, product))
        rows = _plain_rows(seen, columns) if product is None else _product_rows(seen, product, columns, options)
        for row in rows:
            with current():
                builder.add(row)
        log = builder.build()
        return log._replace(findings=(*reading.findings(), *log.findings))


def _product(seen: Sniffed, format: str, columns: LogColumns) -> Product | None:
    """The product; None: a plain table."""
    if why := aggregate_of(seen):
        raise ValueError(f"{seen.path}: {why}")
    if format == "plain" or (format == "auto" and "model" in columns.roles):
        if not {"model", "score"} <= set(columns.roles):
            raise ValueError(f"--columns: found roles {listed(columns.roles)}, expected model and score: {EXAMPLE}")
        return None
    found = product_of(seen) if format == "auto" else next(each for each in PRODUCTS if each.name == format)
    if found is None:
        names = "; ".join(listed(keys) for keys in seen.keys.values())
        known = ", ".join(each.title for each in PRODUCTS)
        if likely := guessed(seen):
            raise ValueError(f"{seen.path}: found fields {names}; if this is what they hold: {_option(likely)}")
        raise ValueError(f"{seen.path}: found fields {names}, expected the log of {known}, or {EXAMPLE}")
    return found


def _option(likely: Mapping[str, str]) -> str:
    text = f"--columns {as_option(likely)}"
    return text if "propensity" in likely else f"{text} (and propensity=COLUMN, if the log has it)"


def _fields(seen: Sniffed) -> list[str]:
    return [name for keys in seen.keys.values() for name in keys]


def _unit(columns: LogColumns, product: Product | None) -> str:
    return "USD" if product is not None and columns.cost_unit == UNNAMED else columns.cost_unit


def _plain_rows(seen: Sniffed, columns: LogColumns) -> Iterator[Row]:
    for place, record in records_in(seen, columns.columns):
        values = {column: found_in(record, column) for column in columns.columns}
        if missing := [column for column, value in values.items() if value is NOWHERE]:
            if place.unit == "row" or missing[0] in (columns.roles["model"], columns.roles.get("prompt")):
                error = BadCell(
                    f"{place}: found fields {listed(record)}, expected one named {missing[0]!r}", "bad records"
                )
                if place.unit == "row":
                    raise ValueError(str(error))
                current().bad(error)
                continue
            values |= dict.fromkeys(missing)
        with current():
            cells = {role: values[column] for role, column in columns.roles.items()}
            if "prompt" in cells:
                cells["prompt"] = prompt_of(place, columns.roles["prompt"], cells["prompt"])
            by_model = {key: values[column] for key, column in columns.by_model.items()}
            if cells.get("latency_ms") not in (None, ""):
                cells["latency"] = number(place, columns.roles["latency_ms"], cells["latency_ms"]) / 1000.0
            features = {name: values[column] for name, column in columns.features.items()}
            candidates = _names(cells.pop("eligible", None))
            yield Row(place, cells, columns.roles, by_model, features, candidates)


def _names(cell: Any) -> tuple[str, ...]:
    """Names of models in a cell: a list, one as JSON, or names separated by "|"."""
    opened = _opened(cell)
    names = opened.split(SEPARATOR) if isinstance(opened, str) else opened if isinstance(opened, list) else ()
    return tuple(str(name).strip() for name in names if str(name).strip())


def _product_rows(seen: Sniffed, product: Product, columns: LogColumns, options: Options) -> Iterator[Row]:
    scores = _langfuse_scores(seen, options.metric) if product.name == "langfuse" else {}
    fields = dict(product.fields) | {role: (column,) for role, column in columns.roles.items()}
    for place, raw in records_in(seen, None):
        record = {name: _opened(value) for key, value in raw.items() for name in (key, plain_name(key))}
        if product.only and str(record.get(product.only[0])).upper() not in product.only[1]:
            continue
        with current():
            found = {role: _first(record, names) for role, names in fields.items()}
            if isinstance(found["prompt"], Mapping):
                found["prompt"] = json.dumps(found["prompt"], ensure_ascii=False)
            found["prompt"] = prompt_of(place, "prompt", found["prompt"])
            if found.get("latency_ms") is not None:
                found["latency"] = number(place, "latency", found["latency_ms"]) / 1000.0
            if found.get("end") not in (None, "") and found.get("time") not in (None, ""):
                found["latency"] = moment(place, "end", found["end"]) - moment(place, "time", found["time"])
            if outcomes := found.get("outcomes"):
                found["score"] = _mean_outcome(place, outcomes)
            for key in (found["id"], record.get("trace_id")):
                if str(key) in scores and found.get("score") is None:
                    found["score"], found["feedback_time"] = scores[str(key)]
            names = {role: names[0] for role, names in fields.items()}
            extra = {name: _first(record, (column,)) for name, column in columns.features.items()}
            by_model = {key: _first(record, (column,)) for key, column in columns.by_model.items()}
            candidates = _names(found.get("eligible") or found.get("candidates"))
            yield Row(place, found, names, by_model, extra, candidates)


def _mean_outcome(place: Place, outcomes: Any) -> float:
    """The mean of the outcomes of a record that say something."""
    cells = [each.get("score", each.get("verdict")) for each in outcomes if isinstance(each, Mapping)]
    values = [number(place, "outcomes", cell, truth=True) for cell in cells]
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else np.nan


def _langfuse_scores(seen: Sniffed, metric: str | None) -> dict[str, tuple[Any, Any]]:
    """Value and time of the scores, by the id of what they are about: an observation, or else a trace."""
    found: dict[str, tuple[Any, Any]] = {}
    names: set[str] = set()
    for _, raw in records_in(seen, None):
        record = {plain_name(key): value for key, value in raw.items()}
        if "type" in record or "name" not in record or record.get("value") in (None, ""):
            continue
        if metric in (None, record["name"]):
            names.add(str(record["name"]))
            key = record.get("observation_id") or record.get("trace_id")
            found[str(key)] = (record["value"], record.get("timestamp") or record.get("created_at"))
    if len(names) > 1:
        raise ValueError(f"{seen.path}: found scores {listed(sorted(names))}, expected one: give --metric NAME")
    return found


def _first(record: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """The first field that is there and not empty."""
    for name in names:
        value = found_in(record, name)
        if value is not NOWHERE and value not in (None, ""):
            return value
    return None


def _opened(value: Any) -> Any:
    """A cell; JSON within a text is opened."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
