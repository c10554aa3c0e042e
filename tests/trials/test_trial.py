"""The statistical tests: verdicts on known samples, errors that name what is wrong, a statement of one's own."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jax
import numpy as np
import pytest
import xarray as xr

from messjax.theory import ALL
from messjax.theory.statement import (
    AtLeast,
    Between,
    Claim,
    Equal,
    Exact,
    NotApplicable,
    Statement,
    Tail,
    define_statement,
    load_statements,
)
from proofs_check import __main__ as program
from proofs_check import report
from proofs_check.trials import cases, figures, sequential, trial

RNG = np.random.default_rng(0)
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def run():
    case = next(case for case in cases.valid(quick=True) if case.name == "two models, oracle")
    return trial.run_case(case._replace(horizon=300), jax.random.key(0), 64)[0]


def text(what) -> Statement:
    return define_statement("X", source="here", assumptions="A1")(lambda run: what)


FEW = ("T4 tail 1/100", "T9 violation")  # 256 streams are too few to decide these
SAMPLE = RNG.normal(5.0, 1.0, 400)


@pytest.mark.parametrize(
    ("what", "verdict"),
    [
        (Claim(SAMPLE, 5.5), "holds"),
        (Claim(SAMPLE, 4.5), "violated"),
        (Claim(SAMPLE, float(SAMPLE.mean())), "undecided"),
        (Claim(SAMPLE, lambda u: u + 1.0, (SAMPLE[::-1],)), "holds"),
        (Claim(SAMPLE, lambda u: u - 1.0, (SAMPLE[::-1],)), "violated"),
        (Claim(SAMPLE, np.inf), "not applicable"),
        (Claim(SAMPLE, -np.inf), "violated"),
        (Claim(SAMPLE, lambda u: u * np.inf, (SAMPLE,)), "not applicable"),
        (AtLeast(SAMPLE, -np.inf), "not applicable"),
        (AtLeast(SAMPLE, np.inf), "violated"),
        (Between(SAMPLE, -np.inf, np.inf, 5.0), "not applicable"),
        (Between(SAMPLE, -np.inf, 5.5, 5.0), "holds"),
        (Exact(1.0, np.inf), "not applicable"),
        (Exact(1.0, -np.inf), "violated"),
        (Tail(np.zeros(1000, bool), 1.0), "not applicable"),
        (Tail(np.zeros(1000, bool), -np.inf), "violated"),
        (Tail(RNG.uniform(size=1000) < 0.05, 0.2), "holds"),
        (Tail(RNG.uniform(size=1000) < 0.3, 0.2), "violated"),
        (Tail(np.zeros(40, bool), 0.01), "undecided"),
        (Between(SAMPLE, 4.5, 5.5, 5.0), "holds"),
        (Between(SAMPLE, lambda u: u - 4.5, lambda u: u + 9.0, 5.0, (SAMPLE[::-1],)), "holds"),
        (Between(SAMPLE, 3.0, 4.5, 4.0), "violated"),
        (Between(SAMPLE, 5.5, 7.0, 6.0), "violated"),
        (Between(SAMPLE, float(SAMPLE.mean()), 7.0, 6.0), "undecided"),
        (Equal(SAMPLE, 5.0, 0.5), "holds"),
        (Equal(SAMPLE, 5.6, 0.5), "violated"),
        (Equal(SAMPLE, 5.0, 0.01), "undecided"),
        (Exact(1.0, 1.0), "holds"),
        (Exact(1.0, 0.9), "violated"),
        (AtLeast(SAMPLE, 4.5), "holds"),
        (AtLeast(SAMPLE, 5.5), "violated"),
        (NotApplicable("so"), "not applicable"),
    ],
)
def test_verdicts_on_known_samples(run, what, verdict):
    row = trial.evaluate(text(what), run)
    assert row.verdict == verdict
    assert (row.reason == "so") == isinstance(what, NotApplicable)
    assert ("no claim" in row.reason) == (verdict == "not applicable" and not isinstance(what, NotApplicable))


@pytest.mark.parametrize(
    "what",
    [
        Claim(SAMPLE, np.nan),
        Claim(SAMPLE, lambda u: u * np.nan, (SAMPLE,)),
        Claim(np.append(SAMPLE, np.nan), 5.5),
        Claim(np.append(SAMPLE, np.inf), 5.5),
        Claim(np.append(SAMPLE, -np.inf), 5.5),
        Claim(SAMPLE, lambda u: 9.0 + u, (np.append(SAMPLE[:-1], np.nan),)),
        AtLeast(SAMPLE, np.nan),
        Between(SAMPLE, np.nan, 6.0, 5.0),
        Between(SAMPLE, 4.0, np.nan, 5.0),
        Equal(SAMPLE, np.nan, 0.1),
        Exact(np.nan, 1.0),
        Exact(1.0, np.nan),
        Tail(np.zeros(1000, bool), np.nan),
    ],
)
def test_what_is_no_number_is_an_error_that_names_the_statement_and_the_case(run, what):
    with pytest.raises(ValueError, match=r"statement 'X' on 'two models, oracle, V = 1'.*(NaN|infinite)"):
        trial.evaluate(text(what), run)


ZEROS = np.zeros(256)


@pytest.mark.parametrize(
    ("what", "verdict"),
    [
        (Claim(ZEROS, 0.001), "undecided"),  # a loss of 10 with probability 1/1000 shows these with probability .77
        (Claim(ZEROS, 0.001, within=(0.0, 10.0)), "undecided"),
        (Claim(ZEROS, 0.2, within=(0.0, 10.0)), "holds"),
        (Claim(ZEROS, -0.001), "undecided"),
        (Claim(ZEROS, -0.001, within=(0.0, 10.0)), "violated"),
        (Claim(ZEROS, -0.001, within=(-10.0, 10.0)), "undecided"),
        (Claim(ZEROS, lambda u: u + 0.001, (ZEROS,)), "undecided"),
        (Claim(ZEROS, lambda u: u + 0.2, (ZEROS,), (0.0, 10.0), ((0.0, 1e6),)), "holds"),
        (AtLeast(ZEROS, -0.001), "undecided"),
        (AtLeast(ZEROS, -0.2, within=(-10.0, 0.0)), "holds"),
        (Between(ZEROS, -0.1, 0.1, 0.0), "undecided"),
        (Between(ZEROS, -0.5, 0.5, 0.0, within=(-10.0, 10.0)), "holds"),
        (Equal(ZEROS, 0.0, 0.1), "undecided"),
        (Equal(ZEROS, 0.0, 0.5, within=(-10.0, 10.0)), "holds"),
        (Equal(ZEROS, 0.5, 0.1), "undecided"),
        (Equal(ZEROS, 0.5, 0.1, within=(-10.0, 10.0)), "violated"),
    ],
)
def test_samples_that_all_agree_show_what_their_range_lets_them_show(run, what, verdict):
    """F2: a sample variance of zero is no proof that nothing else happens."""
    row = trial.evaluate(text(what), run)
    assert row.verdict == verdict and row.evidence == ("" if verdict == "undecided" else "finite-sample")
    assert (row.p_violated_asymptotic, row.p_holds_asymptotic) == (1.0, 1.0) and "agree" in row.note


@pytest.mark.long
def test_a_rare_loss_is_called_within_bounds_as_seldom_as_the_level_says(run):
    """F2: losses of 10 with probability .001 have the mean .01, above the bound of .001: "holds" is wrong."""
    rng, wrong = np.random.default_rng(4), 0
    for _ in range(200):
        loss = 10.0 * (rng.random(256) < 1e-3)
        wrong += trial.evaluate(text(Claim(loss, 0.001, within=(0.0, 10.0))), run).verdict == "holds"
    assert wrong == 0  # 154 expected of a comparison of means without variance


def test_heavy_tails_are_undecided_where_no_range_is_known(run):
    """F3: means of costs of infinite variance fall below 1 on most samples, and Student's t calls that "holds"."""
    rng, words = np.random.default_rng(5), {False: [], True: []}
    for _ in range(40):
        cost = ((1.0 - rng.random((600, 40))) ** (-2.0 / 3.0) / 3.0).mean(1)  # Pareto 3/2, mean 1
        for known in words:
            row = trial.evaluate(text(Claim(cost, 0.99)), run._replace(finite_variance=known))
            words[known].append(row.verdict)
    assert set(words[False]) == {"undecided"}
    assert words[True].count("holds") <= 2  # by the look of the sample; 11 of 40 without it
    light = trial.evaluate(text(Claim(SAMPLE, 5.5)), run._replace(finite_variance=False))
    assert light.verdict == "undecided" and "no range is known" in light.note


