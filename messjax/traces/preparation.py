"""From a recording to a trace: costs, scores out of range and missing cells are handled as the user chooses."""

from __future__ import annotations

import contextlib
import json
from typing import NamedTuple

import numpy as np

from messjax.traces.costs import ASKED, TIMES, CostRule, make_costs
from messjax.traces.linting.cells import DECISION_LOG, is_decision_log
from messjax.traces.linting.report import mean_where
from messjax.traces.linting.texts import questions
from messjax.traces.parsing import listed
from messjax.traces.recording import Recording
from messjax.traces.schema import OPTIONAL, Trace, check_trace, order_by_cost
from messjax.traces.selection import averaged, scored

_SHOWN = 6  # models named in a note
MISSING = ("fail", "drop", "zero")
REPEATS = ("keep", "mean", "drop")
SCORES = ("fail", "clip", "rescale", "rescale=LOW:HIGH", "threshold=NUMBER")


class Choices(NamedTuple):
    """How defects of a recording are handled.

    Attributes:
        missing: A cell (request, model) without a score or a cost: "fail" (refuse), "drop" (leave out the request), or
            "zero" (score 0).
        scores: Scores outside [0, 1]: "fail", "clip", "rescale" (from the range that the publisher states),
            "rescale=LOW:HIGH", or "threshold=NUMBER" (1 above it, otherwise 0).
        repeats: "keep", "mean" (of several answers of a model to one request the mean counts, not the first), or
            "drop" (questions asked before, except for case, space and punctuation).
    """

    missing: str = "fail"
    scores: str = "fail"
    repeats: str = "keep"


def prepare(recording: Recording, cost: CostRule, choices: Choices = Choices()) -> Trace:  # noqa: B008 (a tuple)
    """The trace of a recording, models cheapest first.

    Scores: "rescale" maps the range that the format's publisher states to [0, 1] ("rescale=0:100" another one),
    "threshold=1.5" makes 1 of what is above 1.5 and 0 of the rest. Missing is a cell without a score, or without a
    cost, or with a negative or infinite one. "drop" leaves out such requests; "zero" counts a cell without a score as
    not satisfied and, where its cost is missing as well, as free (a call that was never made). A model without a single
    score is left out, by name. A decision log (one model's score per request) is refused unless nothing is missing.

    Args:
        recording: What a reader returned.
        cost: How costs are computed.
        choices: How defects are handled; by default any defect is refused.

    Returns:
        The checked trace; its `notes` say what was done to how many cells and requests.

    Raises:
        ValueError: A defect that `choices` do not handle, naming the first place and the options; costs that cannot be
            computed.
    """
    recording = averaged(recording) if choices.repeats == "mean" else recording
    whole, unit = make_costs(recording, cost)
    recording, table, unscored = scored(recording, whole)
    assert table is not None
    notes = [f"cost: {cost.kind}, {unit} per request"]
    if cost.kind in TIMES:
        notes.append(f"cost: {ASKED[cost.kind]}")
    if unscored:
        notes.append(f"models without a score are left out: {listed(unscored)}")
    score = _scores(recording, choices.scores, notes)
    score, table, kept = _missing(recording, score, table, choices.missing, notes)
    kept = _repeats(recording, kept, choices.repeats, notes)
    rows = np.flatnonzero(kept)
    everything = len(rows) == len(kept)
    of = {name: getattr(recording, name) for name in OPTIONAL}
    trace = Trace(
        models=recording.models,
        prompts=recording.texts if everything else recording.texts.take(rows),
        groups=recording.groups if everything else recording.groups.take(rows),
        satisfaction=score[rows],
        cost=table[rows],
        cost_unit=unit,
        source=recording.source,
        ids=recording.ids if everything else recording.ids.take(rows),
        **{name: None if value is None else value[rows] for name, value in of.items()},
        token_unit=recording.token_unit,
        provenance={
            "format": recording.format,
            "files": json.dumps(recording.files[:20]),
            "num_files": str(len(recording.files)),
            "cost": cost.kind,
            "missing": choices.missing,
            "scores": choices.scores,
            "repeats": choices.repeats,
        },
        notes=tuple(notes),
        choices={router: chosen[rows] for router, chosen in recording.choices.items()},
        router_scores={router: scores[rows] for router, scores in recording.router_scores.items()},
    )
    check_trace(trace)
    return order_by_cost(trace)


def handles(recording: Recording, cost: np.ndarray | None, choices: Choices) -> frozenset[str]:
    """What `choices` make `prepare` accept, found out by doing it.

    Args:
        recording: N requests, M models.
        cost: Costs [N, M], or None: all are known.
        choices: How defects are handled.

    Returns:
        "scores" where no score is refused; "missing" where no cell is.
    """
    result = set()
    with contextlib.suppress(ValueError):
        _scores(recording, choices.scores, [])
        result.add("scores")
    with contextlib.suppress(ValueError):
        recording, table, _ = scored(recording, np.zeros_like(recording.score) if cost is None else cost)
        assert table is not None
        _missing(recording, recording.score, table, choices.missing, [])
        result.add("missing")
    return frozenset(result)


