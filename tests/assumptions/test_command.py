"""Assumptions from the command line: traces as they are recorded, table, JSON, figure, errors in one line."""

from __future__ import annotations

import json

import numpy as np
import pytest
from support.assumption_cases import ASSUMPTIONS

from messjax.runtime import console
from messjax.theory import ALL
from messjax.traces import CostRule, prepare, read, unchecked, write_parquet
from proofs_check.__main__ import main
from proofs_check.assumptions import Check, figure, table
from proofs_check.assumptions.order import check_order
from proofs_check.assumptions.report import conclusions, verdicts
from proofs_check.assumptions.trace import learn


def test_a_trace_is_taken_as_it_is_recorded(tmp_path):
    lines = {
        "dear": [("X_1", 1.5, 3.0), ("Y_z_2", None, 5.0)],
        "cheap": [("Y_z_2", 0.0, 1), ("X_1", 1, None), ("Y_z_3", 1, 2)],
    }
    for model, answers in lines.items():
        records = [
            {"global_index": name, "question": name, "evaluation_result": {"score": score, "inference_cost": cost}}
            for name, score, cost in answers
        ]
        (tmp_path / f"{model}.jsonl").write_text("\n".join(json.dumps(record) for record in records))
    trace = unchecked(read(tmp_path), CostRule("recorded"))
    assert trace.models == ("cheap", "dear") and list(trace.groups) == ["Y_z", "X", "Y_z"]
    np.testing.assert_array_equal(trace.satisfaction, [[0.0, np.nan], [1.0, 1.5], [1.0, np.nan]])
    np.testing.assert_array_equal(trace.cost, [[1.0, 5.0], [np.nan, 3.0], [2.0, np.nan]])
    clipped = unchecked(read(tmp_path), CostRule("recorded"), "clip").satisfaction
    np.testing.assert_array_equal(clipped, [[0.0, np.nan], [1.0, 1.0], [1.0, np.nan]])


def write_csv(path, num: int = 60):
    rows = [f"question {n} of {n % 7},{n % 3 > 0},{n % 5 > 0}" for n in range(num)]
    path.write_text("prompt,small,large\n" + "\n".join(rows) + "\n")
    return path


