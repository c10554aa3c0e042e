"""Planted falsehoods on worlds of exact expectations: each is refuted, the statement itself is not, none is missing."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from messjax.theory import ALL, statements_named
from messjax.theory.statement import Claim, define_statement
from proofs_check.counterexamples import exact_runs, exact_search, planted
from proofs_check.counterexamples.exact_runs import ExactInstance
from proofs_check.counterexamples.weakened import weaken

REFUTED = {planted.key(each.weakening): each for each in planted.refute_all()}
SHARPER = re.compile(r"[ITR]\d*'+$|I\d$|R'$|T1[123] |Partition ")
BEFORE_A_RUN = {"T11 cost gap", "T11 queue"}  # larger than what holds trivially at every horizon that can be summed
LOOSE = {"T11 cost gap, widths"}  # no share of the widths is refuted there: docs/proofs_check.md says by how much
TWO = ExactInstance([[1.0]], [[[0.0, 1.0]]], [[[0.3, 0.8]]], [[[0.3, 0.8]]], V=2.0, alpha=0.5, T=30, c=0.2, a=0.25)


@pytest.mark.parametrize("name", REFUTED)
def test_a_planted_falsehood_is_refuted_and_the_truth_is_not(name):
    found = REFUTED[name]
    assert found.ok and 0.0 <= found.share < 1.0, (found.margin, found.true_margin)


def test_every_sharper_statement_has_a_planted_falsehood():
    sharper = {each.name for each in ALL if SHARPER.match(each.name)}
    assert len(sharper) == 22
    assert sharper - {each.weakening.truth.name for each in REFUTED.values()} == BEFORE_A_RUN | LOOSE


def test_a_share_of_one_is_the_truth():
    for each in REFUTED.values():
        if each.instance.T > 300:  # the others take a second
            continue
        run = exact_runs.run_of(each.instance)
        truth = exact_runs.margin(each.weakening.truth, run)
        assert exact_runs.margin(weaken(each.weakening, 1.0), run) == pytest.approx(truth, abs=1e-9)


def test_no_drawn_world_refutes_a_statement():
    chosen = [each for each in ALL if SHARPER.match(each.name)]
    for least in exact_search.least_margins(chosen, 3, 160):
        assert least.margin >= 0.0 and (least.worlds > 10) == (least.statement not in BEFORE_A_RUN), least


def test_margins_have_signs_and_a_false_statement_is_seen():
    run = exact_runs.run_of(TWO)
    over = define_statement("over", source="", assumptions="")(
        lambda run: Claim(run.metrics["queue_last"], lambda Q: 0.9 * Q, run.over("queue_last"))
    )
    assert exact_runs.margin(over, run) == pytest.approx(-0.1)
    (identity,) = statements_named("I4")
    forged = run._replace(metrics={**run.metrics, "reflection": run.metrics["reflection"] + 0.1})
    assert exact_runs.margin(identity, run) == 0.0 > exact_runs.margin(identity, forged)


def test_the_ucb_router_is_the_librarys_own():
    """The exact sums over what it may have heard against `policies.ucb` step by step, one type of three that occurs."""
    instance = TWO._replace(T=8, c=0.0, ucb_types=3, V=0.3, mean=[[[0.2, 0.9]]])
    run = exact_runs.run_of(instance)
    rng, ell, alpha = np.random.default_rng(0), np.log(2 * 3 * 2 * 8**3), 0.5
    costs, queues = [], []
    for _ in range(4_000):
        Q, seen, won, paid = 0.0, np.zeros(2), np.zeros(2), 0.0
        for _ in range(8):
            with np.errstate(all="ignore"):
                index = np.where(seen > 0, np.minimum(1.0, won / seen + np.sqrt(ell / (2 * seen))), 1.0)
            i = int(np.argmin(0.3 * np.array([0.0, 1.0]) + Q * (alpha - index)))
            s = rng.random() < (0.2, 0.9)[i]
            seen[i], won[i], paid, Q = seen[i] + 1, won[i] + s, paid + i, max(0.0, Q + alpha - s)
        costs.append(paid / 8)
        queues.append(Q)
    for name, values in (("cost", costs), ("queue_last", queues)):
        assert abs(np.mean(values) - run.metrics[name].mean()) <= 4.5 * np.std(values) / np.sqrt(len(values)) + 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("name", ["T1', B0", "T2'', B0", "T3', D"])
def test_the_search_finds_such_worlds_by_itself(name):
    plant = next(each for each in planted.PLANTED if planted.key(each) == name)
    found = exact_search.sharpest(plant, "iid", 0, budget=1_000, horizon=48)
    assert found.share > 0.7


def test_the_table_of_shares_is_that_of_the_docs():
    page = (Path(__file__).parents[2] / "docs" / "proofs_check.md").read_text(encoding="utf-8")
    rows: dict[str, list[str]] = {}
    for each in REFUTED.values():
        rows.setdefault(each.weakening.truth.name, []).append(f"{each.weakening.what} {each.share:.3f}")
    for name, shares in rows.items():
        assert f"| {name} | {'; '.join(shares)} |\n" in page