def test_evidence_says_how_much_it_is_worth(run):
    """F4: what is valid at any number of streams, what is asymptotic, what takes its threshold from the data."""
    bounded = np.clip(SAMPLE, 0.0, 10.0)
    kinds = {
        "finite-sample": Claim(bounded, 7.0, within=(0.0, 10.0)),
        "asymptotic": Claim(bounded, float(bounded.mean()) + 0.13, within=(0.0, 10.0)),
        "plug-in": Claim(bounded, 7.0, within=(0.0, 10.0), plug_in="the largest error measured"),
        "exact": Exact(1.0, 2.0),
    }
    for kind, what in kinds.items():
        row = trial.evaluate(text(what), run)
        assert (row.verdict, row.evidence) == ("holds", kind)
        assert trial.corrected([row] * 3)[0].evidence == kind
    assert "asymptotic" in trial.evaluate(text(kinds["asymptotic"]), run).interval
    assert "largest error" in trial.evaluate(text(kinds["plug-in"]), run).note
    tail = trial.evaluate(text(Tail(np.zeros(1000, bool), 0.1)), run)
    assert (tail.evidence, tail.interval) == ("finite-sample", "Clopper-Pearson, exact")


def test_two_sides_tell_the_nearer_limit_and_distances_from_the_centre(run):
    mean = float(SAMPLE.mean())
    row = trial.evaluate(text(Between(SAMPLE, 4.0, 5.2, 4.8)), run)
    assert (row.measured, row.bound) == (pytest.approx(mean), pytest.approx(5.2))
    assert row.looseness == pytest.approx(0.4 / (mean - 4.8))
    assert row.margin_lower < 5.2 - mean < row.margin_upper
    low = trial.evaluate(text(Between(SAMPLE, 4.8, 9.0, 5.3)), run)
    assert low.bound == pytest.approx(4.8) and low.looseness == pytest.approx(0.5 / (5.3 - mean))
    assert low.measured_lower < mean < low.measured_upper


