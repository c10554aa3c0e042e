"""Lint: every check on a recording that has the fault, counted by hand; errors exactly where `prepare` refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messjax.traces import Builder, Choices, CostRule, Finding, Recording, lint, prepare
from messjax.traces.parsing import Place

FILE = Path("made.csv")
NAN = np.nan


def made(score: Any, cost: Any = None, texts: Any = None, groups: Any = None, **more: Any) -> Recording:
    """A recording of scores [N, M] and, where given, costs [N, M], texts, groups, and other fields of Recording."""
    score = np.array(score, float)
    builder = Builder("made", FILE, cost_unit="USD", score_range=more.pop("score_range", (0.0, 1.0)))
    models = [builder.model(f"m{m}") for m in range(score.shape[1])]
    for n in range(len(score)):
        place = Place(FILE, n + 2)
        text = f"question {'abcdefghijklmnopqrstuvwxyz'[n % 26] * (1 + n // 26)}" if texts is None else texts[n]
        builder.request(str(n), text, "g" if groups is None else groups[n], place)
        for m in models:
            builder.cell(n, m, place, score=score[n, m], cost=NAN if cost is None else float(cost[n][m]))
    return builder.build()._replace(**more)


def named(findings: tuple[Finding, ...]) -> dict[str, Finding]:
    assert len({finding.check for finding in findings}) == len(findings)
    return {finding.check: finding for finding in findings}


def only(recording: Recording, check: str, cost: Any = None) -> Finding:
    result = named(lint(recording, cost))
    assert check in result, list(result)
    return result[check]


GOOD = made([[0, 1], [1, 1], [1, 0]], [[1, 2], [1.5, 2], [1, 3]])


def test_a_clean_recording_has_no_error_and_no_warning() -> None:
    assert {finding.severity for finding in lint(GOOD)} <= {"info"}
    assert set(named(lint(GOOD))) == {"one group", "no input tokens", "no output tokens", "no latency"}


def test_missing_cells() -> None:
    result = only(made([[0, NAN], [1, 1], [NAN, NAN]], [[1, 2], [1, 2], [1, 2]]), "missing cells")
    assert (result.severity, result.times, result.option) == ("error", 3, "--missing drop or --missing zero")
    assert "in 2 of 3 requests: m1 2, m0 1" in result.message
    assert result.examples == ("made.csv, row 2, '0': m1: nothing", "made.csv, row 4, '2': m0: nothing")
    assert only(made([[0, NAN], [NAN, 1]], [[1, 2], [1, 2]]), "missing cells").option == "--missing zero"


@pytest.mark.parametrize(
    ("cost", "check", "text"),
    [(NAN, "missing costs", "nothing"), (-0.5, "negative costs", "-0.5"), (np.inf, "infinite costs", "inf")],
)
def test_costs_that_cannot_be(cost: float, check: str, text: str) -> None:
    result = only(made([[0, 1], [1, 1], [1, 0]], [[1, cost], [1, 2], [1, 2]]), check)
    assert (result.severity, result.times, result.option) == ("error", 1, "--missing drop")
    assert result.examples == (f"made.csv, row 2, '0': m1: {text}",)


def test_no_way_is_named_where_there_is_none() -> None:
    result = only(made([[0, NAN], [1, 1]], [[NAN, 2], [1, NAN]]), "missing cells")
    assert result.option.startswith("another --cost")


def test_costs_that_are_not_there() -> None:
    result = only(made([[0, 1], [1, 0]]), "no costs")
    assert (result.severity, result.times) == ("error", 4)
    assert result.option == "--cost constant --prices m0=USD,m1=USD (USD per 1M tokens)"
    assert "no costs" not in named(lint(made([[0, 1], [1, 0]]), np.ones((2, 2))))


def test_free_cells() -> None:
    result = only(made([[0, 1], [1, 0]], [[0, 1], [0, 2]]), "free cells")
    assert (result.severity, result.times) == ("warning", 2) and result.message == "cost 0: m0 2"


def test_scores_outside() -> None:
    result = only(made([[-0.5, 1], [1, 0], [1, 1.5]], np.ones((3, 2))), "scores outside [0, 1]")
    assert (result.severity, result.times) == ("error", 2) and result.message.startswith("from -0.5 to 1.5;")
    assert result.option == "--scores clip or --scores threshold=0.5"
    assert result.examples == ("made.csv, row 2, '0': m0: -0.5", "made.csv, row 4, '2': m1: 1.5")


def test_scores_in_percent() -> None:
    result = only(made([[50, 100], [0, 88]], np.ones((2, 2))), "scores in 0-100")
    assert (result.times, result.option) == (3, "--scores rescale=0:100 or --scores clip")


def test_scores_in_the_range_of_the_format() -> None:
    one_two = made([[1, 2], [1.25, 1]], np.ones((2, 2)), score_range=(1.0, 2.0))
    result = only(one_two, "scores outside [0, 1]")
    assert result.option == "--scores threshold=1.5 or --scores rescale"
    inside = made([[1, 0.5], [0.25, 1]], np.ones((2, 2)), score_range=(1.0, 2.0))
    assert only(inside, "scores in another range").times == 2
    beyond = made([[1, 2], [2.5, 1]], np.ones((2, 2)), score_range=(1.0, 2.0))
    assert only(beyond, "scores beyond the format").times == 1
    assert "rescale" not in only(beyond, "scores outside [0, 1]").option


def test_graded_scores() -> None:
    result = only(made([[0.5, 1], [0, 0.25]], np.ones((2, 2))), "graded scores")
    assert (result.severity, result.times) == ("info", 2) and "50.0% of all" in result.message


def test_unit_confusion() -> None:
    result = only(made([[0, 1], [1, 1]], [[1e-6, 3], [3e-6, 1]]), "unit confusion")
    assert result.message.startswith("m1 costs 1e+06 times as much as m0")
    assert "unit confusion" not in named(lint(made([[0, 1], [1, 1]], [[1e-5, 3], [3e-5, 1]])))
    within = only(made([[0, 1]] * 5, [[1e-6, 1], [1e-6, 1], [1e-6, 1], [2e-6, 1], [5, 1]]), "units within a model")
    assert within.times == 1 and within.examples == ("made.csv, row 6, '4': m0: 5",)


def test_costs_per_million() -> None:
    tokens = np.full((2, 2), 100.0)
    dear = made([[0, 1], [1, 0]], [[0.24, 24.7], [0.24, 24.8]], input_tokens=tokens, output_tokens=tokens)
    result = only(dear, "costs per what")
    assert result.times == 1 and "m1 123,750, m0 1,200" in result.message
    constant = only(dear, "constant costs")
    assert constant.times == 1 and constant.message.endswith("m0")


def test_models_that_never_differ() -> None:
    alike = made([[0, 0, 1, 1], [1, NAN, 0, 1], [1, 1, 1, 1]], np.ones((3, 4)))
    assert only(alike, "models that never differ").examples[0] == "m0 and m1 (2 shared requests)"
    assert only(alike, "constant scores").examples == ("m3: always 1",)
    assert only(made([[0], [1]], np.ones((2, 1))), "one model").severity == "warning"


def test_models_that_differ_late_are_told_apart() -> None:
    score = np.zeros((3_000, 2))
    score[::2] = 1
    assert "models that never differ" in named(lint(made(score, np.ones_like(score))))
    score[2_500, 1] = 1 - score[2_500, 1]
    assert "models that never differ" not in named(lint(made(score, np.ones_like(score))))


def test_cost_order_against_accuracy() -> None:
    result = only(made([[1, 0, 1], [1, 1, 1]], [[1, 2, 3], [1, 4, 3]]), "cost order against accuracy")
    assert (result.severity, result.times) == ("warning", 1) and result.message.startswith("of 3 pairs")
    assert result.examples == ("m0 costs 1 and scores 1.000, m1 3 and 0.500",)
    assert "cost order against accuracy" not in named(lint(GOOD))


TEXTS = ["Why?", "What", "Why?", "what!", " WHAT ", "Why?", "3 + 4?", "5 + 4?", "3 - 4?", " \n", "另一个"]


def test_repeated_prompts() -> None:
    score = np.tile([0.0, 1.0], (11, 1))
    score[5] = [1, 1]
    result = named(lint(made(score, np.ones_like(score), TEXTS, list("aaabaaaaaaa"))))
    assert result["duplicate prompts"].times == 1
    assert result["duplicate prompts"].examples == ("made.csv, row 4, as made.csv, row 2",)
    assert result["duplicate prompts, other scores"].examples == ("made.csv, row 7, as made.csv, row 2",)
    assert result["repeated questions"].times == 2  # "what!" and " WHAT "
    assert result["questions alike but for numbers"].times == 1  # 5 + 4 as 3 + 4; a minus is punctuation
    assert result["questions in several groups"].examples == ("made.csv, row 5, as made.csv, row 3",)
    assert result["blank prompts"].examples == ("made.csv, row 11, '9'",)
    assert result["small groups"].times == 2
    assert result["duplicate prompts"].option == result["repeated questions"].option == "--repeats drop"


def test_dropping_repeats_leaves_the_first_that_is_kept() -> None:
    score = np.tile([0.0, 1.0], (11, 1))
    score[0, 1] = NAN  # the first "Why?" goes for want of a score, so the second one stays
    recording = made(score, np.ones_like(score), TEXTS)
    trace = prepare(recording, CostRule("recorded"), Choices(missing="drop", repeats="drop"))
    assert list(trace.prompts) == ["What", "Why?", "3 + 4?", "5 + 4?", "3 - 4?", " \n", "另一个"]
    assert "repeats: 3 of 10 requests dropped, their question came before" in trace.notes
    assert not {"duplicate prompts", "repeated questions"} & set(named(lint(made(np.eye(7), np.eye(7), trace.prompts))))
    with pytest.raises(ValueError, match="--repeats: found 'first', expected one of keep, mean, drop"):
        prepare(recording, CostRule("recorded"), Choices("drop", repeats="first"))


def test_tokens_and_latency() -> None:
    tokens, latency = np.array([[1, -2], [NAN, 2.5]]), np.array([[1, 2], [3, -4.0]])
    result = named(lint(made([[0, 1], [1, 0]], np.ones((2, 2)), input_tokens=tokens, latency=latency)))
    for check in ("missing input tokens", "negative input tokens", "fractional input tokens", "negative latency"):
        assert (result[check].severity, result[check].times) == ("warning", 1), check
    assert result["no output tokens"].severity == "info" and "no latency" not in result


def test_what_the_reader_saw_is_among_the_findings() -> None:
    builder = Builder("made", FILE, cost_unit="J")
    n, m = builder.request("q", "text", "g", Place(FILE, 2)), builder.model("m")
    for score in (1.0, 0.0):
        builder.cell(n, m, Place(FILE, 2), score=score, cost=1.0)
    result = only(builder.build(), "doubled cells")
    assert result.times == 1 and "1 with another score" in result.message


def test_errors_come_first_and_a_cost_of_other_shape_is_refused() -> None:
    severities = [finding.severity for finding in lint(made([[2, 1], [NAN, 1]]))]
    assert severities == sorted(severities, key=["error", "warning", "info"].index) and severities[0] == "error"
    with pytest.raises(ValueError, match=r"cost has shape \(1, 2\), expected \(3, 2\)"):
        lint(GOOD, np.ones((1, 2)))


SCORE = st.sampled_from([0.0, 1.0, 0.5, NAN, NAN, -0.1, 1.5, 100.0])
COST = st.sampled_from([0.0, 1.0, 1e-9, 3.0, NAN, -1.0, np.inf])
TABLES = st.integers(1, 4).flatmap(
    lambda m: st.lists(st.tuples(*[st.lists(s, min_size=m, max_size=m) for s in (SCORE, COST)]), min_size=1, max_size=5)
)


@settings(max_examples=150, deadline=None)
@given(TABLES, st.booleans(), st.sampled_from([(0.0, 1.0), (1.0, 2.0), (0.0, 100.0)]), st.booleans())
def test_errors_are_what_prepare_refuses(rows: Any, mild: bool, limits: Any, constant: bool) -> None:
    score, cost = (np.array([row[i] for row in rows], float) for i in (0, 1))
    if mild:  # so that clean ones are among them
        score, cost = np.where(score > 1, 1.0, np.abs(score)), np.where(np.isfinite(cost), np.abs(cost), 1.0)
    recording = made(score, cost, score_range=limits)
    rule = (
        CostRule("constant", {f"m{m}": (1.0 + m,) for m in range(score.shape[1])}) if constant else CostRule("recorded")
    )
    used = np.tile(1.0 + np.arange(score.shape[1]), (len(score), 1)) if constant else None
    errors = [finding for finding in lint(recording, used) if finding.severity == "error"]
    if not errors:
        prepare(recording, rule)
        return
    with pytest.raises(ValueError):
        prepare(recording, rule)
    ways = {finding.check: [way for way in finding.option.split(" or ") if way.startswith("--")] for finding in errors}
    missing = [way for check, of in ways.items() if "score" not in check for way in of if way.startswith("--missing")]
    scores = [way for check, of in ways.items() if "scores" in check for way in of]
    hopeless = any(not of or of[0].startswith("--cost") for of in ways.values())
    if hopeless:
        for way in ("drop", "zero"):
            with pytest.raises(ValueError):
                prepare(recording, rule, Choices(way, "clip"))
        return
    for one in missing or ["--missing fail"]:
        for other in scores or ["--scores fail"]:
            prepare(recording, rule, Choices(one.split(" ", 1)[1], other.split(" ", 1)[1]))
