"""lm-evaluation-harness' samples: `<model>/samples_<task>_<time>.jsonl`, a line per document and filter."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from messjax.traces.builder import Builder
from messjax.traces.contents import stem_of, suffix_of
from messjax.traces.findings import EXAMPLES, Finding
from messjax.traces.options import DEFAULTS, Options
from messjax.traces.parsing import Place, field, label, listed, number, text
from messjax.traces.reading import current
from messjax.traces.record_files import json_lines
from messjax.traces.recording import Recording
from messjax.traces.sniff import Sniffed, files_of

NO_FILTER = "none"  # the harness' own word
_FILE = re.compile(r"samples_(?P<task>.+?)(?:_(?P<time>\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(?:\.\d+)?))?", re.DOTALL)
_QUESTIONS = (
    *("question", "query", "prompt", "problem", "input", "instruction", "text", "ctx", "sentence", "goal", "passage"),
)
_NO_METRIC = {
    *("doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics"),
    *("doc_hash", "prompt_hash", "target_hash"),
}
_UNSCORED = "bypass"  # a metric that is 999 for every sample
_USUAL = ("acc", "exact_match", "acc_norm")  # in this order where a task has several and none is asked for


class _Choice(NamedTuple):
    filter: str
    metric: str
    file: Path  # where it was made


def fits(sniffed: Sniffed) -> bool:
    """JSON Lines with documents, their target and what models responded.

    Args:
        sniffed: What a path holds.

    Returns:
        True or False.
    """
    keys = sniffed.fields
    return {"doc_id", "doc", "target"} <= keys and bool({"doc_hash", "resps", "filter", "filtered_resps"} & keys)


def read(path: Path, options: Options = DEFAULTS) -> Recording:
    """Reads one file, or all `samples_*.jsonl` of a folder; the folder a file lies in is its model.

    Fields: `doc_id`, `doc_hash`, `doc`, `filter` and one field per metric. Models are joined by task and document
    hash; documents of a task that are equal, by their order. The text is the document's question (its first of
    `question`, `query`, `prompt`, ...), or what the model was given first. The group is the task. Neither costs nor
    tokens are in the format. Of several runs of a task the last is read, by the time in the file's name.

    `options.metric` and `options.filter` choose, for all tasks, the first that a task has of several in a row
    ("acc_norm,exact_match"). Without them a task's first filter is taken, and of its metrics acc, exact_match, acc_norm
    or else the first; what is left out is reported.

    Args:
        path: A file or folder.
        options: Read for `metric` and `filter`.

    Returns:
        The recording.

    Raises:
        ValueError: A path that is missing or has no such file, a line that is broken or lacks a field, a metric or
            filter that a task does not have. It names file, line and field.
    """
    builder, choices = Builder("lm_eval", path), _Choices(options)
    older: list[Path] = []
    names = _models(path, files := _files(path, builder))
    for (folder, task), runs in files.items():
        latest = max(runs)[1]
        older.extend(file for _, file in runs if file != latest)
        _read(latest, task, choices.of(task, latest), builder.model(names[folder]), builder, choices)
    if older:
        message = "files are older runs of a task and left out: the last one is read"
        examples = tuple(f"{file.parent.name}/{file.name}" for file in older[:EXAMPLES])
        builder.findings.append(Finding("older runs", "info", len(older), message, examples))
    builder.findings.extend(choices.findings())
    return builder.build()


def _files(path: Path, builder: Builder) -> dict[tuple[Path, str], list[tuple[str, Path]]]:
    """Runs (time, file) of every folder and task."""
    result: dict[tuple[Path, str], list[tuple[str, Path]]] = {}
    others = []
    for file in files_of(path, "jsonl", "json", every=True):
        match = _FILE.fullmatch(stem_of(file))
        if match is None and path.is_dir():
            if suffix_of(file) != ".json":  # results_*.json lie beside the samples
                others.append(file.name)
            continue
        task, time = (match["task"], match["time"] or "") if match else (stem_of(file), "")
        result.setdefault((file.parent, task), []).append((time, file))
    if not result:
        raise ValueError(f"{path} has no samples_<task>_<time>.jsonl, expected one folder of them per model")
    if others:
        message = "JSON Lines that are not called samples_* are left out"
        builder.findings.append(Finding("files left out", "info", len(others), message, tuple(others[:EXAMPLES])))
    return result


def _models(path: Path, files: Mapping[tuple[Path, str], object]) -> dict[Path, str]:
    """A folder's model: its name, or the way to it where two folders have one name."""
    folders = list(dict.fromkeys(folder for folder, _ in files))
    names = [os.path.basename(os.path.abspath(folder)) or "model" for folder in folders]
    return {
        folder: name if names.count(name) == 1 else folder.relative_to(path).as_posix()
        for folder, name in zip(folders, names, strict=True)
    }


