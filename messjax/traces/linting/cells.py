"""Checks of cells: scores that are missing, out of range or graded; tokens and latencies."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from messjax.traces.findings import Finding
from messjax.traces.linting.report import counted, mean_where, of_cells, per_model
from messjax.traces.recording import Recording

_PERCENT_SHARE = 0.05  # of scores above 1 from which on [0, 100] is the likely range
_UNIT = (0.0, 1.0)
_LOG, _LOG_SHARE = 10, 0.95  # least number of requests of a decision log, and share of those with one score
_LONG = 300.0  # seconds that a request hardly takes
ALL_COLUMNS = "prompt=...,model=...,score=...,cost=...,propensity=...,time=..."


def decision_log(path: str = "LOG", columns: str = ALL_COLUMNS) -> str:
    """What a decision log is, and the command that is right for it.

    Args:
        path: Its path.
        columns: The value of `--columns`.

    Returns:
        A sentence or two.
    """
    return (
        "a decision log: each request has the score of the one model that answered it. A replay needs the scores of "
        "all models for the same requests, and --missing zero would count models that were never asked as failures, "
        "--missing drop and --models would keep a biased part. What another policy would have cost and satisfied is "
        f"estimated from the log with the propensities of its choices: `messjax evaluate {path} --alpha A --columns "
        f"{columns}`. Or ask the other models the same requests (a random sample of them is enough)"
    )


DECISION_LOG = decision_log()


def missing(recording: Recording, cost: np.ndarray | None) -> Iterator[Finding]:
    """Cells without a score; `costs.values` reports what is wrong with the cost of a cell.

    Args:
        recording: The recording.
        cost: Costs [N, M], or None.

    Yields:
        Findings.
    """
    none = np.isnan(recording.score)
    if is_decision_log(recording):
        answered = (~none).sum(axis=0)
        message = f"{DECISION_LOG}; answered: {counted(recording, answered)}"
        yield Finding("decision log", "error", len(none), message, (), "scores of all models for the same requests")
    if none.any():
        rows = int(none.any(axis=1).sum())
        message = f"no score, in {rows:,} of {len(none):,} requests: {counted(recording, none.sum(axis=0))}"
        option = handled_by(recording, cost)
        yield of_cells(recording, "missing cells", "error", none, message, option, values=recording.score)


def is_decision_log(recording: Recording) -> bool:
    """Whether (nearly) every request has the score of one model only: what a router logs, not what a replay needs.

    Args:
        recording: The recording.

    Returns:
        True or False; False for fewer than ten requests, or one model.
    """
    answered = (~np.isnan(recording.score)).sum(axis=1)
    several = (~np.isnan(recording.score)).any(axis=0).sum() > 1
    return bool(several and len(answered) >= _LOG and (answered == 1).sum() >= _LOG_SHARE * (answered > 0).sum() > 0)


def handled_by(recording: Recording, cost: np.ndarray | None) -> str:
    """Which values of `--missing` accept a recording with these cells.

    Args:
        recording: The recording.
        cost: Costs [N, M], or None.

    Returns:
        The options, or what else to try where none does.
    """
    if is_decision_log(recording):
        return "see decision log"
    no_score = np.isnan(recording.score)
    no_cost = np.zeros_like(no_score) if cost is None else ~((cost >= 0.0) & (cost < np.inf))
    result = [] if (no_score | no_cost).any(axis=1).all() else ["--missing drop"]
    result += [] if (no_cost & ~no_score).any() else ["--missing zero"]
    return " or ".join(result) or "another --cost, or fewer models: every request lacks some model"


def scores(recording: Recording) -> Iterator[Finding]:
    """Scores outside [0, 1], outside the range that the publisher states, or graded.

    Args:
        recording: The recording.

    Yields:
        Findings.
    """
    score, (low, high) = recording.score, recording.score_range
    known = ~np.isnan(score)
    if not known.any():
        return
    least, most = float(np.nanmin(score)), float(np.nanmax(score))
    outside = (score < 0.0) | (score > 1.0)
    strange = (score < low) | (score > high)
    if outside.any():
        percent = recording.score_range == _UNIT and _looks_like_percent(score, known, least, most)
        name = "scores in 0-100" if percent else "scores outside [0, 1]"
        message = f"from {least:g} to {most:g}; {_publisher(recording)}; {counted(recording, outside.sum(axis=0))}"
        yield of_cells(recording, name, "error", outside, message, _options(recording, percent, strange), values=score)
    elif recording.score_range != _UNIT:
        message = f"all within [0, 1], but {_publisher(recording)}: is it the right column?"
        yield of_cells(recording, "scores in another range", "warning", strange, message, "--metric", values=score)
    if recording.score_range != _UNIT and outside.any() and strange.any():
        message = f"from {least:g} to {most:g}, but {_publisher(recording)}"
        yield of_cells(recording, "scores beyond the format", "warning", strange, message, values=score)
    if not outside.any() and (graded := known & (score != 0.0) & (score != 1.0)).any():
        message = f"neither 0 nor 1; {_shares(graded, known)} of all; mean {_means(recording)}"
        option = f"--scores threshold={(low + high) / 2:g} makes yes or no of them"
        yield of_cells(recording, "graded scores", "info", graded, message, option, values=score)


def _looks_like_percent(score: np.ndarray, known: np.ndarray, least: float, most: float) -> bool:
    """Between 0 and 100, with more above 1 than a few outliers."""
    return least >= 0.0 and 2.0 < most <= 100.0 and bool((score > 1.0).sum() > _PERCENT_SHARE * known.sum())


def _publisher(recording: Recording) -> str:
    low, high = recording.score_range
    return f"the format says [{low:g}, {high:g}]"


def _options(recording: Recording, percent: bool, strange: np.ndarray) -> str:
    low, high = recording.score_range
    if recording.score_range != _UNIT:
        return f"--scores threshold={(low + high) / 2:g}" + ("" if strange.any() else " or --scores rescale")
    if percent:
        return "--scores rescale=0:100 or --scores clip"
    return "--scores clip or --scores threshold=0.5"


def _shares(batch: np.ndarray, known: np.ndarray) -> str:
    return f"{batch.sum() / known.sum():.1%}"


def _means(recording: Recording) -> str:
    return per_model(recording, mean_where(recording.score, ~np.isnan(recording.score)))


def measures(recording: Recording) -> Iterator[Finding]:
    """Tokens and latencies: absent, missing for some cells, negative.

    Args:
        recording: The recording.

    Yields:
        Findings.
    """
    named = {"input tokens": recording.input_tokens, "output tokens": recording.output_tokens}
    for name, values in (named | {"latency": recording.latency}).items():
        if values is None:
            message = "not recorded" + ("" if name == "latency" else ": --cost tokens cannot be had")
            yield Finding(f"no {name}", "info", recording.score.size, message)
            continue
        if (none := np.isnan(values) & ~np.isnan(recording.score)).any():
            message = f"a score, but no {name}: {counted(recording, none.sum(axis=0))}"
            yield of_cells(recording, f"missing {name}", "warning", none, message, values=values)
        if (negative := values < 0.0).any():
            message = f"down to {np.nanmin(values):g}: {counted(recording, negative.sum(axis=0))}"
            yield of_cells(recording, f"negative {name}", "warning", negative, message, values=values)
        if name == "latency" and (long := values > _LONG).any():
            message = f"up to {np.nanmax(values):g} s: are they seconds? {counted(recording, long.sum(axis=0))}"
            yield of_cells(recording, "long latencies", "warning", long, message, values=values)
        if name != "latency" and (broken := np.isfinite(values) & (values != np.rint(values))).any():
            message = f"not whole numbers: {counted(recording, broken.sum(axis=0))}"
            yield of_cells(recording, f"fractional {name}", "warning", broken, message, values=values)
