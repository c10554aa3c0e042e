"""Decision logs: every product's log says the same, bad cells are named, and no command takes a log for a trace."""

from __future__ import annotations

import json

import numpy as np
import pytest
from support import log_samples
from support.file_injuries import BYTES
from support.log_samples import PLAIN, SAMPLES

from messjax import traces
from messjax.cli import __main__ as cli
from messjax.traces import Options
from messjax.traces.logs.log_columns import parse_log_columns
from messjax.traces.logs.log_lint import lint_log
from messjax.traces.logs.log_reader import NO_COLUMNS, read_log

WORDS = Options(score_words={"good": 1.0, "under": 0.0})


def read(name, folder, path=None):
    columns = parse_log_columns(PLAIN) if name == "plain" else NO_COLUMNS
    return read_log(path or SAMPLES[name](folder), "auto", columns, WORDS)


@pytest.mark.parametrize("name", SAMPLES)
def test_every_log_says_the_same(name, tmp_path):
    log, rows = read(name, tmp_path), log_samples.rows()
    assert log.format == name and log.cost_unit == "USD" and set(log.models) == set(log_samples.MODELS)
    assert [log.models[a] for a in log.action] == [row["model"] for row in rows]
    assert list(log.texts) == [row["prompt"] for row in rows] and list(log.ids) == [row["id"] for row in rows]
    np.testing.assert_array_equal(log.score, [np.nan if row["score"] is None else row["score"] for row in rows])
    np.testing.assert_allclose(log.cost, [row["cost"] for row in rows])
    np.testing.assert_allclose(log.latency, [row["latency"] for row in rows], atol=1e-6)
    np.testing.assert_allclose(log.time, [row["at"] for row in rows])
    known = name in ("plain", "helicone")
    assert log.method == ("of the chosen model" if known else "unknown")
    assert (log.chosen_propensity is not None) == known
    found = {each.check for each in lint_log(log)}
    assert ("no propensities" in found) != known and "few answers of a model" in found
    assert (log.eligible is not None) == (name == "router_replay")


@pytest.mark.parametrize("name", SAMPLES)
def test_a_damaged_log_is_read_or_is_one_error(name, tmp_path):
    path, rng, outcomes = SAMPLES[name](tmp_path), np.random.default_rng(5), set()
    file = next(iter(sorted(path.iterdir()))) if path.is_dir() else path
    whole = file.read_bytes()
    for _ in range(40):
        file.write_bytes(BYTES[rng.integers(len(BYTES))](rng, whole))
        try:
            log = read(name, tmp_path, path)
        except ValueError as error:
            assert str(error) and len(str(error)) < 3000
            outcomes.add("error")
        else:
            assert len(log.action) == len(log.ids) == len(log.score)
            outcomes.add("read")
    assert outcomes == {"error", "read"} or outcomes == {"error"}


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (("p", "0"), r"log.csv, row 2: found propensity 0, one of 1 such, expected a probability above 0"),
        (("p", "1.5"), "found propensity 1.5"),
        (("score", "7"), r"row 2: found score 7, one of 1 such, expected a number from 0 to 1"),
        (("usd", "-1"), "found cost -1"),
        (("model", ""), "row 2 .*column 'model': the cell is empty"),
        (("ts", "yesterday"), "row 2 .*column 'ts': found 'yesterday', expected a time"),
    ],
)
def test_a_bad_cell_is_named(cell, expected, tmp_path):
    path = log_samples.plain(tmp_path)
    header, first, *rest = path.read_text().splitlines()
    cells = first.split(",")
    cells[header.split(",").index(cell[0])] = cell[1]
    path.write_text("\n".join([header, ",".join(cells), *rest]) + "\n")
    with pytest.raises(ValueError, match=expected):
        read("plain", tmp_path, path)


def test_columns_of_a_log():
    columns = parse_log_columns("model=m,score=s,propensity:a=pa,propensity:b=pb,cost:a=ca,feature:len=n")
    assert columns.by_model == {("propensity", "a"): "pa", ("propensity", "b"): "pb", ("cost", "a"): "ca"}
    assert columns.features == {"len": "n"}
    with pytest.raises(ValueError, match="found the role 'reward', expected one of model, prompt"):
        parse_log_columns("model=m,reward=s")
    with pytest.raises(ValueError, match="'propensity', which belongs to a decision log, which `messjax evaluate"):
        traces.parse_columns("prompt=q,model=m,score=s,propensity=p")


def test_exact_propensities_and_what_lint_makes_of_them(tmp_path):
    rng = np.random.default_rng(0)
    lines = ["m,s,c,pa,pb,x,t,session"]
    for n in range(600):
        a = int(rng.random() < 0.2)
        lines.append(f"{'ab'[a]},{n % 2},{1 + a},0.8,0.2,{n % 5},{n},{n // 2 if n < 20 else ''}")
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    given = "model=m,score=s,cost=c,propensity:a=pa,propensity:b=pb,feature:x=x,time=t"
    log = read_log(tmp_path / "t.csv", "auto", parse_log_columns(given))
    assert log.method == "exact" and log.features is not None and log.features.shape == (600, 1)
    assert "propensities fit the choices" in {each.check for each in lint_log(log)}
    swapped = log._replace(propensity=log.propensity[:, ::-1].copy())
    assert "propensities do not fit the choices" in {each.check for each in lint_log(swapped)}
    wrong = log._replace(propensity=log.propensity * 1.1)
    with pytest.raises(ValueError, match=r"found sum of propensities 1\.1"):
        traces.logs.logged_trace.check_log(wrong)
    with_sessions = read_log(tmp_path / "t.csv", "auto", parse_log_columns(f"{given},session=session"))
    (sessions,) = [each for each in lint_log(with_sessions) if each.check == "sessions"]
    assert sessions.severity == "error" and sessions.times == 10


