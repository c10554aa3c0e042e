"""Lemmas are proved, their wrong versions are refuted, and fractions check whatever z3 says by example."""

from __future__ import annotations

import itertools
import random
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import z3

from messjax import theory
from proofs_check import __main__ as program
from proofs_check import lemmas
from proofs_check.lemmas import prover, t1_quadratic, t2_cost, t3_slater
from proofs_check.lemmas.prover import Lemma, Wrong, exact, prove, without

PAGE = (Path(__file__).parents[2] / "docs" / "theory.md").read_text(encoding="utf-8")
HEADS = {"L1", "L2", "L3", "L5", "(1)", "(2)", "(3)", "T1", "T2", "T3", "T4", "T5", "T6", "T8", "T9", "T10"}
HEADS |= {
    "Partition,",
    "L2'",
    "I1",
    "I2",
    "I3",
    "I4",
    "T1'",
    "T1''",
    "T2'",
    "T2''",
    "R'",
    "T3'",
    "T6'",
    "T11",
    "T12",
    "T13",
}
x, y = z3.Reals("x y")


def lemma(hypotheses, claim, *wrong, **others) -> Lemma:
    return Lemma("a lemma", "L1", hypotheses, claim, wrong, **others)


@pytest.mark.slow
@pytest.mark.parametrize("one", lemmas.ALL, ids=lambda one: one.name)
def test_lemma_is_proved_and_its_wrong_versions_are_refuted(one):
    assert prove(one).status == "proved"
    assert one.wrong
    for wrong in one.wrong:
        proof = prove(lemmas.version(one, wrong))
        assert proof.status == "refuted", (wrong.name, proof)
        at = proof.counterexample
        kept = [h for h in one.hypotheses if not any(h.eq(dropped) for dropped in wrong.drop)]
        assert all(exact(fact, at) for fact in [*kept, *wrong.instead, *one.setting])
        assert not exact(one.claim if wrong.claim is None else wrong.claim, at)
        if wrong.claim is None:  # the true lemma is silent there: one of the dropped hypotheses fails
            assert not all(exact(fact, at) for fact in wrong.drop)


def test_the_lemmas_cover_the_page():
    names = [one.name for one in lemmas.ALL]
    assert len(set(names)) == len(names)
    assert {name.split()[0] for name in names} == HEADS
    for family in ("L5 every model", "L5 every mixture", "(2) served against the best", "T5 one x"):
        assert sorted(one.M for one in lemmas.ALL if one.name.startswith(family)) == [2, 3, 4, 5]


@pytest.mark.parametrize("one", lemmas.ALL, ids=lambda one: one.name)
def test_sources_are_on_the_page(one):
    place = re.match(r"'(.+?)'|(\(\d\))|([LTIR]\d*'*|Partition)", one.source)
    assert place, one.source
    heading, formula, statement = place.groups()
    assert (
        (heading and f"## {heading}" in PAGE)
        or (formula and rf"\tag{{{formula[1]}}}" in PAGE)
        or (statement and f"### {statement} (" in PAGE)
    )


def test_the_evaluator_agrees_with_z3_at_random_points():
    chance = random.Random(5)
    for one in lemmas.ALL:
        for fact in [*one.hypotheses, one.claim]:
            names = prover.variables([fact])
            at = {str(name): Fraction(chance.choice([-7, -3, -1, 1, 2, 5, 9]), chance.randint(2, 11)) for name in names}
            put = [(name, z3.RealVal(str(at[str(name)]))) for name in names]
            try:
                result = exact(fact, at)
            except ZeroDivisionError:
                continue
            assert result == z3.is_true(z3.simplify(z3.substitute(fact, *put))), (one.name, fact, at)


def test_path_lemmas_hold_on_a_grid_without_z3():
    grid = [Fraction(n, 4) for n in range(5)]
    named = {one.name: one for one in lemmas.ALL}
    for Q, alpha, s in itertools.product([Fraction(0), Fraction(1, 3), Fraction(2)], grid, grid):
        delta = max(alpha, 1 - alpha)
        at = {"Q": Q, "alpha": alpha, "s": s, "Q_next": max(Fraction(0), Q + alpha - s)}
        at |= {"delta": delta, "B": delta**2 / 2}
        for name in ("L1 step", "L2 drift, exact", "L2 drift, uniform", "L3 increment"):
            assert all(exact(h, at) for h in named[name].hypotheses)
            assert exact(named[name].claim, at)


def test_false_vacuous_and_open_lemmas_do_not_count_as_proved():
    false = prove(lemma([x > 0], x > 1))
    assert false.status == "refuted"
    assert 0 < false.counterexample["x"] <= 1
    assert prove(lemma([x > 0, x < 0], x == 7)).status == "vacuous"
    assert prove(lemma([x > 0], x > -1, setting=(x < 0,))).status == "vacuous"
    irrational = prove(lemma([x >= 0], x * x != 2))
    assert irrational.status == "unknown"
    assert "irrational" in irrational.reason
    z = z3.RealVector("z", 12)
    hard = lemma([sum(v**5 for v in z) == 3], z3.Sum([a**3 * b**2 * x for a, b in itertools.combinations(z, 2)]) != 1)
    stopped = prove(hard, timeout_s=0.001)
    assert stopped.status == "unknown"
    assert stopped.counterexample is None


def test_a_row_with_an_unrefuted_version_or_none_is_not_ok():
    assert not lemmas.row(lemma([x > 1], x > 0, Wrong("still true", claim=x > -1))).ok
    assert not lemmas.row(lemma([x > 1], x > 0)).ok
    assert not lemmas.row(lemma([x > 0], x > 1, without(x > 0))).ok
    assert lemmas.row(lemma([x > 1], x > 0, without(x > 1))).ok


