"""Any table, as CSV, JSON Lines, a JSON list or Parquet, whose columns the user names.

Wide (one row per request): `prompt=question,score:gpt4=gpt4_ok,cost:gpt4=gpt4_usd`. Long (one row per request and
model): `prompt=question,id=qid,model=model_name,score=acc,cost=usd`; without `model` a file's name is its model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from messjax.traces.builder import Builder
from messjax.traces.contents import stem_of
from messjax.traces.fields import NOWHERE, found_in, ways_of
from messjax.traces.moments import moment
from messjax.traces.options import DEFAULTS, Options
from messjax.traces.parquet_rows import parquet_columns, read_parquet_rows
from messjax.traces.parsing import Place, label, listed, number, text
from messjax.traces.readers import plain_bulk
from messjax.traces.readers.plain_columns import EXAMPLE, Plan, plan_of, resolved
from messjax.traces.reading import BadCell, current
from messjax.traces.record_files import csv_rows, json_lines
from messjax.traces.recording import Recording
from messjax.traces.sniff import Sniffed, sniff_path

_WHOLE = re.compile(plain_bulk.WHOLE)


def fits(sniffed: Sniffed) -> bool:
    """Never: columns are named by the user.

    Args:
        sniffed: What a path holds.

    Returns:
        True or False.
    """
    return False


def read(path: Path, options: Options = DEFAULTS) -> Recording:
    """Reads one CSV, JSON Lines, JSON or Parquet file, or all files of a folder that are of the same kind.

    A request is an id (with its group where one is named), without ids a row or, in the long form, a prompt. Without
    a group it is the file's stem. True and False are scores of 1 and 0; an empty cell, null, or a field that a record
    of JSON Lines lacks is missing. A prompt may be a list of messages: their contents count. With a time the requests
    are put in its order.

    Args:
        path: A file or folder.
        options: Read for `columns` and `leave_out`.

    Returns:
        The recording.

    Raises:
        ValueError: No columns; a column that is not there; files of several kinds; a value of the wrong type, naming
            file, row and column; as `csv_rows`, `json_lines` and `read_parquet_rows`.
    """
    if not options.columns:
        raise ValueError(f"--format plain: found no columns, expected {EXAMPLE}")
    plan = plan_of(options.columns, options.leave_out)
    files = _files(Path(path))
    table = _Table(Builder("plain", path, cost_unit=plan.cost_unit), _models(path, files) if plan.by_file else {})
    for file in files:
        if plain_bulk.add(table.builder, file, files[file], plan, table.models.get(file, "")):
            continue
        rows = {".csv": _csv_rows, ".json": _json_rows, ".parquet": _parquet_rows}[files[file]](file, plan)
        for place, row, each in rows:
            with current():
                table.add(place, row, each)
    return table.builder.build()


class _Table:
    """What is read so far; `models` are those of files."""

    def __init__(self, builder: Builder, models: Mapping[Path, str]) -> None:
        self.builder, self.models = builder, models
        if models:
            message = "no column of models is named: a file's name is its model"
            for file, model in models.items():
                current().note("models by file", message, f"{file.name}: {model}")

    def add(self, place: Place, row: Mapping[str, Any], plan: Plan) -> None:
        """Adds a row."""
        builder = self.builder
        model = self.models.get(place.file, "")
        if "model" in plan.texts:
            model = text(place, plan.texts["model"], row[plan.texts["model"]], role="model")
        n = self._request(place, row, plan)
        for name, of in plan.measures.items():
            values = {
                measure: number(place, column, row.get(column), truth=measure == "score")
                for measure, column in of.items()
            }
            builder.cell(n, builder.model(name or model), place, **values)
        for (role, router), column in plan.routers.items():
            if role == "choice" and (chosen := label(place, column, row.get(column), "")):
                builder.choice(router, n, chosen, place)
            elif role == "score_of":
                builder.router_score(router, n, number(place, column, row.get(column), truth=True))

    def _request(self, place: Place, row: Mapping[str, Any], plan: Plan) -> int:
        of = plan.texts
        prompt = text(place, of["prompt"], prompt_of(place, of["prompt"], row[of["prompt"]]), role="prompt")
        stem = stem_of(self.builder.path if self.models else place.file)
        group = text(place, of["group"], row[of["group"]], role="group") if "group" in of else stem
        name, key = f"{stem}/{place.row}", None
        if "id" in of:
            name = text(place, of["id"], row[of["id"]], role="id")
            name = _WHOLE.sub(r"\1", name)
            key = f"{group}\0{name}" if "group" in of else name
        elif "model" in of or self.models:
            key = f"{group}\0{prompt}"
        at = moment(place, of["time"], row[of["time"]]) if "time" in of else None
        n = self.builder.request(key, prompt, group, place, id=name)
        if at is not None:
            self.builder.time(n, at)
        return n


def prompt_of(place: Place, column: str, value: Any) -> Any:
    """A prompt as text: of a list of messages their contents, with an empty line between them.

    Args:
        place: Where it is.
        column: Its column.
        value: A list of `{"role": ..., "content": ...}`, whose contents are texts or lists of `{"text": ...}`; anything
            else is returned as it is.

    Returns:
        The text.

    Raises:
        BadCell: A list of something else.
    """
    if not isinstance(value, list):
        return value
    contents: list[str] = []
    for message in value:
        content = message.get("content") if isinstance(message, Mapping) else message
        for part in content if isinstance(content, list) else [content]:
            part = part.get("text", "") if isinstance(part, Mapping) else part
            if part is not None and not isinstance(part, str):
                where = f"{place}, column {listed([column])}"
                raise BadCell(f"{where}: found a list, expected a text or messages with a content", "bad texts")
            contents.append(part or "")
    return "\n\n".join(content for content in contents if content)


def _files(path: Path) -> dict[Path, str]:
    """The files, each with its kind: ".csv", ".json" or ".parquet"."""
    kinds = {"csv": ".csv", "jsonl": ".json", "json": ".json", "parquet": ".parquet"}
    files = sniff_path(path).files
    known = {kind: of for kind, of in files.items() if kind in kinds}
    if len({kinds[kind] for kind in known}) != 1:
        result = ", ".join(f"{len(of)} {kind}" for kind, of in files.items())
        raise ValueError(f"{path}: found {result}, expected files of one kind: CSV, JSON Lines or Parquet")
    return {file: kinds[kind] for kind, of in known.items() for file in of}


def _models(path: Path, files: Mapping[Path, str]) -> dict[Path, str]:
    """The model of each file: its stem, its folder's name, or the way to it, the first of which differ."""
    inside = [file.relative_to(path) if path.is_dir() else Path(file.name) for file in files]
    for names in (
        [stem_of(file) for file in files],
        [file.parent.name for file in inside],
        [file.with_name(stem_of(file)).as_posix() for file in inside],
    ):
        if all(names) and len(set(names)) == len(names):
            break
    return dict(zip(files, names, strict=True))


