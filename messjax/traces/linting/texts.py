"""Prompts and groups: empty ones, the same one again, the same question in other words, too small groups.

Texts are compared by 64-bit hashes, a block of rows at a time. Two of ten million different texts share one with
probability 3e-6.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from messjax.traces.findings import EXAMPLES, Finding
from messjax.traces.linting.report import of_requests
from messjax.traces.recording import Recording
from messjax.traces.texts import BATCH

_FEW = 10  # requests below which equal numbers say nothing
SMALL = 30  # requests below which a group says little about itself
_LEAK = "a replay that shuffles shows the predictor answers to repeated questions before they are asked again"


class _Hashes:
    """Of every prompt [N]: as it is; in lower case, space and punctuation as one space; numbers as one, too.

    Texts of which nothing is left so are compared as they are. Signs of mathematics (+, <) stay.
    """

    def __init__(self, recording: Recording) -> None:
        size = len(recording.texts)
        self.exact, self.loose, self.looser = (np.empty(size, np.int64) for _ in range(3))
        self.blank = np.zeros(size, bool)
        for start in range(0, size, BATCH):
            rows = slice(start, min(start + BATCH, size))
            texts = pa.array(recording.texts[rows], pa.large_string())
            loose = _normalised(texts)
            looser = pc.replace_substring_regex(loose, r"\pN[\pN ]*", "0 ")
            self.exact[rows] = _hashed(texts)
            self.loose[rows] = np.where(_empty(loose), self.exact[rows], _hashed(loose))
            self.looser[rows] = np.where(_empty(loose), self.exact[rows], _hashed(looser))
            self.blank[rows] = _empty(pc.utf8_trim_whitespace(texts))


def questions(texts: Sequence[str]) -> np.ndarray:
    """A number per text, equal for texts that differ in case, space and punctuation only.

    Args:
        texts: N texts.

    Returns:
        [N] int64.
    """
    result = np.empty(len(texts), np.int64)
    for start in range(0, len(texts), BATCH):
        block = pa.array(texts[start : start + BATCH], pa.large_string())
        loose = _normalised(block)
        result[start : start + len(block)] = np.where(_empty(loose), _hashed(block), _hashed(loose))
    return result


def _normalised(texts: pa.Array) -> pa.Array:
    return pc.utf8_trim_whitespace(pc.replace_substring_regex(pc.utf8_lower(texts), r"[\pZ\pP\pC]+", " "))


def _hashed(texts: pa.Array) -> np.ndarray:
    return np.fromiter(map(hash, texts.to_pylist()), np.int64, len(texts))


def _empty(texts: pa.Array) -> np.ndarray:
    return np.asarray(pc.equal(pc.binary_length(texts), 0))


def prompts(recording: Recording) -> Iterator[Finding]:
    """Empty prompts, duplicates, near duplicates, questions of several groups.

    Args:
        recording: The recording.

    Yields:
        Findings.
    """
    hashes = _Hashes(recording)
    if hashes.blank.any():
        yield of_requests(recording, "blank prompts", "warning", np.flatnonzero(hashes.blank), "no text but space")
    exact, score = _first(hashes.exact), recording.score
    again = exact != np.arange(len(exact))
    other = again & ((score < score[exact]) | (score > score[exact])).any(axis=1)
    if (same := np.flatnonzero(again & ~other)).size:
        message = f"prompts of earlier requests, with the same scores; {_LEAK}"
        yield _pairs(recording, "duplicate prompts", same, exact, message)
    if (rows := np.flatnonzero(other)).size:
        message = f"prompts of earlier requests, with other scores: judged twice, or sampled; {_LEAK}"
        yield _pairs(recording, "duplicate prompts, other scores", rows, exact, message)
    loose, looser = _first(hashes.loose), _first(hashes.looser)
    if (near := np.flatnonzero((loose != np.arange(len(loose))) & (exact[loose] != exact))).size:
        message = f"prompts of earlier requests but for case, space and punctuation; {_LEAK}"
        yield _pairs(recording, "repeated questions", near, loose, message)
    if (near := np.flatnonzero((looser != np.arange(len(looser))) & (loose[looser] != loose))).size:
        message = "prompts of earlier requests but for their numbers as well (exercises of one kind, or repeats)"
        yield _pairs(recording, "questions alike but for numbers", near, looser, message, "info")
    yield from _across_groups(recording, loose)


def _first(hashes: np.ndarray) -> np.ndarray:
    """The first request [N] with the same hash."""
    _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    return first[inverse]


def _pairs(
    recording: Recording, check: str, rows: np.ndarray, first: np.ndarray, message: str, severity: str = "warning"
) -> Finding:
    examples = tuple(f"{recording.place(int(n))}, as {recording.place(int(first[n]))}" for n in rows[:EXAMPLES])
    option = "--repeats drop" if severity == "warning" else ""
    return Finding(check, severity, len(rows), message, examples, option)


def _across_groups(recording: Recording, first: np.ndarray) -> Iterator[Finding]:
    group = recording.groups.codes()[0]
    rows = np.flatnonzero(group != group[first])
    if rows.size:
        message = "the same question (but for case, space, punctuation) in another group: groups do not separate them"
        yield _pairs(recording, "questions in several groups", rows, first, message)


def constant_tokens(recording: Recording) -> Iterator[Finding]:
    """Models with one number of input tokens whatever the prompt: costs made of it are made up.

    Args:
        recording: The recording.

    Yields:
        Findings.
    """
    tokens = recording.input_tokens
    if tokens is None or len(tokens) < _FEW:
        return
    lengths = np.concatenate(
        [
            np.asarray(pc.utf8_length(pa.array(recording.texts[start : start + BATCH], pa.large_string())))
            for start in range(0, len(tokens), BATCH)
        ]
    )
    names, shortest, longest = [], np.inf, 0
    for m, model in enumerate(recording.models):
        known = np.flatnonzero(~np.isnan(tokens[:, m]))
        if len(known) >= _FEW and np.ptp(tokens[known, m]) == 0.0 and lengths[known].max() > 2 * lengths[known].min():
            names.append(f"{model}: always {tokens[known[0], m]:g}")
            shortest, longest = min(shortest, lengths[known].min()), max(longest, lengths[known].max())
    if names:
        message = f"one and the same number of input tokens for prompts of {shortest:,.0f} to {longest:,} characters"
        option = "--cost constant --prices ..."
        message += ": costs that were computed from it are made up"
        yield Finding("constant token counts", "warning", len(names), message, tuple(names[:EXAMPLES]), option)


def groups(recording: Recording) -> Iterator[Finding]:
    """One group only; groups of few requests.

    Args:
        recording: The recording.

    Yields:
        Findings.
    """
    codes, names = recording.groups.codes()
    sizes = np.bincount(codes, minlength=len(names))
    if len(names) == 1:
        yield Finding("one group", "info", 1, f"all requests are in {names[0]!r}: no order by groups")
        return
    small = np.flatnonzero(sizes < SMALL)
    if small.size:
        order = small[np.argsort(sizes[small], kind="stable")][:EXAMPLES]
        examples = tuple(f"{names[g]!r}: {sizes[g]}" for g in order)
        yield Finding(
            "small groups", "info", len(small), f"of {len(names):,} groups: fewer than {SMALL} requests", examples
        )
