"""SPROUT's Parquet: a row per request, a struct column per model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from messjax.traces.builder import Builder
from messjax.traces.contents import stem_of
from messjax.traces.findings import Finding
from messjax.traces.options import DEFAULTS, Options
from messjax.traces.parsing import Place, label, listed, number, text
from messjax.traces.reading import current
from messjax.traces.recording import Recording
from messjax.traces.sniff import Sniffed, files_of

ROWS = 8_192  # read at a time, within a row group
_KNOWN = ("prompt", "key", "dataset", "dataset_level", "dataset_idx", "golden_answer")  # the publisher's, no models
_FIELDS = ("score", "num_input_tokens", "num_output_tokens")


def fits(sniffed: Sniffed) -> bool:
    """Parquet with a prompt and structs with a score.

    Args:
        sniffed: What a path holds.

    Returns:
        True or False.
    """
    if "prompt" not in sniffed.keys.get("parquet", ()):
        return False
    return bool(_models(pq.read_schema(sniffed.files["parquet"][0])))


def read(path: Path, options: Options = DEFAULTS) -> Recording:
    """Reads one file, or all `*.parquet` of a folder (its splits) in the order of their names.

    Columns: `prompt`, perhaps `key` (what the request is called) and `dataset` (its group), and one struct per model
    with `score`, `num_input_tokens` and `num_output_tokens`; responses and all else are not read. A row is a request.
    Costs are not in the format: they follow from tokens and prices.

    Args:
        path: A file or folder.
        options: Not used.

    Returns:
        The recording.

    Raises:
        ValueError: A path that is missing or has no Parquet, files that are damaged or have no such columns, files of
            one folder with different models, values of another kind. It names file, row (the first is 1) and column.
    """
    builder = Builder("sprout", path)
    first: tuple[Path, list[str]] | None = None
    for file in files_of(path, "parquet"):
        try:
            models = _read(file, builder)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            why = " ".join(str(error).split())[:120]
            raise ValueError(f"{file}: found broken Parquet ({why}), expected SPROUT's columns") from None
        first = first or (file, models)
        if set(models) != set(first[1]):
            raise ValueError(
                f"{file} has the models {listed(models)}, expected those of {first[0]}: {listed(first[1])}"
            )
    return builder.build()


def _models(schema: pa.Schema) -> list[str]:
    """The struct columns that have a score."""
    return [each.name for each in schema if pa.types.is_struct(each.type) and each.type.get_field_index("score") >= 0]


def _read(file: Path, builder: Builder) -> list[str]:
    table = pq.ParquetFile(file, page_checksum_verification=True)
    schema = table.schema_arrow
    models = _models(schema)
    if schema.names.count("prompt") != 1 or not models:
        raise ValueError(
            f"{file}: found the columns {listed(schema.names)}, expected 'prompt' and one struct per model with 'score'"
        )
    if len(set(schema.names)) < len(schema.names):
        twice = next(name for n, name in enumerate(schema.names) if name in schema.names[:n])
        raise ValueError(f"{file}: found two columns {twice!r}, expected different names")
    if unused := [name for name in schema.names if name not in (*models, *_KNOWN)]:
        message = f"columns of {file.name} are not used: {listed(unused)}"
        builder.findings.append(Finding("columns not used", "info", len(unused), message))
    numbers = [builder.model(model) for model in models]
    row = 0
    for row, columns in enumerate(_rows(table, schema, models), start=1):
        place = Place(file, row)
        with current():
            dataset = label(place, "dataset", columns.get("dataset"), stem_of(file))
            name = label(place, "key", columns.get("key"), f"{stem_of(file)}/{row}")
            prompt = text(place, "prompt", columns["prompt"], role="prompt")
            n = builder.request(f"{file}\0{row}", prompt, dataset, place, id=name)
            for m, model in zip(numbers, models, strict=True):
                score, given, output = (
                    number(place, f"{model}.{field}", (columns[model] or {}).get(field), truth=field == "score")
                    for field in _FIELDS
                )
                builder.cell(n, m, place, score=score, input_tokens=given, output_tokens=output)
    if not row:
        raise ValueError(f"{file} has no rows, expected at least one")
    return models


def _rows(table: pq.ParquetFile, schema: pa.Schema, models: list[str]) -> Iterator[dict[str, Any]]:
    """Rows of the columns that are used, some thousand at a time."""
    wanted = [name for name in ("prompt", "key", "dataset") if name in schema.names]
    wanted += [f"{model}.{field}" for model in models for field in _FIELDS]
    for batch in table.iter_batches(ROWS, columns=wanted):
        yield from batch.select([name for name in batch.schema.names if name in wanted or name in models]).to_pylist()