def test_an_aggregate_is_refused_with_the_reason(tmp_path):
    (tmp_path / "activity.csv").write_text("date,model,model_permaslug,usage,requests\n2026-01-01,a,a-1,0.5,9\n")
    with pytest.raises(ValueError, match="OpenRouter's daily activity: sums per day and model"):
        read_log(tmp_path / "activity.csv")


def run(capsys, *arguments):
    code = cli.main(["--no-cache", *map(str, arguments)])
    out = capsys.readouterr()
    return code, " ".join((out.out + out.err).split())


def test_no_command_takes_a_log_for_a_trace(tmp_path, capsys):
    path = log_samples.plain(tmp_path)
    columns = ["--columns", "prompt=prompt,model=model,score=score,cost=usd,time=ts"]
    code, text = run(capsys, "trace", "info", path, *columns)
    assert code == 0 and "a decision log" in text and "messjax evaluate" in text
    for command in (
        ["trace", "convert", path, "--to", tmp_path / "o.parquet"],
        ["replay", path, "--alpha", "0.5", "--out", tmp_path / "a"],
        ["recommend", path, "--alpha", "0.5", "--out", tmp_path / "b"],
        ["certify", path, "--alpha", "0.5", "--out", tmp_path / "c"],
        ["optimum", "--trace", path, "--alpha", "0.5"],
    ):
        for choice in ("fail", "zero", "drop") if command[0] == "replay" else ("zero",):
            code, text = run(capsys, *command, *columns, "--missing", choice)
            assert code == 2 and "a decision log" in text and "messjax evaluate" in text, (command, text)
    code, text = run(capsys, "trace", "lint", path, *columns, "--missing", "zero")
    assert code == 1 and "messjax evaluate" in text
    for name in ("router_replay", "litellm", "langfuse", "helicone"):
        (tmp_path / name).mkdir()
        code, text = run(capsys, "trace", "info", SAMPLES[name](tmp_path / name))
        assert code == 2 and "a decision log" in text and "messjax evaluate" in text, text


def test_a_log_within_json_records(tmp_path):
    records = [{"usage": {"model": "ab"[n % 2]}, "ok": n % 2, "messages": [{"content": f"q{n}"}]} for n in range(6)]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(each) + "\n" for each in records))
    log = read_log(tmp_path / "t.jsonl", "auto", parse_log_columns("model=usage.model,score=ok,prompt=messages"))
    assert list(log.texts) == [f"q{n}" for n in range(6)] and log.models == ("a", "b")


def bare(folder, name="log.csv", several=False):
    """A table without propensities; `several`: both models have answered every request."""
    lines, rng = ["ts,prompt,model,score,usd,latency_ms"], np.random.default_rng(0)
    for n in range(240):
        for model in ("small", "large") if several else (("small", "large")[int(rng.random() < 0.4)],):
            score = int(rng.random() < (0.85 if model == "large" else 0.6))
            lines.append(f"{1_700_000_000 + n},question {n},{model},{score},{0.01 if model == 'large' else 0.001},{n}")
    (folder / name).write_text("\n".join(lines) + "\n")
    return folder / name


def test_a_table_of_one_answer_each_is_named_with_the_command_that_is_right(tmp_path, capsys):
    path = bare(tmp_path)
    columns = "time=ts,prompt=prompt,model=model,score=score,cost=usd,latency_ms=latency_ms"
    for command in (["trace", "info"], ["trace", "lint"], ["replay", "--alpha", "0.7", "--out", str(tmp_path / "o")]):
        assert cli.main([*command, str(path)]) == 2
        error = capsys.readouterr().err
        assert "found a decision log" in error and f"`messjax evaluate {path} --alpha A --columns {columns}`" in error
    command = ["evaluate", str(path), "--alpha", "0.7", "--out", str(tmp_path / "out")]
    assert cli.main(command) == 2
    assert f"--columns {columns} (and propensity=COLUMN" in capsys.readouterr().err
    assert cli.main([*command, "--columns", columns]) == 0
    assert "warning: no propensities" in " ".join(capsys.readouterr().out.split())
    log = read_log(path, "auto", parse_log_columns(columns))
    np.testing.assert_allclose(log.latency, np.arange(240) / 1000.0)
    assert cli.main(["trace", "info", str(bare(tmp_path, "trace.csv", several=True))]) == 2
    error = capsys.readouterr().err
    assert "a row per request and model" in error
    assert "--columns prompt=prompt,model=model,score=score,cost=usd" in error
