"""Small inputs as users have them, each with the command that they would type and what should come of it.

Commands run in this process (`support.cases`); the folder of cases lies next to the checkout, or is named by
`MESSJAX_CASES`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.cases import FOLDER, Case

from messjax import results, traces
from messjax.traces.costs import make_costs


def alpaca_draws(case: Case) -> None:
    case.run().has("wrote out.parquet")
    trace = traces.read_parquet(case.folder / "out.parquet")
    assert set(np.unique(trace.satisfaction)) == {0.0, 0.5, 1.0}


def arena_battles(case: Case) -> None:
    case.run().has("battles of an arena: two models per request and which one is preferred", code=2)


def bad_line_at_end(case: Case) -> None:
    case.run().has(r"table.jsonl, line 40: found broken JSON .*--on-bad skip", code=2)
    case.run("--on-bad", "skip").has("plain")
    assert case.recording(on_bad="skip").score.shape == (20, 2)


def broken_pipe(case: Case) -> None:
    case.run().has("lint of table.csv")  # tests/cli/test_hostile_names.py closes the pipe


def columns_pattern(case: Case) -> None:
    case.run().has("models 12 ")
    recording = case.recording()
    assert recording.models == tuple(f"m{m}" for m in range(12))
    assert recording.cost is not None and (recording.cost == 0.001).all()
    case.run("--exclude", "m1*").has("models 9 ")


def cp1252_csv(case: Case) -> None:
    case.run().has("is not UTF-8: found 0xe9 at byte .*--encoding cp1252", code=2)
    case.run("--encoding", "cp1252").has("plain")
    assert "Café" in case.recording(encoding="cp1252").texts[0]


def dash_for_missing(case: Case) -> None:
    case.run().has("missing cells", "no score, in 1 of 20 requests", code=1)


def empty_prompt(case: Case) -> None:
    case.run().has("empty prompts", "--on-bad skip", code=1)
    case.run("--on-bad", "skip", "--missing", "drop").has("handled: empty prompts")


def epochs(case: Case) -> None:
    case.run().has("doubled cells", "--repeats mean")
    averaged = traces.averaged(case.recording())
    assert averaged.score.shape == (10, 2) and ((averaged.score > 0) & (averaged.score < 1)).any()
    assert averaged.score.min() >= 0 and averaged.score.max() <= 1
    case.run("--repeats", "mean").has("count in the mean of the cell")


def float_ids(case: Case) -> None:
    case.run().has("requests 20 ")
    assert case.recording().ids[12] == "12"


def git_lfs_pointer(case: Case) -> None:
    case.run().has("annotations.json is a Git LFS pointer, .*`git lfs pull`", code=2)


def handled_is_not(case: Case) -> None:
    case.run().has("error: scores outside", code=1)
    case.run("--scores", "clip", without=("--scores", "rescale=1:10")).has("handled: scores outside")


def inspect_letters(case: Case) -> None:
    case.run().has("--score-words C=1,I=0,P=0.5,N=0", code=2)
    case.run("--score-words", "C=1,I=0,P=.5,N=0").has("plain")
    assert set(np.unique(case.recording(score_words={"C": 1, "I": 0, "P": 0.5, "N": 0}).score)) <= {0, 0.5, 1}


def ipynb_checkpoints(case: Case) -> None:
    case.run().has("requests 20 ")
    (found,) = [each for each in case.recording().findings if each.check == "copies left out"]
    assert found.examples == (".ipynb_checkpoints",)


def json_array(case: Case) -> None:
    case.run().has("plain", "requests 20 ", "models 2 ")


def key_shown_with_nul(case: Case) -> None:
    ran = case.run()
    ran.has("one id, several texts", "row 3: '0'")
    assert r"\x00" not in ran.out and r"\0" not in ran.out


def latency_as_cost(case: Case) -> None:
    case.run().has("cost, s ", "latency, s")
    recording = case.recording()
    cost, unit = make_costs(recording, traces.CostRule("latency"))
    assert unit == "s" and recording.latency is not None
    np.testing.assert_array_equal(cost, recording.latency)


def lint_counts_of_zero(case: Case) -> None:
    ran = case.run()
    assert " 0, " not in " ".join(re.findall(r"(?:missing|free) \S+ .*?--", ran.words)), ran.words
    assert "and 5 more" not in ran.words


def litellm_empty_request_id(case: Case) -> None:
    case.run().has(r"log.csv, row \d+ .*'request_id': the cell is empty.*--on-bad skip", code=2)
    case.run("--on-bad", "skip").has("plain")


def litellm_price_map(case: Case) -> None:
    case.run().has("USD")
    cost, _ = make_costs(case.recording(), price_rule(case.folder / "prices.json"))
    np.testing.assert_allclose(cost[0], [30 * 1.5e-7 + 20 * 6e-7, 30 * 1e-7 + 20 * 3e-7], rtol=1e-12)


def price_rule(path: Path) -> traces.CostRule:
    prices = traces.read_prices(str(path))
    return traces.CostRule("tokens", prices.of_model, "", prices.since, prices.from_file)


def lm_eval_read(case: Case) -> None:
    case.run().has("lm_eval", "models 2 ", "org__large")


def lm_eval_predict_only(case: Case) -> None:
    case.run().has("not scored .--predict_only.", code=2)


def lm_eval_symlinked_runs(case: Case) -> None:
    case.run().has("lm_eval", "llama-8b", "llama-70b")


def lone_surrogate(case: Case) -> None:
    case.run().has("bad texts", "half of a surrogate pair", "--on-bad skip", code=1)
    case.run("--on-bad", "skip", "--missing", "drop").has("handled: bad texts")


def messages_as_list(case: Case) -> None:
    case.run().has("plain", "input tokens")
    recording = case.recording()
    assert recording.texts[0] == "Be brief.\n\nWhat is 3 plus 11?"
    assert recording.input_tokens is not None and recording.input_tokens[0].tolist() == [20, 20]


def nested_arms(case: Case) -> None:
    case.run().has("plain", "gsm8k 12")
    recording = case.recording()
    assert recording.cost is not None
    assert recording.score[0].tolist() == [0.7, 0.9] and recording.cost[0].tolist() == [0.0001, 0.003]
    pattern = traces.Options(columns=traces.parse_columns("prompt=prompt,score:*=arms.*.reward,cost:*=arms.*.cost"))
    again = traces.read(case.folder / "rewards.jsonl", "auto", pattern)
    np.testing.assert_array_equal(again.score, recording.score)
    assert traces.detect(case.folder / "rewards.jsonl").name == "paretobandit"


def one_file_per_model(case: Case) -> None:
    case.run().has("openai_gpt-4o", "anthropic_claude-3-haiku", "requests 12 ")


def one_sided_log(case: Case) -> None:
    ran = case.run()
    ran.has("decision log", "needs the scores of all models", "propensities", code=1)
    assert "--missing zero or" not in ran.words and "or --missing zero" not in ran.words


def one_sided_log_zero(case: Case) -> None:
    case.run().has("a decision log: .*never asked as failures", code=2)
    ran = case.run(without=("--missing", "zero"))
    ran.has("a decision log", code=2)


def output_tokens_only(case: Case) -> None:
    case.run().has("USD")
    rule = traces.CostRule("tokens", {"small": (0.0, 0.6), "large": (0.0, 10.0)})
    recording = case.recording()
    assert recording.output_tokens is not None
    np.testing.assert_allclose(make_costs(recording, rule)[0], recording.output_tokens * [0.6e-6, 1e-5], rtol=1e-12)


def promptfoo_csv(case: Case) -> None:
    case.run().has("openai:gpt-4o-mini", "anthropic:messages:haiku")
    assert case.recording().score[:3].tolist() == [[0, 0], [1, 1], [0, 1]]


def reasoning_tokens(case: Case) -> None:
    case.run().has("USD")
    rule = traces.CostRule("tokens", {"small": (1, 0.1, 2), "large": (2, 0.2, 8)})
    cost, _ = make_costs(case.recording(), rule)
    np.testing.assert_allclose(cost[0], [(15 + 1.5 + 80) / 1e6, (30 + 3 + 320) / 1e6], rtol=1e-12)


def routerarena_constant_tokens(case: Case) -> None:
    case.run().has("constant token counts", "same number of input tokens for prompts of .* characters")


def routerarena_predictions(case: Case) -> None:
    case.run().has("predictions of a router .*a decision log.*answers of all models", code=2)


def semicolon_csv(case: Case) -> None:
    case.run().has("plain", "requests 10 ")
    assert case.recording().score[0].tolist() == [0.5, 1.0]


def space_in_model_names(case: Case) -> None:
    case.run().has("names alike", "differ by case or space only", code=1)


def stdout_ascii(case: Case) -> None:
    ran = case.run(encoding="ascii")
    assert ran.codes == [0, 0] and "small-" in ran.out and ran.out.isascii()
    assert case.run(encoding="cp1252").codes == [0, 0]


def subset_of_models(case: Case) -> None:
    ran = case.run()
    ran.has("note: cost: recorded")
    assert ran.trace is not None and set(ran.trace.models) == {"a-small", "b-large"}


def timestamps(case: Case) -> None:
    ran = case.run()
    ran.has("note: cost: recorded")
    assert ran.trace is not None and list(ran.trace.ids) == [str(n) for n in reversed(range(30))]


def unused_header_twice(case: Case) -> None:
    case.run().has("plain", "requests 10 ")


def export_table(case: Case) -> None:
    ran, _ = case.shown()
    ran.has("table.csv", "router_metrics.csv")
    with open("out/table.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["policy"] for row in rows] == [
        *3 * ["MESS+"],
        "only small",
        "only large",
        "uniform random",
        "LP mixture",
    ]
    assert f"{float(rows[3]['cost']):.4g}" in ran.out and float(rows[3]["calls small"]) == 1.0
    with open("out/router_metrics.csv", encoding="utf-8", newline="") as file:
        metrics = {row["policy"]: row for row in csv.DictReader(file)}
    assert list(metrics) == list(dict.fromkeys(row["policy"] for row in rows))
    assert f"{float(metrics['only small']['gap_at_oracle']):.3f}" in ran.out
    assert float(metrics["only large"]["perf_gain"]) == 0.0 or float(metrics["only small"]["perf_gain"]) == 0.0


def few_seeds_figure(case: Case) -> None:
    ran, figures = case.shown()
    ran.has("MESS. ")
    wide = results.summary(results.load("out/replay.nc"))["satisfaction_curve"]
    assert float(wide.sel(limit="upper").max()) > 2.0  # what Student's t of two streams would draw
    left, right = figures["replay"].axes
    limits = [(axis.dataLim.y0, axis.dataLim.y1) for axis in (left, right)]
    assert limits[0][0] >= 0.0 and limits[0][1] <= 1.0 and limits[1][0] >= 0.0
    low, high = left.get_ylim()
    assert -0.1 < low <= 0.0 and 1.0 <= high < 1.1


def optimum_many_models(case: Case) -> None:
    ran = case.run()
    ran.has("provider/model-34 72.22%, provider/model-27 27.78%")
    assert len(re.findall(r"provider/model-\d\d \d", ran.out)) < 12 and " 0.00%" not in ran.out


def own_router_choice(case: Case) -> None:
    ran, _ = case.shown()
    recording = case.recording()
    assert recording.cost is not None
    with open("table.csv", encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["model"] == row["router"]]
    assert len(rows) == len(recording.ids)
    cost, satisfied = (np.mean([float(row[name]) for row in rows]) for name in ("cost", "score"))
    ran.has(f"router .recorded. {cost:.4g} {cost:.4g} {satisfied:.4f} small 66.7%, large 33.3%", "only large", "MESS")
    with open("out/table.csv", encoding="utf-8", newline="") as file:
        last = list(csv.DictReader(file))[-1]
    assert last["policy"] == "router (recorded)" and float(last["cost"]) == pytest.approx(cost)


def predictor_never_learned(case: Case) -> None:
    ran, _ = case.shown(scored=True)
    ran.has(
        r"warning: at c = 0.1 the predictor is worse than the base rate .log loss 0.6\d+, base rate 0.6\d+.: nothing "
        "was learned in 9 explored requests; change --c or --learning-rate, or add requests"
    )


def replay_many_models(case: Case) -> None:
    ran, figures = case.shown()
    ran.has(r"MESS. .*? provider/model-0\d [\d.]+%, provider/model-0\d .*36 others at most [\d.]+% each")
    (legend,) = figures["replay"].legends
    page = figures["replay"].bbox
    figures["replay"].draw_without_rendering()
    assert all(page.containsx(x) for x in legend.get_window_extent().intervalx)
    assert all(page.containsy(y) for y in legend.get_window_extent().intervaly)
    names = [text.get_text() for text in legend.get_texts()]
    assert len(names) == len(set(names)) <= 12


def zoo_of_my_own(case: Case) -> None:
    ran, _ = case.shown("--streams", "2", "--horizon", "50")
    ran.has(
        "mine, 2 calibrated streams",
        "cost per request in the unit of mine.csv",
        "cost in the unit of mine.csv per request",
        "llama-8b 88.89%, gpt-4o 11.11%",  # from llama-8b at .68 to gpt-4o at .86: a ninth of the way
    )
    assert ran.codes == [0, 0]


SAME = {"lm_eval_gz": lm_eval_read, "lm_eval_json_extension": lm_eval_read}
LONG = {"predictor_never_learned"}  # learns from 300 requests of 11 models
NAMES = sorted(path.name for path in FOLDER.iterdir() if path.is_dir()) if FOLDER.is_dir() else ["no_cases"]


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.long] if n in LONG else []) for n in NAMES])
def test_a_case_ends_as_its_user_expects(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not FOLDER.is_dir():
        pytest.skip(f"no cases in {FOLDER}: set MESSJAX_CASES to their folder")
    check: Callable[[Case], None] = SAME.get(name) or globals()[name]
    check(Case(name, tmp_path, monkeypatch))
