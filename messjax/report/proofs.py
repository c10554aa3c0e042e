"""What `messjax-proofs` wrote, as words and records: counts of verdicts, lemmas, rates, searches, the matrix."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

Record = dict[str, Any]
FILES = ("verdicts.json", "matrix.json", "assumptions.json")
WORST_FIRST = ("violated", "undecided", "holds", "not applicable")


class Found(NamedTuple):
    """What a file of `messjax-proofs` holds.

    Attributes:
        words: What was found, a line each, the answer first.
        verdicts: A record per statement and case.
        cells: A record per violated assumption and statement.
        tables: Names and records of further tables.
    """

    words: list[str]
    verdicts: list[Record]
    cells: list[Record]
    tables: list[tuple[str, list[Record]]]


def read(content: Record) -> Found:
    """What a file of `messjax-proofs` says.

    Args:
        content: The content of a file of `FILES`.

    Returns:
        Words and records; empty where the file is of something else.
    """
    if "checks" in content:
        return _assumptions(content)
    rows = [dict(row) for row in content.get("rows", [])]
    cells = [_cell(each) for each in content.get("matrix", {}).get("cells", [])]
    searches = content.get("search", {})
    tables = [
        ("statements", _statements(rows, content.get("scope", {}))),
        ("lemmas", [_lemma(each) for each in content.get("lemmas", {}).get("lemmas", [])]),
        ("rates", [_rate(each) for each in content.get("rates", {}).get("rates", [])]),
        ("searches for counterexamples",
         [_sought(each) for name in ("true", "weakened") for each in searches.get(name, [])]),
        ("planted falsehoods", [_planted(each) for each in searches.get("planted", [])]),
    ]  # fmt: skip
    return Found(_words(rows, content), rows, cells, [(name, found) for name, found in tables if found])


def _words(rows: Sequence[Record], content: Record) -> list[str]:
    lines = []
    if rows:
        tried = [row for row in rows if row["verdict"] != "not applicable"]
        wrong = list(dict.fromkeys(row["statement"] for row in rows if row["verdict"] == "violated"))
        said = f"violated where their assumptions hold: {', '.join(wrong)}" if wrong else "no statement is violated"
        names = len({row["statement"] for row in tried})
        lines.append(f"Of {names} statements tried on {len(tried):,} cases, {said}. This is evidence and no proof.")
    if lemmas := content.get("lemmas", {}).get("lemmas"):
        proved = sum(each["status"] == "proved" for each in lemmas)
        false = [one["refuted"] for each in lemmas for one in each["wrong"]]
        lines.append(f"z3 proved {proved} of {len(lemmas)} lemmas and refuted {sum(false)} of {len(false)} false ones.")
    if matrix := content.get("matrix"):
        odd = matrix["surprises"]
        end = f", of which {len(odd)} were not expected: {'; '.join(odd)}" if odd else ", none of them unexpected"
        silent = [each["verdict"] for each in matrix["cells"] if each["verdict"] in ("not applicable", "not tested")]
        left = f"; {silent.count('not applicable')} more are not applicable, {silent.count('not tested')} not tested"
        cells = len(matrix["cells"]) - len(silent)
        lines.append(f"Assumptions violated on purpose: {cells:,} cells tested{end}{left}.")
    if search := content.get("search", {}):
        weak = [each["row"]["verdict"] == "violated" for each in search.get("weakened", [])]
        planted = [each["margin"] < 0.0 <= each["true_margin"] for each in search.get("planted", [])]
        lines.append(
            f"Searches refuted {sum(weak)} of {len(weak)} weakened bounds and {sum(planted)} of {len(planted)} "
            "planted falsehoods."
        )
    return lines


def _statements(rows: Sequence[Record], scope: Record) -> list[Record]:
    """A record per statement: its verdicts and what they were tried on."""
    found = []
    for name in dict.fromkeys(row["statement"] for row in rows):
        own = [row for row in rows if row["statement"] == name]
        counts = {f"cases {verdict}": sum(row["verdict"] == verdict for row in own) for verdict in WORST_FIRST}
        worst = min((row["verdict"] for row in own), key=WORST_FIRST.index)
        record = {"statement": name, "needs": own[0].get("assumptions", ""), "verdict": worst}
        record["scope"] = own[0].get("reason", "") if worst == "not applicable" else scope.get(name, "")
        tightest = _least(row.get("looseness") for row in own if row["verdict"] == "holds")
        found.append(record | {"least bound / measured": tightest} | counts)
    return found


def _least(values: Iterable[Any]) -> float | None:
    return min((value for value in values if isinstance(value, int | float)), default=None)


def _cell(cell: Record) -> Record:
    verdict = cell["verdict"]
    meaning = "fails" if verdict == "violated" else "not refuted" if verdict == "holds" else verdict
    if meaning == "fails":
        meaning = "fails, as it may: it needs the assumption" if cell["needed"] else "fails, unneeded"
    instance = cell.get("instance") or {}
    return {
        "violated": "nothing" if cell["broken"] == "none" else cell["broken"],
        "statement": cell["statement"],
        "outcome": meaning,
        "needs it": "yes" if cell["needed"] else "no",
        "breaks": cell.get("breaks"),
        "case": instance.get("case", ""),
        "measured": instance.get("measured"),
        "bound": instance.get("bound"),
        "reason": instance.get("reason", ""),
    }


def _lemma(lemma: Record) -> Record:
    wrong = lemma["wrong"]
    example = f"{wrong[0]['name']}: {wrong[0]['counterexample']}" if wrong else ""
    return {
        "lemma": lemma["lemma"],
        "of": lemma["source"],
        "status": lemma["status"],
        "false versions refuted": f"{sum(one['refuted'] for one in wrong)} of {len(wrong)}",
        "one of them, and its counterexample": example,
        "seconds": lemma["seconds"],
    }


def _rate(rate: Record) -> Record:
    names = ("statement", "what", "x_name", "slope", "slope_lower", "slope_upper", "predicted", "verdict")
    return {name: rate.get(name) for name in names}


def _sought(result: Record) -> Record:
    row = result["row"]
    numbers = {name: row.get(name) for name in ("measured", "bound", "looseness", "verdict")}
    return {"statement": result["statement"], **numbers, "tightest instance": result["instance"]}


def _planted(each: Record) -> Record:
    return {
        "falsehood": each["weakening"],
        "share of the term": each["share"],
        "its margin": each["margin"],
        "margin of the truth": each["true_margin"],
    }


def _assumptions(content: Record) -> Found:
    verdicts: Record = content.get("verdicts", {})
    lost = [name for name, verdict in verdicts.items() if verdict == "rejected"]
    first = f"Rejected on this trace: {', '.join(lost)}." if lost else "No assumption is rejected on this trace."
    lines = [first, *map(str, content.get("conclusions", []))]
    return Found(lines, [], [], [("checks of assumptions", [dict(each) for each in content["checks"]])])
