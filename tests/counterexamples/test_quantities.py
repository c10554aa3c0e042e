"""The search where a theorist wants it: quantities fixed or bounded, and the instance found as a program."""

from __future__ import annotations

from pathlib import Path

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messjax.theory import cost, optimum, queue
from messjax.theory.statement import define_statement, load_statements
from proofs_check import __main__ as program_of_proofs
from proofs_check.counterexamples import instances, presentation, quantities, search
from proofs_check.counterexamples.instances import Instance, Space
from proofs_check.trials import trial

FIXED = ["c=0", "f=1", "mu[0,1]=0.9", "s_hat[1,0]=-0.25", "weight[0]=0.3", "alpha=0.85", "T=7"]
RANGES = ["V=1:50", "E[0,0]=2:3", "mu[1,0]=0:0.2", "asked=0.5:0.8", "error=0:0.1"]
LIMITS = quantities.parse(FIXED, RANGES, 2, 3)
SPACE = Space(2, 3, limits=tuple(LIMITS.items()))
MINE = '''
from messjax.theory.statement import Claim, define_statement

@define_statement("Mine", source="here", assumptions="")
def mine(run):
    """Nothing costs more than all models together."""
    return Claim(run.metrics["cost"], run.constants.E_all)
'''
points = st.lists(st.floats(0.0, 1.0), min_size=SPACE.dimensions, max_size=SPACE.dimensions)


@given(points)
@settings(max_examples=150, deadline=None)
def test_every_instance_keeps_what_is_fixed_and_is_lawful(x):
    found = instances.decode(np.array(x), SPACE)
    optimum.solve(optimum.check_distribution(found.distribution), found.alpha)  # raises where alpha is out of reach
    assert (found.c, found.f, found.T) == (0.0, 1.0, 7) and found.alpha == pytest.approx(0.85, abs=1e-6)
    assert found.mean[0, 1] == pytest.approx(0.9) and found.predicted[1, 0] == -0.25 and found.weight[0] == 0.3
    assert 1 <= found.V <= 50 and 2 <= found.cost[0, 0] <= 3 and 0.5 <= found.sla_target <= 0.8
    assert found.mean[1, 0] <= 0.2 + 1e-7 and found.weight.sum() == pytest.approx(1.0)


def test_ranges_are_explored_to_their_ends_and_without_any_nothing_changes():
    drawn = [instances.decode(x, SPACE) for x in np.random.default_rng(0).random((400, SPACE.dimensions))]
    V = np.array([each.V for each in drawn])
    assert V.min() == 1 and V.max() == 50 and 5 < np.median(V) < 10  # even over orders of magnitude
    oracle = Space(limits=(("error", (0.0, 0.0)),))
    x = np.random.default_rng(1).random(oracle.dimensions)
    np.testing.assert_allclose(instances.decode(x, oracle).predicted, instances.decode(x, oracle).mean, atol=1e-3)
    plain, free = instances.decode(x, Space()), instances.decode(x, oracle)
    np.testing.assert_array_equal(plain.mean, free.mean)


@pytest.mark.parametrize(
    ("fixed", "ranges", "named"),
    [
        (["V"], [], "expected NAME=NUMBER"),
        (["V=1:2"], [], "expected NAME=NUMBER"),
        ([], ["V=1"], "expected NAME=LOW:HIGH"),
        ([], ["V=5:1"], "LOW <= HIGH"),
        (["f=0"], [], "from 0.001 to 1"),
        (["gamma=1"], [], "expected one of V, alpha"),
        (["mu[2,0]=1"], [], "types below 2"),
        (["mu[0]=1"], [], "expected one of"),
        (["c=0"], ["c=0:1"], "given twice"),
        (["V=one"], [], "a number after ="),
        (["alpha=0.9", "mu[0,0]=0.1", "mu[0,1]=0.2"], [], "mu[0,m]"),
        (["weight[0]=0.2", "weight[1]=0.2"], [], "cannot sum to 1"),
    ],
)
def test_what_cannot_be_is_refused_in_words(fixed, ranges, named):
    with pytest.raises(ValueError, match=named.replace("[", r"\[")):
        quantities.parse(fixed, ranges, 2, 2)


