"""`messjax certify`: a page of 80 columns with every certificate and what it assumes, the same numbers as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from messjax.cli import __main__ as cli
from messjax.cli import certificate_page
from messjax.statistics.confidence_sequences import Sequence
from messjax.theory import OptimumLimit
from messjax.traces import Trace


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rng, rows = np.random.default_rng(0), ["prompt,small,large"]
    for i in range(150):
        hard = rng.random() < 0.5
        right = int(rng.random() < (0.2 if hard else 0.95)), int(rng.random() < 0.9)
        rows.append(f"{'prove the theorem' if hard else 'name the capital'} {i},{right[0]},{right[1]}")
    where = tmp_path / "requests"
    where.mkdir()
    (where / "algebra.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return where


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--level", "1"], "--level"),
        (["--f", "0"], "--f"),
        (["--alpha", "2"], "alpha"),
        (["--cells", "1"], "'1'"),
        (["--pooling", "cls"], "--pooling"),
    ],
)
def test_bad_options_are_one_line(options, named, table, tmp_path, capsys):
    words = ["certify", str(table), "--prices", "small=1,large=10", "--alpha", "0.7", "--out", str(tmp_path), *options]
    assert cli.main(words) == 2
    error = capsys.readouterr().err
    assert named in error and error.count("\n") == 1


def test_the_page_fits_80_columns_and_says_what_is_assumed_and_where_alpha_is_out_of_reach(capsys):
    limit = OptimumLimit(lower=1.25e-5, estimate=np.inf, gamma=2.0, level=0.95, labelled=1_234_567, cells=57)
    optima = {"difficulty": {"recorded": limit, "explored": limit._replace(lower=np.inf)}}
    optima["all labels"] = {"recorded": limit._replace(cells=0)}
    run = certificate_page.Certified(
        1234.5, 0.75, 0.1, 2.5e-5, 0.71, 55.0, 0.7, Sequence(*np.array([0.71, 0.69, 0.73]), 0.95), 1.5e-6, optima
    )
    ones = np.ones((3, 2))
    trace = Trace(("a", "b"), ("x",) * 3, ("g",) * 3, ones, ones, "1e9 parameters x output words", "a trace")
    for f in (1.0, 0.3):
        certificate_page.show([run], trace, level=0.95, f=f, share=0.2)
        out = capsys.readouterr().out
        assert max(map(len, out.splitlines())) <= 80
        assert ("without exception" in out) == (f == 1.0) and ("coins of probability 0.3" in out) == (f < 1.0)
        for words in (
            "at least 0.7000",
            "0.6900 to 0.7300",
            "1.25e-05",
            "no router",
            "difficulty (57)",
            "WARNING",
            "missed by",
            "at most 1.5e-06 above",
        ):
            assert words in out
    text = json.dumps(certificate_page.plain(run), allow_nan=False)
    assert json.loads(text)["C_star"][1]["lower"] is None


@pytest.mark.long
def test_certify_prints_and_writes_what_the_run_shows(table, tmp_path, capsys):
    words = [
        "certify",
        str(table),
        "--prices",
        "small=1,large=10",
        "--alpha",
        "0.7",
        "--dim",
        "16",
        "--c",
        "1",
        "--f",
        "0.8",
    ]
    assert cli.main([*words, "--out", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    written = json.loads((tmp_path / "out" / "certificates.json").read_text())
    (run,) = written["runs"]
    assert f"at least {run['satisfaction_at_least']:.4f}" in out
    assert run["satisfaction_at_least"] < run["satisfaction"] and run["conditional_mean"][0] < run["satisfaction"]
    assert f"at most {run['prediction_errors']:.4g} above" in out
    limits = {(each["knows"], each["labels"]): each for each in run["C_star"]}
    assert limits["no feature", "recorded"]["labelled"] == 150
    assert 0 < limits["no feature", "explored"]["labelled"] < 100  # of about 40 explored, those with feedback
    assert limits["no feature", "explored"]["lower"] <= limits["no feature", "recorded"]["lower"] < run["cost"]
    for each in run["C_star"]:
        assert each["cost_above"] == pytest.approx(run["cost"] - each["lower"])


@pytest.mark.long
def test_certify_takes_an_encoders_features(table, tmp_path, capsys):
    encoders = pytest.importorskip("encoders", reason="needs messjax[encoders]")
    model = encoders.write(tmp_path / "encoder", encoders.BERT)
    words = ["--no-cache", "certify", str(table), "--prices", "small=1,large=10", "--alpha", "0.7", "--c", "1"]
    assert cli.main([*words, "--features", str(model), "--out", str(tmp_path / "out")]) == 0
    (run,) = json.loads((tmp_path / "out" / "certificates.json").read_text())["runs"]
    limits = {(each["knows"], each["labels"]): each for each in run["C_star"]}
    assert limits["difficulty", "recorded"]["cells"] == 4  # learned from the encoder's rows
    assert limits["no feature", "recorded"]["lower"] < run["cost"]