def _read(file: Path, task: str, choice: _Choice, m: int, builder: Builder, choices: _Choices) -> None:
    seen: dict[str, dict[str, int]] = {}  # document ids of a hash, numbered
    taken = 0
    for place, record in json_lines(file):
        with current():
            chosen = _filter(place, record)
            if chosen != choice.filter:
                choices.left_out(task, chosen)
                continue
            taken += 1
            doc_id = text(place, "doc_id", field(place, record, "doc_id"), role="id")
            digest = label(place, "doc_hash", record.get("doc_hash"), f"doc_id {doc_id}")
            question = _text(place, record)
            score = number(place, choice.metric, field(place, record, choice.metric), truth=True)
            same = seen.setdefault(digest, {})
            key = f"{task}\0{digest}\0{same.setdefault(doc_id, len(same))}"
            n = builder.request(key, question, task, place, id=f"{task}/{doc_id}")
            builder.cell(n, m, place, score=score)
    if not taken:
        raise ValueError(f"{file} has no line with the filter {choice.filter!r}, expected some as in {choice.file}")


def _filter(place: Place, record: Mapping[str, Any]) -> str:
    return label(place, "filter", record.get("filter"), NO_FILTER)


def _text(place: Place, record: Mapping[str, Any]) -> str:
    """A document's question, or what the model was given, or the document itself."""
    doc = field(place, record, "doc")
    if isinstance(doc, Mapping):
        for name in _QUESTIONS:
            if isinstance(doc.get(name), str) and doc[name].strip():
                return text(place, f"doc.{name}", doc[name])
    elif isinstance(doc, str) and doc.strip():
        return text(place, "doc", doc)
    given = record.get("arguments")  # {"gen_args_0": {"arg_0": ...}}, in older files [[...]]
    for _ in range(2):
        if isinstance(given, Mapping):
            given = next(iter(given.values()), None)
        elif isinstance(given, list):
            given = given[0] if given else None
    if isinstance(given, str) and given.strip():
        return text(place, "arguments", given)
    try:
        return text(place, "doc", json.dumps(doc, ensure_ascii=False, sort_keys=True))
    except (RecursionError, ValueError):
        raise ValueError(f"{place}, column 'doc': found no question, expected a field as {_QUESTIONS[0]!r}") from None


class _Choices:
    """Which filter and metric is read of every task, and what that leaves out."""

    def __init__(self, options: Options) -> None:
        self.filters, self.metrics = _names(options.filter), _names(options.metric)
        self.made: dict[str, _Choice] = {}
        self.left: dict[str, dict[str, int]] = {}  # task: filter: lines
        self.other: dict[str, list[str]] = {}  # task: metrics

    def of(self, task: str, file: Path) -> _Choice:
        """The choice for a task, made on the first file that has it."""
        if task not in self.made:
            firsts: dict[str, tuple[Place, dict[str, Any]]] = {}
            for place, record in json_lines(file):
                firsts.setdefault(_filter(place, record), (place, record))
            chosen = self._filter(file, list(firsts))
            self.made[task] = _Choice(chosen, self._metric(task, *firsts[chosen]), file)
        return self.made[task]

    def _filter(self, file: Path, there: list[str]) -> str:
        if not self.filters or there == [NO_FILTER]:
            return there[0]
        for name in self.filters:
            if name in there:
                return name
        raise ValueError(f"{file}: found the filters {listed(there)}, expected {listed(self.filters)} (--filter)")

    def _metric(self, task: str, place: Place, record: Mapping[str, Any]) -> str:
        named = record.get("metrics")
        known = named if isinstance(named, list) else [name for name in record if name not in _NO_METRIC]
        there = [
            name  # a usual one that is no number is there all the same, and refused when it is read
            for name in known
            if isinstance(name, str)
            and (isinstance(record.get(name), (bool, int, float)) or (name in _USUAL and name in record))
        ]
        if there == [_UNSCORED]:
            message = f"found the metric {_UNSCORED} alone: the samples were not scored (--predict_only)"
            raise ValueError(f"{place}: {message}, expected samples of a run that was")
        there = [name for name in there if name != _UNSCORED]
        if not there:
            raise ValueError(f"{place}: found the fields {listed(record)}, expected a metric with a number")
        for name in self.metrics or [name for name in _USUAL if name in there] or there:
            if name in there:
                self.other[task] = [other for other in there if other != name]
                return name
        raise ValueError(f"{place}: found the metrics {listed(there)}, expected {listed(self.metrics)} (--metric)")

    def left_out(self, task: str, filter: str) -> None:
        """Counts a line with another filter than the chosen one."""
        lines = self.left.setdefault(task, {})
        lines[filter] = lines.get(filter, 0) + 1

    def findings(self) -> list[Finding]:
        """What the choices leave out."""
        result = []
        if self.left:
            tasks = [
                f"{task}: {self.made[task].filter!r} is read, not {listed(left)}" for task, left in self.left.items()
            ]
            times = sum(sum(lines.values()) for lines in self.left.values())
            message = f"lines have another filter than the one that is read, in {len(tasks)} tasks; left out"
            severity = "info" if self.filters else "warning"
            result.append(Finding("several filters", severity, times, message, tuple(tasks[:EXAMPLES]), "--filter"))
        if several := {task: other for task, other in self.other.items() if other}:
            tasks = [
                f"{task}: {self.made[task].metric!r} is read, not {listed(other)}" for task, other in several.items()
            ]
            message = "tasks have several metrics, of which one is read"
            severity = "info" if self.metrics else "warning"
            result.append(
                Finding("several metrics", severity, len(several), message, tuple(tasks[:EXAMPLES]), "--metric")
            )
        return result


def _names(given: str | None) -> list[str]:
    return [name.strip() for name in given.split(",") if name.strip()] if given else []
