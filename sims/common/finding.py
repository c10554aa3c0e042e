"""What a study concludes: one `Finding` per claim it tests, computed from the numbers of the run, and how it is stored.

Verdicts follow rules, which every study states in its docstrings. Most use one of two: `verdict_of_cases`, where a
claim is tested case by case, and `verdict_of_interval`, where one number is compared with a claimed one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from messjax import files
from messjax.statistics.intervals import Interval

Verdict = Literal["supported", "partly", "refuted", "undecided"]
FILE = "findings.json"


class Number(NamedTuple):
    """One measured number of a finding."""

    name: str
    value: float
    unit: str = ""

    def text(self) -> str:
        """The number as a person reads it: 0.24, 3,726 or 85 of 90."""
        size = abs(self.value)
        if not math.isfinite(self.value):
            text = "not measured"
        elif self.value == round(self.value) or size >= 1000:
            text = f"{self.value:,.0f}"
        else:
            text = f"{self.value:.3g}"
        return f"{text}{self.unit}" if self.unit.startswith("%") else f"{text} {self.unit}".strip()


class Rows(NamedTuple):
    """A small table of text."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Finding(NamedTuple):
    """What one claim came to.

    `subject` is a heading that asserts nothing; `claim` the statement that was tested; `sentence` one paragraph with
    the numbers; `numbers` at most three, the first one being the number that an index shows.
    """

    subject: str
    claim: str
    verdict: Verdict
    sentence: str
    numbers: tuple[Number, ...]
    table: Rows


def verdict_of_cases(holds: int, fails: int, cases: int) -> Verdict:
    """The verdict on a claim about `cases` cases, of which it holds in some and fails in some; the rest are undecided.

    supported: it holds in every case. refuted: it holds in none and fails in at least one. undecided: it neither holds
    nor fails anywhere. partly: anything else.
    """
    if holds == cases > 0:
        return "supported"
    if holds:
        return "partly"
    return "refuted" if fails else "undecided"


def verdict_of_interval(measured: Interval, least: float) -> Verdict:
    """The verdict on "at least `least`": supported or refuted where the whole interval says so, else undecided."""
    if measured.lower >= least:
        return "supported"
    return "refuted" if measured.upper < least else "undecided"


def save_findings(findings: Sequence[Finding], path: Path, about: Mapping[str, Any]) -> Path:
    """Write findings and what they are `about` (study, command, versions) as JSON.

    Raises:
        ValueError: A finding has more than three numbers or a row that does not fit its table.
    """
    for each in findings:
        if not 1 <= len(each.numbers) <= 3:
            raise ValueError(f"finding {each.subject!r}: found {len(each.numbers)} numbers, expected 1 to 3")
        if any(len(row) != len(each.table.columns) for row in each.table.rows):
            raise ValueError(f"finding {each.subject!r}: a row has not {len(each.table.columns)} columns as its table")
    text = json.dumps(dict(about) | {"findings": [_as_dict(each) for each in findings]}, indent=1)
    return files.write(path, text + "\n")


def load_findings(path: Path) -> tuple[dict[str, Any], list[Finding]]:
    """What `save_findings` wrote: what it is about, and the findings."""
    about = json.loads(path.read_text(encoding="utf-8"))
    findings = [
        Finding(
            each["subject"],
            each["claim"],
            each["verdict"],
            each["sentence"],
            tuple(
                Number(n["name"], math.nan if n["value"] is None else n["value"], n["unit"]) for n in each["numbers"]
            ),
            Rows(tuple(each["table"]["columns"]), tuple(tuple(row) for row in each["table"]["rows"])),
        )
        for each in about.pop("findings")
    ]
    return about, findings


def _as_dict(finding: Finding) -> dict[str, Any]:
    numbers = [n._asdict() | {"value": float(n.value) if math.isfinite(n.value) else None} for n in finding.numbers]
    return finding._asdict() | {"numbers": numbers, "table": finding.table._asdict()}