def test_limits_and_p_values_agree(run):
    """The one-sided limit at 95% touches zero where the p-value is 5%, for means, tails and equalities."""
    for margin in np.linspace(-0.2, 0.2, 41):
        row = trial.evaluate(text(Claim(SAMPLE, float(SAMPLE.mean() + margin))), run)
        assert (row.margin_upper < 0) == (row.p_violated_asymptotic < 0.05)
        assert (row.margin_lower > 0) == (row.p_holds_asymptotic < 0.05)
        row = trial.evaluate(text(Claim(np.clip(SAMPLE, 0.0, 8.0), 5.0 + 5 * margin, within=(0.0, 8.0))), run)
        assert (row.finite_margin_upper < 0) == (row.p_violated < 0.05)
        assert (row.finite_margin_lower > 0) == (row.p_holds < 0.05)
    for hits in range(0, 60, 3):
        row = trial.evaluate(text(Tail(np.arange(300) < hits, 0.1)), run)
        assert (row.margin_upper < 0) == (row.p_violated < 0.05) and (row.margin_lower > 0) == (row.p_holds < 0.05)


def test_holm_keeps_a_family_of_true_equalities_quiet(run):
    """400 claims whose margin is zero: none is called either way in 95% of families, though 5% are, one by one."""
    families, loud, single = 40, 0, 0
    for _ in range(families):
        rows = [trial.evaluate(text(Claim(RNG.normal(size=50), 0.0)), run) for _ in range(50)]
        single += sum(row.verdict != "undecided" for row in rows)
        loud += any(row.verdict != "undecided" for row in trial.corrected(rows))
    assert loud <= 9 and single >= 100  # two one-sided families at 5% each: 4 of 40 expected


