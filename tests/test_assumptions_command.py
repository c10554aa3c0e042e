"""Assumptions from the command line: the reader of RouterArena, table, JSON, figure, errors in one line."""

from __future__ import annotations

import json

import numpy as np
import pytest
from assumed import ASSUMPTIONS

from messjax.shell import console
from proofs_check.assumptions import main, table
from proofs_check.assumptions._routerarena import read_routerarena
from proofs_check.assumptions.order import check_order


def write_routerarena(folder, **answers: dict[str, tuple]) -> None:
    for model, rows in answers.items():
        lines = [
            json.dumps(
                {
                    "global_index": name,
                    "question": f"what of {name}\u2028?",
                    "evaluation_result": {"score": score, "inference_cost": cost},
                }
            )
            for name, (score, cost) in rows.items()
        ]
        (folder / f"{model}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_routerarena_is_read_as_it_is(tmp_path):
    write_routerarena(
        tmp_path, dear={"X_1": (1.5, 3.0), "Y_z_2": (None, 5.0)}, cheap={"Y_z_2": (0.0, 1), "X_1": (1, None)}
    )
    trace = read_routerarena(tmp_path)
    assert trace.models == ("cheap", "dear") and trace.groups == ("Y_z", "X")
    np.testing.assert_array_equal(trace.satisfaction, [[0.0, np.nan], [1.0, 1.5]])
    np.testing.assert_array_equal(trace.cost, [[1.0, 5.0], [np.nan, 3.0]])


def test_routerarena_says_what_is_wrong(tmp_path):
    with pytest.raises(ValueError, match=r"no \*.jsonl"):
        read_routerarena(tmp_path)
    write_routerarena(tmp_path, a={"X_1": (1, 1)}, b={"X_2": (1, 1)})
    with pytest.raises(ValueError, match=r"b\.jsonl: request 'X_1' is not in both"):
        read_routerarena(tmp_path)
    (tmp_path / "b.jsonl").write_text('\n{"global_index": 1}\n')
    with pytest.raises(ValueError, match=r"b\.jsonl, line 2: found KeyError"):
        read_routerarena(tmp_path)


def write_csv(path, num: int = 60):
    rows = [f"question {n} of {n % 7},{n % 3 > 0},{n % 5 > 0}" for n in range(num)]
    path.write_text("prompt,small,large\n" + "\n".join(rows) + "\n")
    return path


def test_command_writes_table_json_and_figure(tmp_path, capsys):
    path, out = write_csv(tmp_path / "trace.csv"), tmp_path / "out"
    asked = [str(path), "--prices", "small=1,large=2", "--alpha", "0.6", "--shuffle", "--seed", "3", "--out", str(out)]
    assert main(asked) == 0
    assert "E[s_m] - alpha" in capsys.readouterr().out  # rich takes brackets for markup unless they are escaped
    told = json.loads((out / "assumptions.json").read_text())
    assert {row["assumption"] for row in told["checks"]} == set(ASSUMPTIONS)
    assert (told["alpha"], told["seed"], told["trace"]) == (0.6, 3, "trace.csv, shuffled")
    assert (out / "assumptions.png").stat().st_size > 20_000


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "nowhere not found"),
        (["CSV", "--prices", "small=1,large=2", "--alpha", "1.5"], "alpha: expected a number in [0, 1], found 1.5"),
        (["CSV", "--prices", "small=1,large=2", "--seed", "-1"], "--seed"),
        (["SHORT", "--prices", "small=1,large=2"], "has 10 requests, expected at least 20"),
    ],
)
def test_command_says_what_is_wrong_in_one_line(arguments, said, tmp_path, capsys):
    paths = {"CSV": write_csv(tmp_path / "trace.csv"), "SHORT": write_csv(tmp_path / "short.csv", 10)}
    assert main([str(paths.get(word, word)) for word in arguments] + ["--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_a_table_has_every_check(capsys):
    checks = check_order({"same": np.zeros(50), "new": np.random.default_rng(0).normal(size=50)}, seed=0)
    console().print(table(checks))
    out = capsys.readouterr().out
    assert "not checkable" in out and "same: constant" in out and "new: p of" in out
