"""A command line that explains itself: versions, near names, sections and examples of help, files of options."""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from messjax import arguments, results
from messjax.cli import __main__ as cli
from messjax.cli import command_parser, demo_trace, help_texts
from proofs_check import __main__ as program_of_proofs
from proofs_check.cli import command_line as proofs

PROGRAMS = {each.name: each for each in (command_parser.MESSJAX, proofs.PROGRAM)}


def pages(program: command_parser.Program) -> dict[str, argparse.ArgumentParser]:
    """The parsers of a program and of its commands, by the words that come before --help."""
    parser = command_parser.build(program, everything=True)
    found: dict[str, argparse.ArgumentParser] = {"": parser}
    for command, each in command_parser.commands_of(parser).items():
        found[command] = each
        found |= {f"{command} {name}": page for name, page in command_parser.commands_of(each).items()}
    return found


PAGES = {(name, words): page for name, program in PROGRAMS.items() for words, page in pages(program).items()}
EXAMPLES = {(name, words): each for name, program in PROGRAMS.items() for words, each in program.examples.items()}
COMMANDS = {line for examples in EXAMPLES.values() for each in examples for line in each.commands}
MODULES = {"messjax": "messjax", "messjax-proofs": "proofs_check"}


def one_line(words: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert cli.main(shlex.split(words)) == 2
    error = capsys.readouterr().err.strip()
    assert len(error.splitlines()) == 1
    return error


def test_version_names_what_numbers_depend_on():
    command = [sys.executable, "-m", "messjax", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("messjax 0.") and "jax " in done.stdout and "code " in done.stdout


def test_no_arguments_print_the_help_and_say_what_is_missing(capsys):
    assert cli.main([]) == 2
    shown = capsys.readouterr()
    assert all(name in shown.out for name in help_texts.COMMANDS) and "required" in shown.err


@pytest.mark.parametrize(
    ("words", "proposed"),
    [
        ("simulate --zoo llama3 --alhpa 0.6", "did you mean --alpha?"),
        ("simulate --zoo llama3 --alpha 0.6 --horizont=9", "did you mean --horizon?"),
        ("simulate --zoo llama3 -alpha 0.6", "did you mean --alpha?"),
        ("--versoin", "did you mean --version?"),
        ("simualte --zoo llama3", "did you mean simulate?"),
        ("trace inf x", "did you mean info?"),
        ("simulate --zoo llama3 --alpha 0.6 --predictor linera", "did you mean linear?"),
        ("replay x --alpha 0.6 0.7", "separated by commas: --alpha 0.6,0.7"),
        ("simulate --zoo llama3 --alpha 0.6 --V 1 10 100", "--V 1,10,100"),
    ],
)
def test_a_slip_is_named(words, proposed, capsys):
    assert proposed in one_line(words, capsys)


def test_a_word_that_is_near_nothing_gets_no_proposal(capsys):
    assert "did you mean" not in one_line("simulate --zoo llama3 --alpha 0.6 --zzzz 1", capsys)
    assert arguments.did_you_mean("--alhpa", ["--alpha", "--all"]) == " (did you mean --alpha?)"


def test_global_options_stand_before_the_command_and_after_it():
    for words in ("--no-cache optimum --zoo llama3 --alpha 0.6", "optimum --zoo llama3 --alpha 0.6 --no-cache"):
        assert command_parser.build().parse_args(words.split()).no_cache
    assert command_parser.build().parse_args(["trace", "info", "x", "--no-cache"]).no_cache
    assert not command_parser.build().parse_args(["optimum", "--zoo", "llama3", "--alpha", "0.6"]).no_cache


@pytest.mark.parametrize("page", PAGES, ids=" ".join)
def test_help_is_in_sections_of_100_columns_with_examples(page, monkeypatch):
    parser = PAGES[page]
    monkeypatch.setenv("COLUMNS", "200")
    text = parser.format_help()
    assert max(map(len, text.splitlines())) <= 100
    commands = [command for each in EXAMPLES[page] for command in each.commands]
    assert "examples:" in text and all(command in text for command in commands)
    options = {option for action in parser._actions for option in action.option_strings}
    assert options <= set(text.replace(",", " ").split())
    monkeypatch.setenv("COLUMNS", "62")
    whole = [*commands, *PROGRAMS[page[0]].closing.splitlines()]  # what is pasted, and tables, are not broken
    assert max(map(len, parser.format_help().splitlines())) <= max(60, *(len(line) + 2 for line in whole))


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_section_has_options_that_exist(program):
    parsers = [page for (name, _), page in PAGES.items() if name == program]
    known = {option.lstrip("-") for page in parsers for each in page._actions for option in each.option_strings}
    sections = PROGRAMS[program].sections
    for title, names in sections.items():
        assert set(names) <= known, title
    every = [name for names in sections.values() for name in names]
    assert len(every) == len(set(every))


@pytest.mark.parametrize("command", sorted(each for each in COMMANDS if not each.startswith("eval ")))
def test_examples_parse(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "simulate.toml").write_text('[simulate]\nzoo = "llama3"\nalpha = 0.6\n', "utf-8")
    name, *words = shlex.split(command)
    args = command_parser.build(PROGRAMS[name]).parse_args(words)
    assert args.command is None or callable(args.run)


@pytest.mark.long
@pytest.mark.parametrize("page", [each for each in EXAMPLES if each[1] != "completion"], ids=" ".join)
def test_examples_run(page, tmp_path):
    """As pasted, one after another in an empty folder; `--fresh` is what a second run into the folder needs."""
    for example in EXAMPLES[page]:
        for command in example.commands:
            name, *words = shlex.split(command)
            given = [sys.executable, "-m", MODULES[name], *words]
            done = subprocess.run(given, cwd=tmp_path, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{command}\n{done.stderr}"


def test_a_made_up_trace_may_be_written_twice_and_replaces_nothing_else(tmp_path, capsys):
    path = tmp_path / "log.csv"
    for _ in range(2):
        assert demo_trace.write(path, num=100, seed=1, is_log=True, force=False) == path
    with pytest.raises(ValueError, match="--force"):
        demo_trace.write(path, num=100, seed=2, is_log=True, force=False)
    assert "ends in .parquet" in one_line(f"trace demo {tmp_path / 'x.csv'}", capsys)
    made = demo_trace.trace(2_000, 0)
    assert made.satisfaction.mean(axis=0) == pytest.approx(demo_trace.ACCURACY.T @ demo_trace.SHARE, abs=0.04)
    assert len(set(made.prompts)) == 2_000


SMALL = ["simulate", "--zoo", "llama3", "--horizon", "40", "--streams", "2", "--alpha", "0.6", "--V", "1,10"]


def test_what_was_parsed_is_a_file_that_parses_to_the_same(tmp_path):
    path = tmp_path / "run.toml"
    first = command_parser.build().parse_args([*SMALL, "--all", "--out", "x"])
    path.write_text(first.config_text, "utf-8")
    assert "seed" not in first.config_text and "out" not in first.config_text
    again = command_parser.build().parse_args(["simulate", "--config", str(path), "--out", "x"])
    assert vars(again) | {"config": None} == vars(first)


@pytest.mark.long
def test_a_run_writes_the_file_that_runs_it_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(SMALL) == 0
    first = results.load(tmp_path / "results" / "simulate.nc")
    table = tomllib.loads((tmp_path / "results" / "simulate.toml").read_text("utf-8"))["simulate"]
    assert table["V"] == [1.0, 10.0] and table["zoo"] == "llama3" and "seed" not in table
    assert tomllib.loads(first.attrs["config"])["simulate"] == table
    for source in ("results/simulate.toml", "results/simulate.nc"):
        again = command_parser.build().parse_args(["simulate", "--config", source, "--V", "3"])
        assert (again.alpha, again.V, again.horizon, again.zoo) == ([0.6], [3.0], 40, "llama3")
        assert tomllib.loads(again.config_text)["simulate"] == table | {"V": [3.0]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[simulate]\nzo = "llama3"\n', "'zo' (did you mean zoo?)"),
        ('[replay]\nalpha = 0.6\n', "expected a table [simulate], found [replay]"),
        ("[simulate]\nhorizon = 0\n", "expected a whole number from 1"),
        ("[simulate]\nall = 3\n", "expected true or false, found 3"),
        ('[simulate]\npredictor = "line"\n', "expected one of linear"),
        ("[simulate\n", "expected TOML"),
    ],
)  # fmt: skip
def test_a_bad_file_of_options_is_one_line(content, message, tmp_path, capsys):
    path = tmp_path / "run.toml"
    path.write_text(content, "utf-8")
    assert message in one_line(f"simulate --config {path} --alpha 0.6", capsys)


def test_a_file_of_options_has_paths_flags_and_required_groups(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text('[replay]\npath = "x.parquet"\nalpha = [0.6, 0.7]\nall = true\nmodels = ["a", "b"]\n', "utf-8")
    args = command_parser.build().parse_args(["replay", "--config", str(path)])
    assert (args.path, args.alpha, args.all, args.models) == (Path("x.parquet"), [0.6, 0.7], True, "a,b")
    assert command_parser.build().parse_args(["replay", "y", "--config", str(path)]).path == Path("y")


@pytest.mark.parametrize(("main", "command"), [(cli.main, "recommend"), (program_of_proofs.main, "assumptions")])
@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_knows_commands_and_options(shell, main, command, capsys):
    pytest.importorskip("shtab")
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert all(word in script for word in (command, "--alpha" if shell != "tcsh" else "alpha"))


def test_completion_without_shtab_says_what_to_install(capsys, monkeypatch):
    monkeypatch.setattr("messjax.cli.completion_command.find_spec", lambda name: None)
    assert "messjax[completion]" in one_line("completion bash", capsys)