@pytest.mark.slow
def test_every_statement_speaks_and_nothing_is_violated():
    """On small valid cases: each statement applies somewhere, and none is violated."""
    rows = []
    chosen = cases.valid(quick=True)
    for case, key in zip(chosen, trial.keys(3, len(chosen)), strict=True):
        if "SGD" not in case.name and "noisy" not in case.name:
            rows += [trial.evaluate(each, one) for one in trial.run_case(case, key, 256) for each in ALL]
    rows = trial.corrected(rows)
    assert [row for row in rows if row.verdict == "violated"] == []
    for each in ALL:
        spoke = [row for row in rows if row.statement == each.name and row.verdict != "not applicable"]
        assert spoke, each.name
        assert any(row.verdict == "holds" for row in spoke) or each.name in FEW
    path = figures.of_statement([row for row in rows if row.statement == "T1 queue"], "T1")
    assert path is not None and "tightened by T1" in str([t.get_text() for t in path.axes[0].get_yticklabels()])


def test_the_alarm_rings_for_who_beats_the_dual():
    """C* raised by a fifth: the mixture, which pays C*'s neighbourhood, is detected over time; the valid one is not."""
    case = next(case for case in cases.to_follow(quick=True) if case.name == "two models, oracle")
    valid_path = sequential.follow(case._replace(horizon=4_000), jax.random.key(5))
    assert sequential.row(valid_path).verdict != "violated"
    raised = valid_path._replace(
        S=valid_path.S - 0.2 * 0.4 * valid_path.t, low=valid_path.low - 0.08, high=valid_path.high - 0.08
    )
    assert sequential.row(raised).verdict == "violated"


@pytest.fixture
def few_cases(monkeypatch):
    """The program on three cases: compiling all of them takes a minute."""
    every = cases.valid(quick=True)
    monkeypatch.setattr(cases, "valid", lambda quick: [case for case in every if case.name.startswith("two models, ")])


@pytest.mark.usefixtures("few_cases")
def test_a_statement_of_ones_own_runs_through_the_program(tmp_path, capsys):
    own = ROOT / "docs/examples/own_statement.py"
    code = program.main(["--quick", "--parts", "statements", "--only", "M1", "--also", str(own), "--streams", "32",
                         "--out", str(tmp_path)])  # fmt: skip
    out = capsys.readouterr().out
    assert code == 0 and "M1 Markov" in out and "finding: 0 statements violated" in out
    label = json.loads((tmp_path / "verdicts.json").read_text())
    rows = [row for row in label["rows"] if row["verdict"] != "not applicable"]
    assert {row["statement"] for row in rows} == {"M1 Markov"} and all(row["verdict"] == "holds" for row in rows)
    saved = xr.load_dataset(tmp_path / "verdicts.nc", engine="h5netcdf")
    assert saved.sizes["row"] == len(label["rows"]) and saved["measured"].dtype == np.float64
    assert (tmp_path / "M1_Markov.png").stat().st_size > 10_000


@pytest.mark.usefixtures("few_cases")
@pytest.mark.slow
def test_parts_side_by_side_find_what_they_find_alone(tmp_path, capsys, monkeypatch):
    monkeypatch.undo()  # all cases: other processes know nothing of `few_cases`
    words = ["--quick", "--parts", "lemmas,statements", "--only", "T1 queue,T5", "--streams", "16"]
    result, texts = [], []
    for workers in ("1", "2"):
        assert program.main([*words, "--workers", workers, "--out", str(tmp_path / workers)]) == 0
        result.append(json.loads((tmp_path / workers / "verdicts.json").read_text()))
        texts.append(capsys.readouterr())
    alone, beside = ([{**row, "seconds": 0} for row in one["rows"]] for one in result)
    assert alone == beside and len(alone) > 10
    assert [row["lemma"] for row in result[0]["lemmas"]["lemmas"]] == [
        row["lemma"] for row in result[1]["lemmas"]["lemmas"]
    ]
    assert "Statistical tests" in texts[1].out and "by z3 for all reals" in texts[1].out


