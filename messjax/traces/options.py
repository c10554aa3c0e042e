"""What some formats leave open and the caller chooses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple


class Options(NamedTuple):
    """Choices of a reader; a format without such a choice ignores them.

    Attributes:
        metric: MESS+ CSV and lm-evaluation-harness: which score (acc, acc_norm, exact_match, ...).
        filter: lm-evaluation-harness: which filter's rows.
        columns: Plain tables: role of a column to its name, as `plain.parse_columns` returns.
        encoding: Encoding of texts; empty: UTF-8, or what the file begins as.
        on_bad: What is done with cells and rows that cannot be read: "fail" (refuse), "skip" (leave them out, with a
            warning), or "report" (leave them out, with an error among the findings: what `lint` does).
        score_words: Words that are scores, for example {"C": 1.0, "I": 0.0}.
        leave_out: Names or patterns of models whose columns a pattern of plain tables does not read.
    """

    metric: str | None = None
    filter: str | None = None
    columns: Mapping[str, str] = {}
    encoding: str = ""
    on_bad: str = "fail"
    score_words: Mapping[str, float] = {}
    leave_out: tuple[str, ...] = ()


DEFAULTS = Options()


def parse_words(given: str) -> dict[str, float]:
    """Words that are scores, from the option `--score-words C=1,I=0`.

    Args:
        given: The option's value.

    Returns:
        Scores by word; a word counts in any case.

    Raises:
        ValueError: An item that is not WORD=NUMBER, or a word given twice.
    """
    words: dict[str, float] = {}
    for item in given.split(","):
        word, equals, number = (part.strip() for part in item.rpartition("="))
        try:
            score = float(number)
        except ValueError:
            score = math.nan
        if not (word and equals and math.isfinite(score)):
            raise ValueError(f"--score-words: found {item.strip()!r}, expected WORD=NUMBER,... as in C=1,I=0")
        if word.casefold() in map(str.casefold, words):
            raise ValueError(f"--score-words: {word!r} has two scores, expected one")
        words[word] = score
    return words
