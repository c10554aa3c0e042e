"""What stands beside a verdict: its scope and evidence, sampling errors apart, and what a cell of the matrix says."""

from __future__ import annotations

import numpy as np
import pytest

from messjax.theory import margins, scope
from messjax.theory.hypothesis_tests import EMPTY_ROW
from messjax.theory.statement import Claim
from proofs_check import report
from proofs_check.violations import matrix

ROW = EMPTY_ROW._replace(statement="X", T=20_000, streams=2_048, V=1.0, verdict="holds", evidence="finite-sample")


def test_a_verdict_says_what_it_was_tried_on():
    rows = [ROW] * 8 + [ROW._replace(V=100.0)] * 8
    assert scope.scope_of(rows) == "holds on 16 cases, V 1 to 100, T 20,000, 2,048 streams: evidence, not proof"
    mixed = [*rows, *[ROW._replace(evidence="asymptotic")] * 2, EMPTY_ROW]
    assert "holds on 18 cases (2 asymptotic), V 1 to 100" in scope.scope_of(mixed)
    assert scope.scope_of(mixed).endswith("proof; not applicable on 1")
    apart = [*rows, ROW._replace(V=300.0, verdict="undecided", evidence="")]  # V = 300 is not among what holds
    assert scope.scope_of(apart) == (
        "holds on 16 cases, V 1 to 100, T 20,000, 2,048 streams; undecided on 1 case, V 300, T 20,000, 2,048 streams: "
        "evidence, not proof"
    )
    assert scope.scope_of([EMPTY_ROW] * 3) == "not applicable on 3"
    plugged = scope.scope_of([ROW._replace(evidence="plug-in")])
    assert "1 threshold from the same streams" in plugged


def test_results_carry_the_scope(tmp_path):
    report.write([ROW, ROW._replace(V=10.0)], tmp_path, 0, "command", {})
    said = "holds on 2 cases, V 1 to 10, T 20,000, 2,048 streams: evidence, not proof"
    assert said in (tmp_path / "verdicts.json").read_text()
    assert report.dataset([ROW, ROW._replace(V=10.0)], 0, "")["scope"].values.tolist() == [said] * 2


def test_a_cell_says_how_many_breaks_have_not_refuted_it():
    A1 = frozenset({"A1"})
    rows = [
        matrix.Row(A1, ROW._replace(verdict=verdict, case=f"{case}, V = 1"), case)
        for case, verdict in (
            ("drift", "holds"),
            ("drift", "undecided"),
            ("order", "undecided"),
            ("x", "not applicable"),
        )
    ]
    cell = matrix.summary(rows)["A1", "X"]
    assert (cell.words, cell.breaks) == ("not refuted by 2 breaks", 2)
    refuted = [*rows, matrix.Row(A1, ROW._replace(verdict="violated"), "y")]
    assert matrix.summary(refuted)["A1", "X"].words == "fails"
    assert matrix.summary(rows[3:])["A1", "X"].words == "not applicable"


def test_the_sampling_error_of_a_bound_is_apart_from_that_of_what_is_measured():
    rng = np.random.default_rng(0)
    x, u = rng.normal(1.0, 0.1, 400), rng.normal(5.0, 2.0, 400)
    found = margins.of_conclusion(Claim(x, lambda mean: 2.0 * mean, (u,)), 0.95)
    half = 1.966 * 2.0 * u.std(ddof=1) / 20.0  # Student's t at 97.5%, 399 degrees of freedom
    assert found.bound_limits == pytest.approx((found.bound - half, found.bound + half), rel=1e-3)
    assert found.limits[1] - found.limits[0] < 2.0 * half  # of the margin: one-sided at 95%
    assert np.isnan(margins.of_conclusion(Claim(x, 3.0), 0.95).bound_limits).all()