@pytest.mark.long
def test_a_false_statement_of_ones_own_is_violated(tmp_path, capsys):
    own = tmp_path / "mine.py"
    own.write_text(
        "from messjax.theory.statement import Claim, define_statement\n"
        "@define_statement('M2 false', source='here', assumptions='A1')\n"
        "def M2(run):\n    '''E[Q] <= 1.'''\n    return Claim(run.metrics['queue_last'], 1.0)\n"
    )
    code = program.main(["--quick", "--parts", "statements", "--only", "M2", "--also", str(own), "--streams", "32",
                         "--out", str(tmp_path)])  # fmt: skip
    assert code == 1 and "VIOLATED where its assumptions hold: M2 false" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--only", "T99"], "--only: statements: found 'T99'"),
        (["--parts", "nothing"], "--parts: found 'nothing'"),
        (["--also", "missing.py"], "missing.py: no such file"),
        (["--streams", "1"], "--streams"),
        (["--bogus"], "--bogus"),
    ],
)
def test_bad_input_is_one_line(words, message, capsys, tmp_path):
    assert program.main([*words, "--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_files_without_statements_are_refused(tmp_path):
    empty, broken = tmp_path / "empty.py", tmp_path / "broken.py"
    empty.write_text("x = 1\n")
    broken.write_text("import nothing_like_this\n")
    with pytest.raises(ValueError, match=r"empty\.py: found no statement"):
        load_statements(empty)
    with pytest.raises(ValueError, match=r"broken\.py: ModuleNotFoundError"):
        load_statements(broken)
    with pytest.raises(ValueError, match="found the assumption 'A9'"):
        define_statement("X", source="", assumptions="A9")


MISTAKEN = '''
from messjax.theory.statement import Claim, define_statement

@define_statement("Mine", source="my notes", assumptions="")
def mine(run):
    """A mistake."""
    return {}
'''


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        ('Claim(run.metrics["queue"], 1.0)', r"found no 'queue' in run.metrics.*, expected one of .*queue_last, "),
        ('run.over("queue_lst")', r"found no 'queue_lst' in run.metrics \(did you mean queue_last\?\)"),
        ("run.best.gama", r"found no 'gama' in Optimum \(did you mean gamma\?\), expected one of alpha, cost, gamma"),
        ("run.queue", r"found no 'queue' in Run, expected one of .*metrics"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("None", "found None, expected a Claim"),
    ],
)
def test_a_mistake_in_a_statement_of_ones_own_is_one_line(mistake, words, capsys, tmp_path):
    own = tmp_path / "own.py"
    own.write_text(MISTAKEN.format(mistake), encoding="utf-8")
    assert program.main(["search", "Mine", "--quick", "--also", str(own), "--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and re.search(rf"own\.py(:7)?: statement 'Mine': {words}", error), error


def test_the_table_shows_the_worst_case():
    rows = [trial.EMPTY_ROW._replace(statement="X", verdict=word, bound=1.0, measured=0.5, margin_lower=0.5)
            for word in ("holds", "violated", "not applicable")]  # fmt: skip
    assert report.tightest(rows).verdict == "violated"
    assert report.to_json({"a": float("nan"), "b": (np.float64(1.0), float("inf"))}) == {"a": None, "b": [1.0, "inf"]}


def test_where_a_statement_says_nothing_the_case_that_it_is_about_is_shown():
    other = trial.EMPTY_ROW._replace(verdict="not applicable", reason="about policies of kind 'ucb'")
    vacuous = other._replace(measured=3.0, reason="vacuous at this T")
    assert report.tightest([other, vacuous, other]).reason == "vacuous at this T"