def test_the_program_rebuilds_the_instance_and_says_what_the_table_says(capsys):
    found = instances.decode(np.random.default_rng(3).random(search.SPACE.dimensions), search.SPACE)._replace(T=20)
    row = trial.EMPTY_ROW._replace(streams=16)
    result = search.SearchResult(cost.T2, found, row, 1, 0.0, np.zeros((1, 2)), 0.0, (0, 4), (0.0, 0.0, 0.0))
    exec(presentation.python(result), names := {})
    for name, value in found._asdict().items():
        np.testing.assert_array_equal(getattr(names["found"], name), value)
    run = trial.run_case(instances.case(found), jax.random.key(4), 16, audit=False)[0]
    again = trial.evaluate(cost.T2, run)
    assert f"measured {again.measured:.4g}, bound {again.bound:.4g}, {again.verdict}" in capsys.readouterr().out


def test_the_program_of_ones_own_statement_runs_in_any_folder(tmp_path, monkeypatch, capsys):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "mine.py").write_text(MINE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    (mine,) = load_statements("mine.py")  # a string or a path
    found = instances.decode(np.random.default_rng(3).random(search.SPACE.dimensions), search.SPACE)._replace(T=20)
    row = trial.EMPTY_ROW._replace(streams=16)
    result = search.SearchResult(mine, found, row, 1, 0.0, np.zeros((1, 2)), 0.0, (0, 4), (0.0, 0.0, 0.0))
    program = presentation.python(result, [Path("mine.py")])
    monkeypatch.chdir(tmp_path / "elsewhere")
    exec(program, {})
    assert capsys.readouterr().out.startswith("Mine: measured ")


def test_an_instance_says_what_it_keeps_and_how_near_it_is_to_the_border():
    one = Instance(
        weight=np.array([1.0, 0.0]), cost=np.array([[0.5, 1.0], [0.0, 9.0]]), mean=np.array([[0.2, 0.75], [1.0, 0.0]]),
        predicted=np.array([[0.3, 0.75], [0.0, 0.0]]), V=1.0, alpha=0.75 - 2e-8, c=0.0, a=0.25, f=1.0, T=20,
        sla_target=0.7,
    )  # fmt: skip
    expected = "beta = 2e-08, largest error of s_hat 0.1; needs A1 A2 A3 A4 A7, kept here"
    assert presentation.kept(queue.T3, one) == expected
    assert presentation.kept(queue.T3, one._replace(alpha=0.76)).endswith("violated here: A3")
    other = define_statement("X", source="", assumptions="A6 A8")(lambda run: None)
    assert presentation.kept(other, one).endswith("needs A6 A8, violated here: A6")
    assert presentation.kept(other, one._replace(cost=np.zeros((2, 2)), predicted=one.mean + 3e-8)).endswith(
        "kept here"
    )
    assert presentation.kept(other._replace(assumptions=frozenset()), one).endswith("needs nothing")
    row = trial.EMPTY_ROW._replace(measured=-1.0, bound=1.0, verdict="holds")
    result = search.SearchResult(queue.T3, one, row, 1, 0.0, np.zeros((1, 2)), 3.0, (0, 4), (3.0, 3.0, 3.0))
    shown = presentation.table([result])
    assert [next(iter(column.cells)) for column in shown.columns][4:8] == ["-"] * 4
    assert expected in shown.caption and expected in presentation.python(result)
    assert "nan" not in [str(cell) for column in shown.columns for cell in column.cells]


def test_bad_options_are_one_line(capsys):
    assert program_of_proofs.main(["search", "T2", "--fix", "c=-1"]) == 2
    error = capsys.readouterr().err
    assert "c=-1" in error and error.count("\n") == 1


@pytest.mark.slow
def test_a_search_stays_where_it_is_told_to(tmp_path, capsys):
    words = ["search", "T2", "--fix", "c=0", "--range", "V=1:50", "--quick", "--out", str(tmp_path)]
    assert program_of_proofs.main(words) == 0
    out = capsys.readouterr().out
    assert "c = 0, V in 1 to 50" in out and "asked: the satisfaction agreed" in out
    exec((tmp_path / "instance_0.py").read_text(), names := {})
    assert names["found"].c == 0 and 1 <= names["found"].V <= 50
