"""`messjax trace info|lint|convert`, and traces on disk in every command that reads one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from messjax import traces
from messjax.cli import __main__ as cli

CSV = "prompt,org/small-1b,org/large-70b\n" + "".join(
    f"question {word},{small},{large}\n"
    for word, small, large in [
        ("one", True, True),
        ("two", False, True),
        ("Two!", False, True),
        ("three", True, False),
        ("one", True, True),
    ]
)
PRICES = ["--prices", "small=1,large=10"]
COLUMNS = "prompt=q,id=i,score:a=sa,score:b=sb,cost:a=ca,cost:b=cb,cost_unit=USD"
PLAIN = "i,q,sa,sb,ca,cb\n0,one,0,1,0.5,2\n1,two,1,,0.5,\n2,three,50,1,0.5,2\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "subject.csv"
    path.write_text(CSV, encoding="utf-8")
    return path


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    path = tmp_path / "plain.csv"
    path.write_text(PLAIN, encoding="utf-8")
    return path


def run(*arguments: object) -> int:
    return cli.main(["--no-cache", *map(str, arguments)])


def test_info(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("trace", "info", file, *PRICES) == 0
    text = capsys.readouterr().out
    for word in ("routellm", "subject.csv", "5", "subject 5", "org/small-1b", "0.6000", "0.8000", "cost, USD per 1M"):
        assert word in text, text


def test_lint_fails_without_costs_and_names_the_option(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("trace", "lint", file) == 1
    text = capsys.readouterr().out
    assert "no costs" in text and "--prices" in text and "1 error" in text and str(file.parent) not in text
    assert run("trace", "lint", file, *PRICES) == 0
    text = capsys.readouterr().out
    assert "duplicate prompts" in text and "repeated questions" in text and "error" not in text


def test_lint_says_what_options_handle(plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    read = ["trace", "lint", plain, "--columns", COLUMNS]
    assert run(*read) == 1
    text = capsys.readouterr().out
    assert "missing cells" in text and "scores" in text and "2 error" in text
    assert run(*read, "--missing", "drop") == 1
    assert "1 error, 1 handled" in capsys.readouterr().out
    assert run(*read, "--missing", "drop", "--scores", "clip") == 0
    assert "2 handled" in capsys.readouterr().out


def test_convert_says_what_it_did_and_the_trace_is_read_again(
    plain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "out.parquet"
    convert = ["trace", "convert", plain, "--columns", COLUMNS, "--to", out]
    assert run(*convert) == 2 and not out.exists()
    assert "outside [0, 1]: give --scores" in capsys.readouterr().err
    assert run(*convert, "--missing", "drop", "--scores", "threshold=0.5") == 0
    text = capsys.readouterr().out
    for word in ("note: missing: 1 of 3 requests dropped", "note: scores: 1 where above 0.5", "wrote", "2 requests"):
        assert word in text, text
    trace = traces.read_parquet(out)
    assert (trace.models, tuple(trace.ids), trace.cost_unit) == (("a", "b"), ("0", "2"), "USD")
    np.testing.assert_array_equal(trace.satisfaction, [[0, 1], [1, 1]])
    assert run("trace", "info", out) == run("trace", "lint", out) == 0
    assert "messjax" in capsys.readouterr().out
    assert run("optimum", "--trace", out, "--alpha", "0.9") == 0
    assert "note: missing: 1 of 3 requests dropped" in capsys.readouterr().out  # what was done stays with the file
    assert run("optimum", "--trace", out, "--alpha", "0.9", "--prices", "a=1,b=2") == 0
    assert "USD per 1M tokens per request" in capsys.readouterr().out


def test_a_trace_of_messjax_is_linted_as_every_other(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whether an option makes a recording of it again or not."""
    first, other = tmp_path / "first.parquet", tmp_path / "other.parquet"
    said = []
    for words in ([file, *PRICES, "--to", first], [first, "--to", other], [first, "--cost-unit", "USD", "--to", other]):
        assert run("trace", "convert", *words, "--force") == 0
        said.append([line for line in capsys.readouterr().out.splitlines() if line.startswith("lint: ")][:-1])
    assert said[0] == said[1] == said[2] and "duplicate prompts" in said[0][0]


def test_convert_replaces_nothing_unasked(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.parquet"
    out.write_text("mine")
    convert = ["trace", "convert", file, *PRICES, "--to"]
    assert run(*convert, out) == 2 and out.read_text() == "mine"
    assert "--force" in capsys.readouterr().err
    assert run(*convert, out, "--force") == 0 and traces.is_messjax(out)
    assert run(*convert, tmp_path / "out.csv") == 2
    assert ".parquet" in capsys.readouterr().err


BAD = {
    "no action": ([], "required"),
    "unknown format": (["info", "FILE", "--format", "best"], "'best', expected one of auto, messjax"),
    "missing path": (["lint", "nowhere.csv"], "nowhere.csv"),
    "wrong format": (["info", "FILE", "--format", "embedllm"], "subject.csv"),
    "no trace": (["info", "FILE", "--format", "messjax"], "expected a trace written by messjax"),
    "unknown cost": (["info", "FILE", "--cost", "free"], "'free'"),
    "cost without prices": (["convert", "FILE", "--to", "x.parquet"], "--prices org/small-1b=USD"),
    "unknown choice": (["convert", "FILE", "--to", "x.parquet", *PRICES, "--missing", "guess"], "'guess'"),
    "unknown scores": (["lint", "FILE", *PRICES, "--scores", "scale"], "'scale'"),
    "columns": (["info", "FILE", "--columns", "prompt"], "--columns"),
}


@pytest.mark.parametrize("case", BAD, ids=[name.replace(" ", "-") for name in BAD])
def test_bad_input_is_one_line(case: str, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, names = BAD[case]
    assert run("trace", *(file if argument == "FILE" else argument for argument in arguments)) == 2
    error = capsys.readouterr().err
    assert len(error.strip().splitlines()) == 1 and error.startswith("messjax: ") and names in error, error


def test_a_zoo_takes_no_trace_options(capsys: pytest.CaptureFixture[str]) -> None:
    for option in (PRICES, ["--missing", "drop"], ["--cost", "recorded"]):
        assert run("optimum", "--zoo", "llama3", "--alpha", "0.5", *option) == 2
        assert f"{option[0]} are for --trace" in capsys.readouterr().err


def test_markup_in_names_is_shown_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "[bold].csv"
    path.write_text("prompt,[red]a[/red],b[/]\nq,True,True\nr,False,False\n", encoding="utf-8")
    for action in ("info", "lint"):
        assert run("trace", action, path, "--prices", "a[=1,b[=2") == 0
        assert "[red]a[/red]" in capsys.readouterr().out
