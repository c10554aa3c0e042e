"""The matrix: what needs a broken assumption fails, nothing else does, and what does not fit is named."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from jax.tree_util import Partial
from matplotlib.figure import Figure
from rich.console import Console

from messjax import policies, streams
from messjax.statistics import intervals
from messjax.theory import ALL, optimum
from messjax.theory.statement import ASSUMPTIONS, load_statements
from messjax.types import Controls, Distribution
from proofs_check import violations
from proofs_check.trials import trial
from proofs_check.trials.case import Case
from proofs_check.trials.cases import kinked
from proofs_check.violations import matrix, presentation

pytestmark = pytest.mark.long

MOVING = {"T12 cost gap", "T12 queue", "T13 cost gap", "T13 queue"}  # about laws that no broken case declares
NOT_APPLICABLE_BY_HYPOTHESIS = ("T3", "T4", "T9 tail", "T10")  # beta > 2 ebar is read off before anything is claimed

FEW = {  # by default: compiling all of them takes a minute
    "growing share of requests that no model satisfies",
    "requests get cheaper while exploration falls",
    "scores 0 and 400",
    "scores 0 and 20",
    "exploration of the largest model's failures",
    "exploration of the largest model's successes",
    "feedback on failures is rarer",
    "feedback on successes is rarer",
    "listed at a hundred times the cost",
}

OWN = '''
from messjax.theory.statement import Claim, define_statement

@define_statement("mine", source="here", assumptions="A7")
def mine(run):
    """Nothing costs more than all models together."""
    return Claim(run.metrics["cost"], run.constants.E_all)

@define_statement("wrong", source="here", assumptions="")
def wrong(run):
    """Satisfaction is at most alpha / 4."""
    return Claim(run.metrics["satisfaction"], run.alpha / 4)
'''


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    path = tmp_path_factory.mktemp("own") / "own.py"
    path.write_text(OWN, encoding="utf-8")
    stream = streams.types(kinked())
    few = [case for case in violations.cases(True) if case.name[3:] in FEW]
    assert len(few) == len(FEW)
    valid = Case(
        "nothing broken", kinked(), stream, policies.single(1), Controls(V=1.0, alpha=0.5), 100, policy_kind="single"
    )
    return matrix.evaluate_matrix(True, [*matrix.ALL, *load_statements(path)], extra_cases=[valid], broken=few)


def check(cells, complete):
    """Nothing fails without need of what is broken; with `complete`, all that needs it fails or is not applicable."""
    ours = {key: cell for key, cell in cells.items() if key[1] not in ("mine", "wrong")}
    assert {key for key, cell in ours.items() if cell.verdict == "violated" and not cell.needed} == set()
    elsewhere = {each.name for each in matrix.ALL if each.policy not in ("any", "mess_plus")} | MOVING
    for key, cell in ours.items() if complete else ():
        if cell.needed and key[1] not in elsewhere:
            inapplicable = (
                key[0] == "A3" and cell.verdict == "not applicable" and key[1].startswith(NOT_APPLICABLE_BY_HYPOTHESIS)
            )
            assert inapplicable or cell.verdict == "violated", key
        else:
            assert cell.verdict != "violated", key
    for each in matrix.ALL:
        verdicts = {cell.verdict for (_, name), cell in cells.items() if name == each.name}
        if each.name in elsewhere:
            assert verdicts <= {"not tested", "not applicable", "holds", "undecided"}, each.name
            continue
        never = ("L1 path", "L1 reflection", "T10 cost", *(() if complete else ("T7 mean", "T7 tail")))
        assert "violated" in verdicts or each.name in never, each.name
        if complete:
            assert "holds" in verdicts or each.name == "T4 tail 1/100", each.name  # too rare for 256 streams


def test_what_fails_needs_what_is_broken(rows):
    cells = matrix.summary(rows)
    assert {assumption for assumption, _ in cells} == {"A1", "A2", "A4", "A5", "A7", matrix.NOTHING}
    check(cells, complete=False)


@pytest.mark.slow
def test_what_needs_a_broken_assumption_fails_and_nothing_else():
    cells = matrix.summary(matrix.evaluate_matrix(True))
    assert {assumption for assumption, _ in cells} == ASSUMPTIONS
    check(cells, complete=True)


def test_failures_come_with_their_instance(rows):
    for (assumption, _), cell in matrix.summary(rows).items():
        if cell.verdict == "violated":
            assert (
                cell.instance.measured > cell.instance.bound
                or min(cell.instance.p_violated, cell.instance.p_violated_asymptotic) < 0.05
            )
            if assumption != matrix.NOTHING:
                assert cell.instance.case.startswith(assumption)


def test_a_statement_of_ones_own_gets_its_row_and_its_judgement(rows):
    cells = matrix.summary(rows)
    assert cells["A7", "mine"].surprise == "needed, not seen to fail"
    assert cells["A1", "mine"].surprise == ""
    assert all(cell.surprise == "fails unneeded" for (_, name), cell in cells.items() if name == "wrong")
    assert {matrix.surprises(rows)[each, "wrong"] for each in ("A1", matrix.NOTHING)} == {
        "fails even where nothing is violated"
    }
    console = Console(width=200, record=True, file=open("/dev/null", "w", encoding="utf-8"))  # noqa: SIM115
    console.print(presentation.table(rows), presentation.evidence(rows))
    text = console.export_text()
    assert "wrong" in text and "fails !" in text and "scores 0 and 400" in text
    drawn = presentation.figure(rows)
    assert isinstance(drawn, Figure)
    words = [each.get_text() for each in drawn.axes[0].texts]
    assert len(words) == len(cells) and words.count("fails !") >= 6


def test_T10_is_about_complete_feedback():
    """Nothing is broken but feedback is sparse: T1's kappa leaves a violation, T4's too many paths with one."""
    at = {case.name: case for case in violations.repaired(violations.unbounded(3_000))}
    for name, words in {"scores 0 and 20": ("T10 violation", 0.0), "scores 0 and 400": ("T10 tail", 0.05)}.items():
        sparse, complete = trial.run_case(at[f"repaired: A2 {name}"], jax.random.key(5), 1_024, audit=False)[2:]
        assert (sparse.f, complete.f) == (0.3, 1.0) and sparse.alpha > sparse.sla_target
        plain = next(each for each in ALL if each.name == words[0])
        ours = next(each for each in matrix.ALL if each.name == words[0])
        short = sparse.sla_target - sparse.metrics["satisfaction"]
        measured = short if words[0] == "T10 violation" else (short > 0).astype(float)
        assert intervals.one_sided(measured, 0.999).lower > words[1]
        assert trial.evaluate(ours, sparse).verdict == "not applicable"
        assert trial.evaluate(plain, complete).verdict == "holds"


@pytest.mark.slow
def test_full_matrix_with_every_case_mended():
    cells = matrix.summary(matrix.evaluate_matrix(False))
    assert not [key for key, cell in cells.items() if key[0] == matrix.NOTHING and cell.verdict == "violated"]
    check(cells, complete=True)


# --- what is broken is what the case names, and nothing else --------------------------------------------------------


def drawn(stream, T, n=400):
    """Requests 1..T of n streams [n, T, ...]."""
    state = stream.init(jax.random.key(0))

    def one(key, t):
        return stream.draw(jax.random.fold_in(key, t), state, t)[1]

    over_t = jax.vmap(one, (None, 0))
    return jax.jit(jax.vmap(over_t, (0, None)))(jax.random.split(jax.random.key(3), n), np.arange(1, T + 1))


def test_drift_has_the_law_as_its_time_average_and_moves():
    distribution = violations.two([0.0, 1.0], [0.2, 0.7], [0.6, 0.9])
    requests = drawn(violations.drifting(distribution, 200), 200)
    second = np.asarray(requests.features)[..., 1]
    assert second[:, :20].mean() < 0.07 and second[:, -20:].mean() > 0.93
    assert second.mean() == pytest.approx(0.5, abs=0.01)
    assert np.asarray(requests.satisfaction).mean((0, 1)) == pytest.approx(
        distribution.weight @ distribution.mean, abs=0.01
    )
    with pytest.raises(ValueError, match=r"distribution.weight is \[1.0\], expected \[0.5, 0.5\]"):
        violations.drifting(kinked(), 10)


def test_rare_scores_and_pareto_costs_have_the_means_of_their_laws():
    requests = drawn(violations.rare(kinked(), 20.0), 200)
    scores = np.asarray(requests.satisfaction)
    assert set(np.unique(scores)) == {0.0, 20.0}
    assert scores.mean((0, 1)) == pytest.approx([0.3, 0.8], abs=0.06)
    distribution, stream = violations.pareto(np.array([0.1, 1.0]), np.array([0.3, 0.8]))
    assert distribution.weight @ distribution.cost == pytest.approx([0.1, 1.0])
    cost = np.asarray(drawn(stream, 200).cost)
    assert cost[..., 1].min() >= 1 / 3 - 1e-6 and cost.max() > 100
    cut = optimum.solve(distribution, 0.5).gamma / 1.8  # the dearest request worth the better model: .9 Z < .5 gamma*
    served = cost[..., 1] < cut
    paid = np.where(served, cost[..., 1], cost[..., 0]).mean()
    assert served.mean() == pytest.approx(0.4, abs=0.02)
    assert paid == pytest.approx(optimum.solve(distribution, 0.5).cost, rel=0.05)


def test_coins_keep_their_mean_and_look_where_they_should():
    distribution = Distribution(np.array([0.7, 0.3]), np.zeros((2, 2)), np.array([[0.5, 0.4], [0.5, 0.4]]))
    requests = drawn(violations.leaking(streams.types(distribution)), 200)
    shape = requests.features.shape[:2]
    uniform = jax.random.uniform(jax.random.key(7), shape)
    luck = jax.random.uniform(jax.random.key(8), shape[:1])
    coins = {  # with the rate that p_t = .15 becomes
        "dear type": (violations.feature_dependent_exploration(1, 1.0, 0.3), 0.15),
        "dear type, too few": (violations.feature_dependent_exploration(1, 1.0, 1.0), 0.045),
        "failures of the largest": (violations.feature_dependent_exploration(-1, 0.0, 0.6), 0.15),
        "once": (Partial(violations.once), 0.15),
    }
    over = (0, 0, None, 0)
    tossed = {
        name: np.asarray(jax.vmap(jax.vmap(coin, (None, 0, None, 0)), over)(luck, uniform, 0.15, requests.features))
        for name, (coin, _) in coins.items()
    }
    for name, (_, rate) in coins.items():
        assert tossed[name].mean() == pytest.approx(rate, abs=0.06 if name == "once" else 0.006), name
    assert (np.asarray(requests.features)[tossed["dear type"]][:, 1] == 1).all()
    assert (np.asarray(requests.satisfaction)[tossed["failures of the largest"]][:, 1] == 0).all()
    assert set(tossed["once"].mean(axis=1)) == {0.0, 1.0}