def test_command_writes_table_json_and_figure(tmp_path, capsys):
    path, out = write_csv(tmp_path / "trace.csv"), tmp_path / "out"
    asked = [
        "assumptions",
        str(path),
        "--prices",
        "small=1,large=2",
        "--alpha",
        "0.6",
        "--shuffle",
        "--seed",
        "3",
        "--out",
        str(out),
    ]
    assert main(asked) == 0
    assert "E[s_m] - alpha" in capsys.readouterr().out  # rich takes brackets for markup unless they are escaped
    label = json.loads((out / "assumptions.json").read_text())
    assert {row["assumption"] for row in label["checks"]} == set(ASSUMPTIONS)
    assert (label["alpha"], label["seed"], label["trace"]) == (0.6, 3, "trace.csv, shuffled")
    assert (out / "assumptions.png").stat().st_size > 20_000


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["nowhere"], "nowhere not found"),
        (["CSV", "--prices", "small=1,large=2", "--alpha", "1.5"], "alpha: expected a number in [0, 1], found 1.5"),
        (["CSV", "--prices", "small=1,large=2", "--seed", "-1"], "--seed"),
        (["SHORT", "--prices", "small=1,large=2"], "has 10 requests, expected at least 20"),
        (["CSV", "--cost", "constant"], "--cost constant: needs --prices"),
        (["CSV", "--cost", "tokens", "--prices", "small=1,large=2"], "without token counts"),
        (["CSV", "--columns", "prompt=prompt"], "--columns: found no score"),
        (["CSV", "--format", "nonsense"], "--format: found 'nonsense'"),
    ],
)
def test_command_says_what_is_wrong_in_one_line(arguments, text, tmp_path, capsys):
    paths = {"CSV": write_csv(tmp_path / "trace.csv"), "SHORT": write_csv(tmp_path / "short.csv", 10)}
    assert main(["assumptions", *(str(paths.get(word, word)) for word in arguments), "--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert text in error and error.count("\n") == 1


def test_a_trace_without_costs_is_checked_as_far_as_it_goes(tmp_path, capsys):
    path, out = write_csv(tmp_path / "trace.csv"), tmp_path / "out"
    assert main(["assumptions", str(path), "--alpha", "0.6", "--out", str(out)]) == 0
    label = json.loads((out / "assumptions.json").read_text())
    priced = {row["assumption"]: row["verdict"] for row in label["checks"] if "no costs are recorded" in row["detail"]}
    assert priced == dict.fromkeys(("A2", "A7", "A8"), "not checkable")
    whats = {row["what"] for row in label["checks"] if row["assumption"] == "A3"}
    assert whats == {"E[s_m] - alpha: best single model"}  # without costs none is the largest
    assert label["verdicts"]["A2"] == "holds where it can be checked" and label["verdicts"]["A8"] == "not checkable"
    assert (out / "assumptions.png").stat().st_size > 20_000 and "Verdicts: A1" in capsys.readouterr().out


def test_one_verdict_per_assumption_and_what_it_rules_out():
    def check(name: str, verdict: str) -> Check:
        return Check(name, "what", 0.0, 0.0, 0.0, verdict, "detail")

    checks = [check("A1", "holds"), check("A1", "rejected"), check("A3", "undecided"), check("A3", "holds")]
    checks += [check("A4", "not checkable"), check("A7", "holds"), check("A7", "not checkable")]
    assert list(verdicts(checks).values()) == [
        "rejected",
        "undecided",
        "not checkable",
        "holds where it can be checked",
    ]
    text = conclusions(checks)
    assert max(map(len, text.splitlines())) <= 80
    lost, whole = (" ".join(part.split()) for part in text.split("Not touched by a rejected assumption:"))
    for each in ALL:
        assert (f" {each.name};" in lost.replace(".", ";").replace("apply:", "apply: ")) == (
            "A1" in each.assumptions
        ), each.name
        assert (f" {each.name};" in f" {whole}".replace(".", ";")) == ("A1" not in each.assumptions), each.name
    words = " ".join(text.split())
    assert "A1 rejected by 1 of 2 checks: what; A3 undecided by 1 of 2 checks: what; A4 not checkable;" in words
    assert "rejected where any of its checks rejects it" in words and "in a replay A7 holds" not in words
    costs = " ".join(conclusions([check("A7", "rejected"), check("A7", "rejected")]).split())
    assert "Verdicts: A7 rejected." in costs and "in a replay A7 holds and rules out none" in costs
    assert "no statement is ruled out" in conclusions([check("A1", "holds")])


def test_command_takes_any_format(tmp_path, capsys):
    path, out = write_csv(tmp_path / "trace.csv"), tmp_path / "out"
    scores = "prompt=prompt,score:small=small,score:large=large"
    assert main(["assumptions", str(path), "--columns", scores, "--prices", "small=1,large=2", "--out", str(out)]) == 0
    named = json.loads((out / "assumptions.json").read_text())
    prices = CostRule("constant", {"small": (1.0,), "large": (2.0,)})
    stored = write_parquet(prepare(read(path), prices), tmp_path / "trace.parquet")
    assert main(["assumptions", str(stored), "--out", str(out)]) == 0
    kept = json.loads((out / "assumptions.json").read_text())
    assert [row["statistic"] for row in kept["checks"]] == [row["statistic"] for row in named["checks"]]
    capsys.readouterr()
    assert main(["assumptions", str(stored), "--prices", "small=1,large=2", "--out", str(out)]) == 2
    assert "has its costs and scores, expected none of these" in capsys.readouterr().err


def test_a_table_has_every_check(capsys):
    checks = check_order({"same": np.zeros(50), "new": np.random.default_rng(0).normal(size=50)}, seed=0)
    console().print(table(checks))
    out = capsys.readouterr().out
    assert "not checkable" in out and "same: constant" in out and "new: p of" in out


def test_of_many_models_some_are_drawn_and_the_figure_names_how_many(tmp_path):
    rng = np.random.default_rng(0)
    names = [f"model-{m}" for m in range(12)]
    rows = [f"question {n}," + ",".join(str(int(v)) for v in rng.random(12) < 0.6) for n in range(60)]
    path = tmp_path / "trace.csv"
    path.write_text(f"prompt,{','.join(names)}\n" + "\n".join(rows) + "\n")
    trace = unchecked(read(path), CostRule("constant", {name: (m + 1.0,) for m, name in enumerate(names)}))
    chosen = figure.shown_models(trace)
    best = int(np.argmax(np.nanmean(trace.satisfaction, axis=0)))
    assert len(set(chosen)) == figure.SHOWN and {len(names) - 1, best} <= set(chosen)
    drawn = figure.draw(check_order({"same": np.zeros(50)}, seed=0) * 3, trace, learn(trace, 0), 0.5)
    assert "shows 6 of 12 models" in drawn.get_suptitle()
    colors = [line.get_color() for line in drawn.axes[0].lines if line.get_label().startswith("model-")]
    assert len(colors) == len(set(colors))