def _csv_rows(path: Path, plan: Plan) -> Iterator[tuple[Place, Mapping[str, Any], Plan]]:
    each: Plan | None = None
    asked = None if plan.is_pattern else plan.columns
    for place, row in csv_rows(path, listed(plan.columns), index=True, columns=asked):
        if each is None:
            each = resolved(plan, [(name,) for name in row], str(path))
            for column in each.columns:
                if column not in row:
                    raise ValueError(f"{Place(path, 1)}: found columns {listed(row)}, expected one named {column!r}")
        yield place, row, each


def _json_rows(path: Path, plan: Plan) -> Iterator[tuple[Place, Mapping[str, Any], Plan]]:
    """A measure may be missing in a record, but not in all of them: then its name is wrong."""
    unseen, first = set(() if plan.is_pattern else plan.columns), None
    plans: dict[tuple[tuple[str, ...], ...], Plan] = {}
    for place, record in json_lines(path):
        first, each = first or (place, record), plan
        if plan.is_pattern:
            ways = tuple(ways_of(record))
            each = plans[ways] if ways in plans else plans.setdefault(ways, resolved(plan, ways, str(place)))
        values = {column: found_in(record, column) for column in each.columns}
        values = {column: value for column, value in values.items() if value is not NOWHERE}
        unseen -= values.keys()
        missing = next((column for column in each.texts.values() if column not in values), None)
        if missing is not None:
            message = f"{place}: found fields {listed(record)}, expected one named {missing!r}"
            current().bad(BadCell(message, "bad records"))
            continue
        yield place, values, each
    if unseen and first:
        raise ValueError(f"{first[0]}: found fields {listed(first[1])}, and in no record {listed(sorted(unseen))}")


def _parquet_rows(path: Path, plan: Plan) -> Iterator[tuple[Place, Mapping[str, Any], Plan]]:
    each = resolved(plan, parquet_columns(path), str(path)) if plan.is_pattern else plan
    for place, row in read_parquet_rows(path, each.columns):
        yield place, row, each