def test_a_false_counterexample_is_caught_by_the_fractions(monkeypatch):
    monkeypatch.setattr(prover, "point", lambda *_: ({"x": Fraction(5)}, ""))
    with pytest.raises(AssertionError, match="in fractions it does not"):
        prove(lemma([x > 0], x > 1))


def test_exact_refuses_what_it_cannot_judge():
    assert exact(z3.If(x > 0, 1 / x, y), {"x": Fraction(0), "y": Fraction(2, 3)}) == Fraction(2, 3)
    with pytest.raises(ZeroDivisionError):
        exact(y / x, {"x": Fraction(0), "y": Fraction(1)})
    with pytest.raises(ValueError, match="expected arithmetic"):
        exact(z3.ToInt(x), {"x": Fraction(1)})


def test_versions_that_change_nothing_or_drop_what_is_not_there_are_refused():
    one = lemma([x > 1], x > 0)
    with pytest.raises(ValueError, match="none of"):
        lemmas.version(one, without(x > 2))
    with pytest.raises(ValueError, match="changes nothing"):
        lemmas.version(one, Wrong("the same"))


def test_names_choose_lemmas_and_the_program_prints_them(capsys):
    assert [row.lemma for row in lemmas.prove_lemmas(["L3 increment", "L1 step"])] == ["L3 increment", "L1 step"]
    with pytest.raises(ValueError, match="no lemma is named 'L9', expected a lemma's name .* or a file .*: l1_certif"):
        lemmas.prove_lemmas(["L9"])
    assert program.main(["lemmas", "L3 increment"]) == 0
    shown = capsys.readouterr().out
    assert "refuted: without Q >= 0" in shown
    assert "1 of 1 lemmas proved, 4 of 4 wrong versions refuted" in shown
    assert program.main(["lemmas", "L9"]) == 2
    assert "no lemma is named" in capsys.readouterr().err


def test_the_files_that_statements_name_choose_their_lemmas():
    assert {file for each in theory.ALL for file in each.lemmas} <= set(lemmas.FILES)
    names = [one.name for one in lemmas.FILES["l3_increment"]]
    assert [row.lemma for row in lemmas.prove_lemmas(["l3_increment.py", "L3 increment"])] == names
    with pytest.raises(ValueError, match=r"no lemma is named 't2_pirme' \(did you mean t2_prime.*\?\)"):
        lemmas.named("t2_pirme")


def test_the_pages_own_examples_refute_the_wrong_versions():
    """The factor 2 of L5, and the cascade of T5, with the numbers of docs/theory.md."""
    named = {one.name: one for one in lemmas.ALL}
    numbers = {"V": "1", "Q": "1", "alpha": ".5", "e": ".1", "E_1": "1", "E_2": "1"}
    numbers |= {"mu_1": ".5", "mu_2": ".69", "s_hat_1": ".6", "s_hat_2": ".59"}
    at = {name: Fraction(value) for name, value in numbers.items()}
    L5 = named["L5 every model, M = 2"]
    (factor_one,) = [wrong for wrong in L5.wrong if "in place of 2 Q e" in wrong.name]
    assert all(exact(fact, at) for fact in [*L5.hypotheses, *L5.setting, L5.claim])
    assert not exact(factor_one.claim, at)

    numbers = {"g": ".5", "alpha": ".6", "cost": ".2", "satisfaction": "1", "w_1": ".5", "w_2": ".5", "lowest": ".15"}
    numbers |= {"E_1": ".1", "E_2": ".2", "mu_1": ".5", "mu_2": ".7", "score_1": ".15", "score_2": ".15"}
    at = {name: Fraction(value) for name, value in numbers.items()}
    T5 = named["T5 one x, M = 2"]
    assert [str(fact).startswith("satisfaction ==") for fact in T5.hypotheses if not exact(fact, at)] == [True]
    assert all(exact(fact, at) for fact in T5.setting)
    assert not exact(T5.claim, at)


def test_what_is_proved_is_what_messjax_computes():
    """The right sides of T1 (older form), T2 and T3 in the lemmas equal those of messjax.theory."""
    chance = np.random.default_rng(8)
    names = ["V", "g", "B", "T", "P_T", "beta_M", "S_T", "R_T", "Q_1", "E_all", "C_star", "dE", "b", "explored_sum"]
    for _ in range(20):
        at = {name: Fraction(int(chance.integers(1, 40)), int(chance.integers(1, 9))) for name in names}
        v = {name: float(value) for name, value in at.items()}
        run = {name: v[name] for name in ("V", "B", "T", "P_T", "S_T", "R_T", "Q_1")}
        T1 = theory.T1_queue_older(gamma=v["g"], beta_M=v["beta_M"], **run)
        T2 = theory.T2_cost_terms(E_all=v["E_all"], C_star=v["C_star"], **run).total
        slater = {"V": v["V"], "B": v["B"], "T": v["T"], "dE": v["dE"], "beta": v["b"], "beta_M": v["beta_M"]}
        T3 = theory.T3_queue(exploration_queue=v["explored_sum"], **slater)
        assert (T1 - v["V"] * v["g"]) ** 2 == pytest.approx(float(exact(t1_quadratic.radicand, at)))
        assert pytest.approx(float(exact(t2_cost.terms, at))) == T2
        assert pytest.approx(float(exact(t3_slater.divided.claim.arg(1), at))) == T3
