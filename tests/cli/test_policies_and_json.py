"""`--policies` by name and from files, `--json` and `--csv`, and routers that a trace records."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest

from messjax import plot
from messjax.cli import __main__ as cli
from messjax.cli import chosen_policies, command_parser, machine_output, recorded_routers
from messjax.evaluation import trained_routers
from messjax.traces import Trace, rows_of
from messjax.types import Controls

OWN = """
from messjax import policies

def policy(num_features, num_models):
    return policies.single(num_models - 1)

dice = policies.uniform()
"""
KNOWN = (*chosen_policies.ALWAYS, *trained_routers.NAMES)


def trace(num: int = 200, seed: int = 0) -> Trace:
    rng = np.random.default_rng(seed)
    hard = rng.random(num)
    satisfaction = (rng.random((num, 3)) < np.stack([1.0 - hard, 1.0 - 0.5 * hard, np.full(num, 0.9)], axis=1)) * 1.0
    cost = np.array([1.0, 4.0, 10.0]) * rng.uniform(0.5, 1.5, (num, 1))
    score = np.round(hard, 1)  # many are equal
    score[:3] = np.nan
    return Trace(
        ("small", "middle", "large"), [f"text {i}" for i in range(num)], ["all"] * num, satisfaction, cost, "USD", "t",
        choices={"mine": rng.integers(-1, 3, num).astype(np.int32)}, router_scores={"hardness": score},
    )  # fmt: skip


def test_names_and_files_are_told_apart_and_a_near_name_is_proposed(tmp_path):
    wanted = chosen_policies.parse("MESS+, knn,knn, mine.py", KNOWN)
    assert wanted.names == ("mess+", "knn") and [str(path) for path in wanted.files] == ["mine.py"]
    with pytest.raises(ValueError, match=r"found 'treshold' \(did you mean threshold\?\), expected some of mess\+"):
        chosen_policies.parse("mess+,treshold", KNOWN)


def test_policies_of_a_file_have_its_name(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(OWN)
    found = chosen_policies.own((path,), 4, 3)
    assert {name: policy.kind.name for name, policy in found.items()} == {"mine": "single", "mine.dice": "uniform"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no such file"),
        ("x = 1\n", "found no policy, expected FILE.py with a function policy"),
        ("def policy(d, m):\n    return m\n", "returned int for mine, expected a messjax Policy"),
        ("def policy():\n    return 1\n", "TypeError"),
        ("import nowhere\n", "ModuleNotFoundError: No module named 'nowhere'"),
    ],
)
def test_a_file_without_a_policy_is_one_error_that_names_it(text, message, tmp_path):
    path = tmp_path / "mine.py"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        chosen_policies.own((path,), 4, 3)
    assert "mine.py" in str(error.value)


def test_routers_are_trained_on_a_prefix_and_refuse_too_short_a_one():
    rng = np.random.default_rng(0)
    x = np.sign(rng.normal(size=(200, 4))).astype(np.float32)
    satisfaction = np.stack([x[:, 0] > 0, np.ones(200)], axis=1).astype(np.float64)
    prefix = trained_routers.Prefix(x, satisfaction, np.tile([1.0, 10.0], (200, 1)))
    made = trained_routers.trained(("offline",), prefix, 0.95)["offline"]
    state = made.init(None, None)
    for sign, serve in ((1.0, 0), (-1.0, 1)):  # the small model satisfies where the first feature is positive
        decision = made.act(
            None, state, np.array([sign, 1, 1, 1], np.float32), np.array([1.0, 10.0]), Controls(1.0, 0.95)
        )
        assert int(decision.serve) == serve
    with pytest.raises(ValueError, match="found a prefix of 10 requests, expected at least 20"):
        trained_routers.trained(("knn",), trained_routers.Prefix(*(values[:10] for values in prefix)), 0.9)


@pytest.mark.parametrize("alpha", [0.6, 0.75, 0.99])
def test_a_recorded_score_is_the_cheapest_threshold_that_satisfies_alpha(alpha):
    recorded = trace()
    row = recorded_routers.records(recorded, [alpha])[-1]
    assert row["policy"].startswith("hardness > ") and "on 197 requests" in row["policy"]
    score = recorded.router_scores["hardness"][3:]
    weak, strong = recorded_routers.pair_around(recorded.cost[3:].mean(0), recorded.satisfaction[3:].mean(0), alpha)
    tried, every = [], np.arange(3, 200)
    for bar in (-np.inf, *np.unique(score)):
        served = np.where(score > bar, strong, weak)
        tried.append((recorded.cost[every, served].mean(), recorded.satisfaction[every, served].mean()))
    good = [one for one in tried if one[1] >= alpha - 1e-9]
    expected = min(good) if good else max(tried, key=lambda one: one[1])
    assert (row["cost"], row["satisfaction"]) == pytest.approx(expected)


def test_rows_of_a_trace_keep_everything_together():
    some = rows_of(trace(), np.array([5, 2]))
    assert (
        list(some.prompts) == ["text 5", "text 2"]
        and some.choices["mine"].tolist() == trace().choices["mine"][[5, 2]].tolist()
    )
    np.testing.assert_array_equal(some.router_scores["hardness"], trace().router_scores["hardness"][[5, 2]])
    np.testing.assert_array_equal(some.cost, trace().cost[[5, 2]])


def test_json_has_no_infinity_and_csv_the_fields_of_all_rows():
    text = machine_output.as_json({"a": np.float64("nan"), "b": [np.int32(3), (1.5, float("inf"))], "c": np.arange(2)})
    assert json.loads(text) == {"a": None, "b": [3, [1.5, None]], "c": [0, 1]}
    assert machine_output.as_csv([{"a": 1}, {"a": 2, "b": 3}]) == "a,b\n1,\n2,3\n"


def test_optimum_as_json_and_csv_says_what_its_table_says(tmp_path, capsys):
    out = tmp_path / "optimum.csv"
    command = ["optimum", "--zoo", "llama3", "--alpha", "0.6,0.667"]
    assert cli.main([*command, "--json", "--csv", str(out)]) == 0
    page = json.loads(capsys.readouterr().out)  # nothing but JSON
    assert cli.main(command) == 0
    table = capsys.readouterr().out
    assert page["models"] and {row["alpha"] for row in page["rows"]} == {0.6, 0.667}
    for row in page["rows"]:
        if "benchmark" not in row:
            assert f"{row['C_star']:.6g}" in table and sum(
                row[f"share {name}"] for name in page["models"]
            ) == pytest.approx(1)
    with out.open() as file:
        assert len(list(csv.DictReader(file))) == len(page["rows"])


def test_info_and_lint_as_json(tmp_path, capsys):
    path = tmp_path / "table.csv"
    path.write_text("prompt,model,score,cost\na,x,1,1\na,y,0,2\nb,x,1,1\nb,y,,2\n")
    options = [str(path), "--columns", "prompt=prompt,model=model,score=score,cost=cost,cost_unit=USD"]
    assert cli.main(["trace", "info", *options, "--json"]) == 0
    info = json.loads(capsys.readouterr().out)
    assert info["requests"] == 2 and [row["missing"] for row in info["models"]] == [0.0, 0.5]
    assert cli.main(["trace", "lint", *options, "--json", "--csv", str(tmp_path / "lint.csv")]) == 1
    found = json.loads(capsys.readouterr().out)["findings"]
    missing = next(each for each in found if each["severity"] == "error")
    assert missing["times"] == 1 and "--missing" in missing["option"]
    assert len((tmp_path / "lint.csv").read_text().splitlines()) == len(found) + 1


@pytest.fixture
def timed(tmp_path) -> list[str]:
    """A table with a latency per model and the options to read it; asked at once, both take 4 s."""
    rng, rows = np.random.default_rng(0), ["q,sa,sb,ta,tb"]
    rows += [f"text {i},{rng.integers(2)},{int(rng.random() < 0.9)},1,{3 + 2 * (i % 2)}" for i in range(120)]
    path = tmp_path / "timed.csv"
    path.write_text("\n".join(rows) + "\n")
    return [str(path), "--columns", "prompt=q,score:a=sa,score:b=sb,latency:a=ta,latency:b=tb"]


@pytest.mark.long
def test_replay_as_json_says_what_its_table_says_and_pays_the_largest_latency(timed, tmp_path, capsys):
    cost = {}
    for kind in ("latency", "latency-in-turn"):
        out = tmp_path / kind
        command = ["replay", *timed, "--cost", kind, "--alpha", "0.7", "--V", "0.1", "--c", "1000", "--seeds", "2"]
        assert cli.main([*command, "--held-out", "0", "--json", "--out", str(out)]) == 0
        said = capsys.readouterr()
        page = json.loads(said.out)  # nothing but JSON
        assert ("takes the largest" if kind == "latency" else "takes the sum") in said.err
        with (out / "table.csv").open() as file:
            table = list(csv.DictReader(file))
        assert [row["policy"] for row in page["rows"]] == [row["policy"] for row in table]
        for row, line in zip(page["rows"], table, strict=True):
            assert row["cost"] == pytest.approx(float(line["cost"]), rel=1e-6)
        (own,) = [row for row in page["rows"] if row["policy"] == "MESS+"]
        assert own["explored"] == 120 and page["cost_unit"] == "s"
        cost[kind] = own["cost"]
        assert {row["cost"] for row in page["rows"] if row["policy"].startswith("only ")} == {1.0, 4.0}
    assert cost == pytest.approx({"latency": 4.0, "latency-in-turn": 5.0})


@pytest.mark.long
def test_certify_as_json_is_what_it_writes_and_pays_the_largest_latency(timed, tmp_path, capsys):
    command = ["certify", *timed, "--cost", "latency", "--alpha", "0.7", "--V", "0.1", "--c", "1000", "--json"]
    assert cli.main([*command, "--out", str(tmp_path / "out")]) == 0
    page = json.loads(capsys.readouterr().out)
    assert page == json.loads((tmp_path / "out" / "certificates.json").read_text())
    (run,) = page["runs"]
    assert page["requests"] == 120 and page["cost_unit"] == "s" and run["cost"] == pytest.approx(4.0)


@pytest.mark.long
def test_simulate_as_json_runs_a_zoo_of_a_file(tmp_path, capsys):
    path = tmp_path / "mine.csv"
    path.write_text("model,cost,accuracy\nphi,0.1,0.55\nllama-8b,0.3,0.68\ngpt-4o,5,0.86\n")
    command = ["simulate", "--zoo", str(path), "--alpha", "0.7", "--streams", "2", "--horizon", "2000", "--V", "10"]
    assert cli.main([*command, "--json", "--out", str(tmp_path / "out")]) == 0
    page = json.loads(capsys.readouterr().out)
    rows = {row["policy"]: row for row in page["rows"]}
    assert page["streams"] == 2 and page["requests"] == 2_000
    assert rows["only gpt-4o"]["cost"] == pytest.approx(5) and rows["only phi"]["cost"] == pytest.approx(0.1)
    assert rows["only llama-8b"]["satisfaction"] == pytest.approx(0.68, abs=0.03)  # 4,000 requests
    mixture = rows["LP mixture"]  # a ninth of the way from llama-8b to gpt-4o
    assert mixture["cost"] == pytest.approx(8 / 9 * 0.3 + 5 / 9, rel=0.15)
    assert mixture["calls llama-8b"] == pytest.approx(8 / 9, abs=0.03)


def test_unknown_policies_are_one_line(tmp_path, capsys):
    for command in (["simulate", "--zoo", "llama3"], ["recommend", str(tmp_path)], ["replay", str(tmp_path)]):
        given = [*command, "--alpha", "0.6", "--policies", "mess,knm", "--out", str(tmp_path / command[0])]
        assert cli.main(given) == 2
        error = capsys.readouterr().err.strip().splitlines()
        assert len(error) == 1 and "found 'mess' (did you mean mess+" in error[0]


def test_an_export_is_refused_after_the_answer_and_is_no_other_run(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(plot, "save", lambda *_: [])  # takes seconds
    trace, out, router = (str(tmp_path / name) for name in ("demo.parquet", "out", "router"))
    assert cli.main(["trace", "demo", trace]) == 0
    command = ["recommend", trace, "--policies", "mixture", "--out", out, "--alpha", "0.99"]
    assert cli.main(command) == 0
    (Path(out) / "recommendation.json").unlink()
    capsys.readouterr()
    assert cli.main([*command, "--export", router]) == 2
    said, error = capsys.readouterr()
    assert said.split("\n\n")[1].startswith("Out of reach")
    assert "- On features" in said and "blind mixture" in said and f"wrote {out}" in said
    assert error.startswith("messjax: --export: nothing is recommended (out of reach)") and error.count("\n") == 1
    assert not Path(router).exists() and json.loads((Path(out) / "recommendation.json").read_text())["alpha"] == 0.99
    assert cli.main([*command, "--seed", "8"]) == 2 and "of another run, with seed = 7" in capsys.readouterr().err


def test_the_help_says_that_policies_are_names_of_their_own(capsys):
    with pytest.raises(SystemExit):
        command_parser.build().parse_args(["recommend", "--help"])
    page = " ".join(capsys.readouterr().out.split())
    assert "mess+ trained and serve and learn are names of their own" in page


def test_the_example_of_the_page_is_a_policy(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "recommend.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```py\n(.*?)^```", page, re.S | re.M)
    path = tmp_path / "careful.py"
    path.write_text(code)
    assert chosen_policies.load(path, 4, 2)["careful"].kind.name == "greedy"
