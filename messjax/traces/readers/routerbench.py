"""RouterBench's pickles: a pandas DataFrame, a row per request (wide) or per request and model (long).

Read without pandas and without running anything that is in them, see `traces.pickles`.
"""

from __future__ import annotations

from pathlib import Path

from messjax.traces.builder import Builder
from messjax.traces.contents import stem_of
from messjax.traces.findings import Finding
from messjax.traces.frames import Frame, frame
from messjax.traces.options import DEFAULTS, Options
from messjax.traces.parsing import Place, label, listed, number, text
from messjax.traces.reading import current
from messjax.traces.recording import Recording
from messjax.traces.sniff import Sniffed, files_of

COST_UNIT = "USD"
_COST, _RESPONSE = "|total_cost", "|model_response"
_WIDE = ("sample_id", "prompt", "eval_name", "oracle_model_to_route_to")
_LONG = ("sample_id", "model_name", "eval_name", "prompt", "model_response", "performance", "cost")


def fits(sniffed: Sniffed) -> bool:
    """A pickle: no other format is one.

    Args:
        sniffed: What a path holds.

    Returns:
        True or False.
    """
    return "pickle" in sniffed.files


def read(path: Path, options: Options = DEFAULTS) -> Recording:
    """Reads one pickle, or all `*.pkl` and `*.pickle` of a folder in the order of their names.

    Wide columns: `sample_id`, `prompt`, perhaps `eval_name` (the group), and per model its score under its name with
    `<model>|total_cost` in USD, or `<model>|model_response`, or both, beside it. Long columns: `sample_id`, `prompt`,
    `model_name`, `performance`, perhaps `eval_name` and `cost` in USD. The responses and the oracle's choice are not
    used; other columns are reported as left out. A request is an `eval_name` with a `sample_id`.

    Args:
        path: A file or folder.
        options: Not used.

    Returns:
        The recording.

    Raises:
        ValueError: A path that is missing or has no pickle, one that asks for anything but a DataFrame of plain columns
            (it is named, and not run), columns that are not there. It names file, row (the first is 1) and column.
    """
    builder = Builder("routerbench", path, cost_unit=COST_UNIT)
    for file in files_of(path, "pickle"):
        table = frame(file)
        if not table.rows:
            raise ValueError(f"{file} has a DataFrame without rows, expected at least one")
        (_long if {"model_name", "performance"} <= set(table.columns) else _wide)(file, table, builder)
    return builder.build()


def _wide(file: Path, table: Frame, builder: Builder) -> None:
    names = list(table.columns)
    beside = {name.removesuffix(end): name for end in (_RESPONSE, _COST) for name in names if name.endswith(end)}
    models = [name for name in names if name in beside]
    if without := [result for name, result in beside.items() if name not in table.columns]:
        raise ValueError(f"{file}: found the columns {listed(without)} without their models' scores")
    if not models:
        raise ValueError(
            f"{file}: found the columns {listed(names)}, expected one per model with its <model>{_COST}, or model_name "
            "and performance"
        )
    ids, prompts, groups = _requests(file, table)
    cells = [
        (
            builder.model(model),
            model,
            table.cells(model),
            table.cells(model + _COST) if model + _COST in table.columns else None,
        )
        for model in models
    ]
    for row in range(table.rows):
        place = Place(file, row + 1)
        with current():
            n = _request(builder, place, ids[row], prompts[row], groups[row])
            for m, model, scores, costs in cells:
                score = number(place, model, scores[row], truth=True)
                cost = number(place, model + _COST, None if costs is None else costs[row])
                builder.cell(n, m, place, score=score, cost=cost)
    _left_out(
        file,
        builder,
        [name for name in names if name not in (*_WIDE, *models) and not name.endswith((_COST, _RESPONSE))],
    )


def _long(file: Path, table: Frame, builder: Builder) -> None:
    ids, prompts, groups = _requests(file, table)
    models, scores = table.cells("model_name"), table.cells("performance")
    costs = table.cells("cost") if "cost" in table.columns else [None] * table.rows
    for row in range(table.rows):
        place = Place(file, row + 1)
        with current():
            model = text(place, "model_name", models[row], role="model")
            n = _request(builder, place, ids[row], prompts[row], groups[row])
            score = number(place, "performance", scores[row], truth=True)
            builder.cell(n, builder.model(model), place, score=score, cost=number(place, "cost", costs[row]))
    _left_out(file, builder, [name for name in table.columns if name not in _LONG])


def _requests(file: Path, table: Frame) -> tuple[list[object], list[object], list[object]]:
    """The cells of (sample_id, prompt, eval_name)."""
    for name in ("sample_id", "prompt"):
        if name not in table.columns:
            raise ValueError(f"{file}: found the columns {listed(table.columns)}, expected one named {name!r}")
    groups = table.cells("eval_name") if "eval_name" in table.columns else [None] * table.rows
    return table.cells("sample_id"), table.cells("prompt"), groups


def _request(builder: Builder, place: Place, sample: object, prompt: object, group: object) -> int:
    name, of = text(place, "sample_id", sample, role="id"), label(place, "eval_name", group, stem_of(place.file))
    return builder.request(f"{of}\0{name}", text(place, "prompt", prompt, role="prompt"), of, place, id=name)


def _left_out(file: Path, builder: Builder, names: list[str]) -> None:
    if names:
        message = f"columns of {file.name} are neither requests nor models and left out: {listed(names)}"
        builder.findings.append(Finding("columns left out", "info", len(names), message))
