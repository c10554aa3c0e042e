"""sims/sparse_feedback: its bounds are those of docs/theory, at f = 1 those of T1, and its line the run's numbers."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr

from messjax import theory
from messjax.theory import optimum
from messjax.types import Distribution
from sims.studies.sparse_feedback import figure, findings, statements

LAW = Distribution(np.ones(1), np.array([[0.0, 1.0]]), np.array([[0.2, 0.9]]))
T, ALPHA = 1_000, 0.5
KINDS = {
    "policy_kinds": json.dumps({figure.LEARNED: "mess_plus"}),
    "feedback_kind": "sparse",
    "stream_kind": "iid",
}


def world_run(violation: float = 0.004) -> xr.Dataset:
    """A made-up run: one predictor, one V, the three f, five streams."""
    dims, f = ("policy", "V", "f", "stream"), figure.F
    wobble = 1e-4 * np.arange(-2.0, 3.0)

    def everywhere(value: float, scale: float = 1.0) -> tuple:
        return dims, np.broadcast_to(value + scale * wobble, (1, 1, len(f), 5))

    data = {
        "violation": everywhere(violation),
        "queue_last": everywhere(6.0, 100.0),
        "S": everywhere(50.0),
        "exploration_queue": everywhere(20.0),
        "cost": everywhere(optimum.solve(LAW, ALPHA).cost + 0.02),
        "cost_at_alpha": everywhere(2.0),
        "sla": (dims[:-1], np.full((1, 1, len(f)), "missed")),
    }
    coords = {"policy": [figure.LEARNED], "V": [10.0], "f": f, "alpha": ALPHA, "c": 0.1, "a": 0.25}
    return xr.Dataset(data, coords=coords, attrs={"horizon": T, "spread": 1.0} | KINDS)


def test_the_bounds_are_those_of_the_theory() -> None:
    result = statements.verdicts(world_run(), LAW).isel(policy=0, V=0)
    by_queue = result["bound"].sel(statement="T9 violation, by the queue")
    np.testing.assert_allclose(by_queue, 6.0 / (figure.F * T))
    k, best = theory.distribution_constants(LAW, ALPHA), optimum.solve(LAW, ALPHA)
    P_T = theory.exploration_sum(T=T, c=0.1, a=0.25)
    expected = theory.T1_queue_older(V=10.0, gamma=best.gamma, B=k.B, T=T, P_T=P_T, beta_M=k.beta_M, S_T=50.0)
    assert float(result["bound"].sel(statement="T9 queue", f=1.0)) == pytest.approx(expected)
    assert (result["verdict"] == "holds").all()
    terms = theory.T2_cost_terms(V=10.0, B=k.B, T=T, P_T=P_T, E_all=k.E_all, C_star=best.cost, S_T=50.0)
    assert float(result["bound"].sel(statement="T2 cost gap", f=0.2)) == pytest.approx(terms.total)


def test_what_needs_a_law_does_not_apply_to_a_trace_and_what_is_false_is_violated() -> None:
    result = statements.verdicts(world_run(violation=0.02), None)
    assert (result["verdict"].sel(statement=["T9 violation", "T9 queue", "T2 cost gap"]) == "not applicable").all()
    words = result["verdict"].sel(statement="T9 violation, by the queue").isel(policy=0, V=0)
    assert words.values.tolist() == ["holds", "violated", "violated"]  # .02 against .03, .012, .006


def test_the_findings_have_the_numbers_of_the_run() -> None:
    run = world_run()
    sla, bounds = findings.conclude({"made up": run.merge(statements.verdicts(run, LAW))})
    assert sla.table.rows[0][:4] == ("made up", figure.LEARNED, "10", "+0.0040 (missed)")
    assert sla.verdict == "undecided" and sla.numbers[0].text() == "0 of 0"  # alpha is kept nowhere at f = 1
    assert bounds.verdict == "supported" and bounds.numbers[0].text() == "12 of 12"
    broken = findings.conclude({"made up": run.merge(statements.verdicts(world_run(violation=0.02), LAW))})[1]
    assert broken.verdict == "refuted" and broken.numbers[1].value == 2


def test_the_fifth_of_the_publication_and_complete_feedback_are_compared() -> None:
    assert figure.F.min() == 0.2 and figure.F.max() == 1.0
