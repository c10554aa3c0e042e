"""The command line: bad input is one line on standard error and exit code 2; good input writes what it promises."""

import sys
import time
from pathlib import Path

import jax
import numpy as np
import platformdirs
import pytest

from messjax import results, runtime
from messjax.cli import __main__ as cli
from messjax.evaluation import comparison
from messjax.theory import optimum
from messjax.traces import read_routellm
from messjax.types import Distribution

GOOD_PRICES = "small=1,large=10"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two CSVs of our own making: prompts tell easy from hard, the small model fails the hard ones."""
    rng = np.random.default_rng(0)
    where = tmp_path / "trace"
    where.mkdir()
    for name in ("algebra", "history"):
        rows = ["prompt,org/small-1b,org/large-70b"]
        for i in range(60):
            hard = rng.random() < 0.5
            right = rng.random() < (0.2 if hard else 0.95), rng.random() < 0.9
            rows.append(f'"{"prove the theorem" if hard else "name the capital"} {i}",{right[0]},{right[1]}')
        (where / f"{name}.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return where


BAD = {
    "no command": ([], "required"),
    "unknown command": (["route"], "invalid choice"),
    "unknown zoo": (["simulate", "--zoo", "llama4", "--alpha", "0.6"], "'llama4'"),
    "unknown benchmark": (["optimum", "--zoo", "llama3/GSM8K", "--alpha", "0.6"], "'GSM8K'"),
    "no alpha": (["simulate", "--zoo", "llama3"], "--alpha"),
    "alpha no number": (["simulate", "--zoo", "llama3", "--alpha", "high"], "'high'"),
    "alpha out of range": (["simulate", "--zoo", "llama3", "--alpha", "1.2"], "1.2"),
    "alpha infeasible": (["simulate", "--zoo", "llama3", "--alpha", "0.99"], "largest attainable"),
    "optimum infeasible": (["optimum", "--zoo", "llama3", "--alpha", "0.9"], "0.741125"),
    "V negative": (["simulate", "--zoo", "llama3", "--alpha", "0.6", "--V", "1,-1"], "-1"),
    "V NaN": (["simulate", "--zoo", "llama3", "--alpha", "0.6", "--V", "nan"], "nan"),
    "c negative": (["simulate", "--zoo", "llama3", "--alpha", "0.6", "--c=-0.1"], "-0.1"),
    "no streams": (["simulate", "--zoo", "llama3", "--alpha", "0.6", "--streams", "0"], "'0'"),
    "half a stream": (["simulate", "--zoo", "llama3", "--alpha", "0.6", "--streams", "1.5"], "'1.5'"),
    "seed too large": (["simulate", "--zoo", "llama3", "--alpha", "0.6", "--seed", "9" * 30], "whole number"),
    "labels unknown": (["simulate", "--zoo", "llama3", "--alpha", "0.6", "--labels", "equal"], "'equal'"),
    "rate zero": (["simulate", "--zoo", "llama3", "--alpha", "0.6", "--learning-rate", "0"], "--learning-rate"),
    "path missing": (["replay", "NOWHERE", "--alpha", "0.7", "--prices", GOOD_PRICES], "NOWHERE"),
    "prices missing": (["replay", "FOLDER", "--alpha", "0.7"], "--prices org/small-1b=USD"),
    "one price missing": (["replay", "FOLDER", "--alpha", "0.7", "--prices", "small=1"], "org/large-70b"),
    "price of no model": (["replay", "FOLDER", "--alpha", "0.7", "--prices", GOOD_PRICES + ",tiny=1"], "tiny"),
    "price no number": (["replay", "FOLDER", "--alpha", "0.7", "--prices", "small=cheap,large=1"], "cheap"),
    "order unknown": (["replay", "FOLDER", "--alpha", "0.7", "--prices", GOOD_PRICES, "--order", "sorted"], "'sorted'"),
    "held out too much": (["replay", "FOLDER", "--alpha=0.7", "--prices", GOOD_PRICES, "--held-out=0.9"], "0.9"),
    "encoder missing": (["replay", "FOLDER", "--alpha=0.7", "--prices", GOOD_PRICES, "--features=NONE"], "NONE does"),
    "pooling of n-grams": (["replay", "FOLDER", "--alpha=0.7", "--prices", GOOD_PRICES, "--pooling=cls"], "--pooling"),
    "oracle on a trace": (
        ["replay", "FOLDER", "--alpha=0.7", "--prices", GOOD_PRICES, "--predictor=oracle"],
        "means of this stream",
    ),
}


@pytest.mark.parametrize("case", BAD, ids=[name.replace(" ", "-") for name in BAD])
def test_bad_input_is_one_line(case: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, names = BAD[case]
    given = [str(folder) if a == "FOLDER" else a for a in arguments]
    if given and given[0] in ("simulate", "replay"):
        given += ["--out", str(tmp_path / "out")]
    assert cli.main(given) == 2
    error = capsys.readouterr().err
    assert len(error.strip().splitlines()) == 1, error
    assert error.startswith("messjax: ")
    assert names in error


def test_out_that_is_a_file_fails_before_the_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out").write_text("")
    assert cli.main(["simulate", "--zoo", "llama3", "--alpha", "0.6", "--out", str(tmp_path / "out")]) == 2
    assert "out" in capsys.readouterr().err


@pytest.mark.long
def test_replay_writes_and_prints(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    arguments = ["replay", str(folder), "--prices", GOOD_PRICES, "--alpha", "0.7,0.8", "--V", "0.1,1", "--c", "0.1,1"]
    assert cli.main([*arguments, "--seeds", "3", "--dim", "16", "--out", str(out)]) == 0
    written = {f"{stem}.{suffix}" for stem in ("replay", "predictor") for suffix in ("nc", "png", "svg")}
    written |= {"replay.run.json", "table.csv", "router_metrics.csv"}
    assert {path.name for path in out.iterdir()} == written | {"router_metrics.nc"}
    dataset = results.load(out / "replay.nc")
    assert dict(dataset.sizes) == {"policy": 5, "V": 2, "alpha": 2, "c": 2, "stream": 3, "model": 2, "t": 100}
    assert dataset.attrs["horizon"] == 120
    assert dataset.attrs["cost_unit"].startswith("USD")
    text = capsys.readouterr().out
    for name in (
        comparison.MESS_PLUS,
        "only org/small-1b",
        "only org/large-70b",
        comparison.UNIFORM,
        comparison.MIXTURE,
    ):
        assert name in text
    # A single model's numbers are the file's own, in both ledgers, whatever the order of the requests.
    small = dataset.sel(policy="only org/small-1b")
    assert np.allclose(small["cost"], 1.0)
    assert np.allclose(small["cost_exploit"], 1.0)
    assert float(small["satisfaction"].std()) < 1e-12


@pytest.mark.long
def test_replay_takes_groups_one_after_the_other_and_an_encoders_features(folder: Path, tmp_path: Path) -> None:
    encoders = pytest.importorskip("encoders", reason="needs messjax[encoders]")
    model = encoders.write(tmp_path / "encoder", encoders.BERT)
    out = tmp_path / "out"
    arguments = ["--no-cache", "replay", str(folder), "--prices", GOOD_PRICES, "--alpha", "0.7", "--V", "1"]
    more = ["--order", "groups", "--features", str(model), "--seeds", "2", "--held-out", "0.25", "--out", str(out)]
    assert cli.main([*arguments, *more]) == 0
    dataset, scored = results.load(out / "replay.nc"), results.load(out / "predictor.nc")
    assert dataset.attrs["order"] == "groups" and dataset.attrs["trace_format"] == "routellm"
    assert dataset.attrs["horizon"] == 120
    assert scored["requests"].sel(on="held out").values[-1] == 30  # a quarter, in no order of the replay it tests
    assert scored["requests"].sel(on="passed").sum() == 90
    one_file = folder / "algebra.csv"
    assert cli.main([*arguments[:2], str(one_file), *arguments[3:], "--order", "groups", "--out", str(out)]) == 2


@pytest.mark.long
def test_simulate_writes_and_is_reproducible(tmp_path: Path) -> None:
    arguments = ["simulate", "--zoo=workshop", "--alpha=0.41", "--V=1,10", "--horizon=300", "--streams=6"]
    for out in ("a", "b"):
        assert cli.main([*arguments, "--seed", "3", "--out", str(tmp_path / out)]) == 0
    first, second = (results.load(tmp_path / out / "simulate.nc") for out in ("a", "b"))
    assert (tmp_path / "a" / "simulate.png").stat().st_size > 10_000
    assert first.drop_attrs().identical(second.drop_attrs())


def test_optimum_prints_the_mixture(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["optimum", "--zoo", "llama3/ARC-C", "--alpha", "0.5"]) == 0
    text = capsys.readouterr().out
    # .379 + p (.544 - .379) = .5 by hand; cost .09 + p .37 MJ over 1172 requests
    share = (0.5 - 0.379) / (0.544 - 0.379)
    assert f"{share:.2%}" in text
    assert f"{1000 * (0.09 + share * 0.37) / 1172:.6g}" in text


def test_optimum_of_a_trace_is_clairvoyant(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["optimum", "--trace", str(folder), "--prices", GOOD_PRICES, "--alpha", "0.8"]) == 0
    text = capsys.readouterr().out
    trace = read_routellm(folder, {"small": 1, "large": 10})
    best = optimum.solve(Distribution(np.full(120, 1 / 120), trace.cost, trace.satisfaction, "labels"), 0.8)
    assert f"{best.cost:.6g}" in text


def test_progress_is_silent_where_standard_error_is_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "SOON", 0.0)
    with runtime.progress(100, "streams") as report:
        for done in (1, 5, 30, 31, 100):
            report(done, 100)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("soon", "is_shown"), [(0.0, True), (60.0, False)])
def test_progress_in_a_terminal_has_rate_and_remaining_time(
    soon: float, is_shown: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "SOON", soon)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    for name, value in {"COLUMNS": "90", "TERM": "xterm"}.items():
        monkeypatch.setenv(name, value)
    with runtime.progress(100, "streams") as report:
        time.sleep(0.1)
        report(50, 100)
        time.sleep(0.25)
    shown = capsys.readouterr().err
    assert bool(shown) == is_shown
    assert not is_shown or ("50/100 streams" in shown and "/s, 0:00:00 left" in shown)


@pytest.mark.long
def test_replay_of_the_recorded_trace(traces: Path, tmp_path: Path) -> None:
    arguments = ["replay", str(traces / "routellm_mmlu"), "--prices", "mixtral=0.24,gpt-4=24.7", "--alpha", "0.75"]
    assert cli.main([*arguments, "--V", "0.004", "--seeds", "4", "--dim", "64", "--out", str(tmp_path)]) == 0
    dataset = results.load(tmp_path / "replay.nc")
    assert dataset.attrs["horizon"] == 14_042
    mess, mixed = (dataset.sel(policy=name).mean("stream") for name in (comparison.MESS_PLUS, comparison.MIXTURE))
    assert float(mess["satisfaction"].squeeze()) > 0.75
    assert float(mixed["satisfaction"].squeeze()) == pytest.approx(0.75, abs=0.005)
    # Clairvoyant weak duality holds path by path on a whole pass (T5 in docs/theory).
    assert (dataset["adjusted_regret"] > -1e-6 * 14_042 * 24.7).all()


def test_programs_are_kept_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(runtime, "use_compilation_cache", lambda: calls.append("cache"))
    optimum = ["optimum", "--zoo", "llama3/ARC-C", "--alpha", "0.5"]
    assert cli.main(["--no-cache", *optimum]) == 0 and calls == []
    assert cli.main(optimum) == 0 and calls == ["cache"]


def test_the_cache_is_the_platforms_or_the_folder_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: dict[str, object] = {}
    monkeypatch.setattr(jax.config, "update", seen.__setitem__)
    runtime.use_compilation_cache()
    assert seen["jax_compilation_cache_dir"] == str(Path(platformdirs.user_cache_dir("messjax")) / "programs")
    runtime.use_compilation_cache(tmp_path)
    assert seen["jax_compilation_cache_dir"] == str(tmp_path)