def unchecked(recording: Recording, cost: CostRule, scores: str | None = None) -> Trace:
    """The trace as recorded, for checks that look for its defects: scores out of range, missing entries (NaN).

    Models are ordered by the mean of the costs that are there; one without any comes last. `check_trace` may refuse the
    trace.

    Args:
        recording: What a reader returned.
        cost: How costs are computed.
        scores: As in `Choices`, for formats whose scores are on another scale; None leaves them as they are.

    Returns:
        The trace.

    Raises:
        ValueError: Costs that cannot be computed, or scores that `scores` does not handle.
    """
    notes: list[str] = []
    score = recording.score if scores is None else _scores(recording, scores, notes)
    table, unit = make_costs(recording, cost)
    there = np.isfinite(table)
    with np.errstate(invalid="ignore"):  # 0 / 0 of a model without costs is NaN, which sorts last
        mean = np.where(there, table, 0.0).sum(axis=0) / there.sum(axis=0)
    order = np.argsort(mean, kind="stable")
    return Trace(
        models=tuple(recording.models[m] for m in order),
        prompts=recording.texts,
        groups=recording.groups,
        satisfaction=score[:, order],
        cost=table[:, order],
        cost_unit=unit,
        source=recording.source,
        ids=recording.ids,
        provenance={"format": recording.format, "cost": cost.kind},
        notes=tuple(notes),
    )


def _scores(recording: Recording, choice: str, notes: list[str]) -> np.ndarray:
    score = recording.score
    kind, _, detail = choice.partition("=")
    if kind == "threshold":
        level = _numbers(choice, detail, 1)[0]
        notes.append(f"scores: 1 where above {level:g}, else 0")
        return np.where(np.isnan(score), np.nan, (score > level).astype(np.float64))
    if kind == "rescale":
        low, high = _numbers(choice, detail, 2) if detail else recording.score_range
        if not low < high:
            raise ValueError(f"--scores {choice}: expected LOW below HIGH")
        notes.append(f"scores: [{low:g}, {high:g}] mapped to [0, 1]")
        score = (score - low) / (high - low)
    elif choice not in ("fail", "clip"):
        raise ValueError(f"--scores: found {choice!r}, expected one of {', '.join(SCORES)}")
    outside = (score < 0.0) | (score > 1.0)
    if outside.any() and choice == "clip":
        notes.append(f"scores: {int(outside.sum())} of {score.size} clipped to [0, 1]")
        return np.clip(score, 0.0, 1.0)
    if outside.any():
        n, m = np.argwhere(outside)[0]
        raise ValueError(
            f"{recording.place(n, m)}: model {recording.models[m]!r} has score {recording.score[n, m]:g}, one of "
            f"{int(outside.sum())} outside [0, 1]{' after rescaling' if kind == 'rescale' else ''}: "
            "give --scores clip, rescale=LOW:HIGH or threshold=NUMBER"
        )
    return score


def _missing(
    recording: Recording, score: np.ndarray, table: np.ndarray, choice: str, notes: list[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(score, cost, requests kept [N])."""
    if choice not in MISSING:
        raise ValueError(f"--missing: found {choice!r}, expected one of {', '.join(MISSING)}")
    no_score, no_cost = np.isnan(score), ~((table >= 0.0) & (table < np.inf))
    bad, everything = no_score | no_cost, np.ones(len(score), bool)
    if not bad.any():
        return score, table, everything
    if is_decision_log(recording):
        raise ValueError(f"{recording.source}: {DECISION_LOG}")
    if choice == "drop":
        kept = ~bad.any(axis=1)
        notes.append(f"missing: {int((~kept).sum())} of {len(kept)} requests dropped ({int(bad.sum())} cells)")
        if not kept.any():
            raise ValueError(f"{recording.source}: --missing drop leaves no request: every one lacks some model")
        return score, table, kept
    unpaid = no_cost & ~no_score
    if choice == "zero" and not unpaid.any():
        notes.append(f"missing: {int(no_score.sum())} cells score 0, of which {int(no_cost.sum())} cost 0 (no call)")
        notes.append(f"missing: this changes mean scores: {_changes(recording, score, no_score)}")
        return np.where(no_score, 0.0, score), np.where(no_cost, 0.0, table), everything
    n, m = np.argwhere(unpaid if choice == "zero" else bad)[0]
    what = "no score" if no_score[n, m] else "a score and no cost" if np.isnan(table[n, m]) else f"cost {table[n, m]:g}"
    options = "give --missing drop, or another --cost" if choice == "zero" else "give --missing drop or zero"
    raise ValueError(
        f"{recording.place(n, m)}: model {recording.models[m]!r} has {what}, one of {int(bad.sum())} such cells in "
        f"{int(bad.any(axis=1).sum())} of {len(bad)} requests: {options}"
    )


def _changes(recording: Recording, score: np.ndarray, no_score: np.ndarray) -> str:
    """What zeros in the place of missing scores do to the mean of each model."""
    before, share = mean_where(score, ~no_score), 1.0 - no_score.mean(axis=0)
    order = [m for m in np.argsort(share, kind="stable") if share[m] < 1.0]
    shown = [f"{recording.models[m]} {before[m]:.3f} to {before[m] * share[m]:.3f}" for m in order[:_SHOWN]]
    return ", ".join(shown) + (f" and {len(order) - _SHOWN} more" if len(order) > _SHOWN else "")


def _repeats(recording: Recording, kept: np.ndarray, choice: str, notes: list[str]) -> np.ndarray:
    """Requests kept [N], of those that are so far."""
    if choice not in REPEATS:
        raise ValueError(f"--repeats: found {choice!r}, expected one of {', '.join(REPEATS)}")
    if choice != "drop":
        return kept
    rows = np.flatnonzero(kept)
    first = rows[np.unique(questions(recording.texts)[rows], return_index=True)[1]]
    if len(first) < len(rows):
        notes.append(f"repeats: {len(rows) - len(first)} of {len(rows)} requests dropped, their question came before")
    once = np.zeros(len(kept), bool)
    once[first] = True
    return once


def _numbers(choice: str, detail: str, count: int) -> list[float]:
    try:
        result = [float(part) for part in detail.split(":")]
    except ValueError:
        result = []
    if len(result) != count or not np.isfinite(result).all():
        raise ValueError(f"--scores: found {choice!r}, expected one of {', '.join(SCORES)}")
    return result
