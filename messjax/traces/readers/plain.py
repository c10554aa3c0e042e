"""Any table, as CSV, JSON Lines or Parquet, whose columns the user names.

Wide (one row per request): `prompt=question,score:gpt4=gpt4_ok,cost:gpt4=gpt4_usd`. Long (one row per request and
model): `prompt=question,id=qid,model=model_name,score=acc,cost=usd`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from messjax.traces.options import DEFAULTS, Options
from messjax.traces.parquet_rows import read_parquet_rows
from messjax.traces.parsing import Place, listed, number, text
from messjax.traces.record_files import csv_rows, json_lines
from messjax.traces.recording import Builder, Recording
from messjax.traces.sniff import Sniffed, sniff_path

TEXTS = ("prompt", "id", "group", "model")
MEASURES = ("score", "cost", "input_tokens", "output_tokens", "latency")
UNIT = "cost_unit"  # not a column: what the costs are in
EXAMPLE = "--columns prompt=COLUMN,score:MODEL=COLUMN,... or prompt=COLUMN,model=COLUMN,score=COLUMN"


class Plan(NamedTuple):
    """Which column is read as what.

    Attributes:
        texts: Columns by role: "prompt" at least, perhaps "id", "group" and "model".
        measures: Columns by model ("" in the long form) and measure.
        cost_unit: Unit of the costs.
    """

    texts: Mapping[str, str]
    measures: Mapping[str, Mapping[str, str]]
    cost_unit: str

    @property
    def columns(self) -> list[str]:
        """All columns that are read."""
        return [*self.texts.values(), *(column for of in self.measures.values() for column in of.values())]


def parse_columns(given: str) -> dict[str, str]:
    """Columns by role, from the option `--columns ROLE=COLUMN,...`.

    Roles: prompt, id, group; per model `score:MODEL`, `cost:MODEL`, `input_tokens:MODEL`, `output_tokens:MODEL`,
    `latency:MODEL` (seconds), or model, score, cost, ... for a table with one row per model; `cost_unit=TEXT` gives the
    unit of the costs. Items are those of a CSV: one with a comma is quoted. The last "=" of an item separates.

    Args:
        given: The option's value.

    Returns:
        Columns by role, for `Options.columns`.

    Raises:
        ValueError: An item that is not ROLE=COLUMN, an unknown role, one that is given twice, or one that is missing.
    """
    try:
        items = next(csv.reader([given], strict=True, skipinitialspace=True), [])
    except csv.Error as error:
        raise ValueError(f"--columns {given!r}: {error}, expected {EXAMPLE}") from None
    columns: dict[str, str] = {}
    for item in items or [""]:
        role, equals, column = (part.strip() for part in item.rpartition("="))
        if not (role and equals and column):
            raise ValueError(f"--columns: found {item.strip()!r}, expected ROLE=COLUMN as in {EXAMPLE}")
        if role in columns:
            raise ValueError(f"--columns: {role!r} is there twice, {columns[role]!r} and {column!r}, expected one")
        columns[role] = column
    plan_of(columns)
    return columns


def plan_of(columns: Mapping[str, str]) -> Plan:
    """The plan that a mapping of roles to columns describes.

    Args:
        columns: Columns by role.

    Returns:
        The plan.

    Raises:
        ValueError: As `parse_columns` raises.
    """
    texts = {role: column for role, column in columns.items() if role in TEXTS}
    measures: dict[str, dict[str, str]] = {}
    for role, column in columns.items():
        if role in TEXTS or role == UNIT:
            continue
        measure, colon, model = (part.strip() for part in role.partition(":"))
        if measure not in MEASURES or (colon and not model):
            known = f"{', '.join(TEXTS)}, {UNIT}, {', '.join(MEASURES)} or one of the latter five with :MODEL"
            raise ValueError(f"--columns: found the role {role!r}, expected one of {known}")
        measures.setdefault(model, {})[measure] = column
    _check(texts, measures, UNIT in columns)
    return Plan(texts, measures, columns.get(UNIT, "recorded cost"))


def _check(texts: Mapping[str, str], measures: Mapping[str, Mapping[str, str]], unit: bool) -> None:
    if "prompt" not in texts:
        raise ValueError(f"--columns: found no role 'prompt', expected {EXAMPLE}")
    if "model" in texts and (others := [model for model in measures if model]):
        raise ValueError(
            f"--columns: found model={texts['model']} and columns of {listed(others)}, expected one or the other"
        )
    if "model" not in texts and "" in measures:
        role = next(iter(measures[""]))
        raise ValueError(f"--columns: found {role}={measures[''][role]} without a model, expected {EXAMPLE}")
    unscored = [model for model, of in measures.items() if "score" not in of]
    if unscored or not measures:
        whose = f" of {listed(unscored)}" if any(unscored) else ""
        raise ValueError(f"--columns: found no score{whose}, expected {EXAMPLE}")
    seen: dict[str, str] = {}
    for model, of in measures.items():
        for measure, column in of.items():
            role = f"{measure}:{model}" if model else measure
            if column in seen:
                raise ValueError(f"--columns: {seen[column]!r} and {role!r} are both {column!r}, expected two columns")
            seen[column] = role
    if unit and not any("cost" in of for of in measures.values()):
        raise ValueError(f"--columns: found {UNIT} and no cost, expected both or neither")


def fits(sniffed: Sniffed) -> bool:
    """Never: columns are named by the user.

    Args:
        sniffed: What a path holds.

    Returns:
        True or False.
    """
    return False


def read(path: Path, options: Options = DEFAULTS) -> Recording:
    """Reads one CSV, JSON Lines or Parquet file, or all files of a folder that are of the same kind.

    A request is an id (with its group where one is named), without ids a row or, in the long form, a prompt. Without
    a group it is the file's stem. True and False are scores of 1 and 0; an empty cell, null, or a field that a record
    of JSON Lines lacks is missing.

    Args:
        path: A file or folder.
        options: Read for `columns`.

    Returns:
        The recording.

    Raises:
        ValueError: No columns; a column that is not there; files of several kinds; a value of the wrong type, naming
            file, row and column; as `csv_rows`, `json_lines` and `read_parquet_rows`.
    """
    if not options.columns:
        raise ValueError(f"--format plain: found no columns, expected {EXAMPLE}")
    plan = plan_of(options.columns)
    builder = Builder("plain", path, cost_unit=plan.cost_unit)
    for place, row in _rows(Path(path), plan):
        n = _request(builder, place, row, plan)
        for model, of in plan.measures.items():
            name = model or text(place, plan.texts["model"], row[plan.texts["model"]])
            values = {
                measure: number(place, column, row.get(column), truth=measure == "score")
                for measure, column in of.items()
            }
            builder.cell(n, builder.model(name), place, **values)
    return builder.build()


def _request(builder: Builder, place: Place, row: Mapping[str, Any], plan: Plan) -> int:
    texts = {role: text(place, column, row[column]) for role, column in plan.texts.items() if role != "model"}
    stem = place.file.stem
    group, key = texts.get("group", stem), None
    if "id" in texts:
        key = f"{texts['group']}\0{texts['id']}" if "group" in texts else texts["id"]
    elif "model" in plan.texts:
        key = f"{group}\0{texts['prompt']}"
    return builder.request(key, texts["prompt"], group, place, id=texts.get("id", f"{stem}/{place.row}"))


def _rows(path: Path, plan: Plan) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    """The rows of all files, with every column of the plan but measures that a JSON record lacks."""
    readers = {"csv": _csv_rows, "jsonl": _json_rows, "parquet": _parquet_rows}
    files = sniff_path(path).files
    kinds = [kind for kind in files if kind in readers]
    if len(kinds) != 1:
        result = ", ".join(f"{len(of)} {kind}" for kind, of in files.items())
        raise ValueError(f"{path}: found {result}, expected files of one kind: CSV, JSON Lines or Parquet")
    for file in files[kinds[0]]:
        yield from readers[kinds[0]](file, plan)


def _csv_rows(path: Path, plan: Plan) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    checked = False
    for place, row in csv_rows(path, listed(plan.columns), index=True):
        for column in () if checked else plan.columns:
            if column not in row:
                raise ValueError(f"{Place(path, 1)}: found columns {listed(row)}, expected one named {column!r}")
        checked = True
        yield place, row


def _json_rows(path: Path, plan: Plan) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    """A measure may be missing in a record, but not in all of them: then its name is wrong."""
    unseen, first = set(plan.columns), None
    for place, record in json_lines(path):
        first = first or (place, record)
        unseen -= record.keys()
        for column in plan.texts.values():
            if column not in record:
                raise ValueError(f"{place}: found fields {listed(record)}, expected one named {column!r}")
        yield place, record
    if unseen and first:
        raise ValueError(f"{first[0]}: found fields {listed(first[1])}, and in no record {listed(sorted(unseen))}")


def _parquet_rows(path: Path, plan: Plan) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    return read_parquet_rows(path, plan.columns)
