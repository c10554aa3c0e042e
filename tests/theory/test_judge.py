"""`theory.judge`: one machinery for all statements, by the kinds that a result records; bounds take names."""

from __future__ import annotations

import json
import pickle

import jax
import numpy as np
import pytest

from messjax import feedback, policies, predictors, streams, theory
from messjax.engine import grid_sweep
from messjax.theory import cost, duality, hypothesis_tests, queue, sparse, violation
from messjax.theory.statement import Claim, NotApplicable, Statement, define_statement
from messjax.types import Controls, Distribution

LAW = Distribution(np.ones(1), np.array([[0.0, 0.5, 1.0]]), np.array([[0.2, 0.9, 0.7]]))
STREAM = streams.types(LAW)
POLICIES = {"oracle": policies.mess_plus(predictors.oracle(STREAM)), "cheapest": policies.single(0)}
OTHER = "about MESS+, found a policy of kind 'single'"
KINDS = {"oracle": "mess_plus", "cheapest": "single"}


def with_kinds(dataset, policy_kinds=None, feedback_kind="complete", stream_kind="iid"):
    kinds = {
        "policy_kinds": json.dumps(policy_kinds or KINDS),
        "feedback_kind": feedback_kind,
        "stream_kind": stream_kind,
    }
    return dataset.assign_attrs(kinds)


def run(policy=POLICIES, stream=STREAM, coins=feedback.complete, f=1.0):
    controls = Controls(V=[1.0, 4.0], alpha=0.5, c=0.3, f=f)
    return grid_sweep.sweep(
        jax.random.key(0), controls, policy=policy, stream=stream, horizon=400, num_streams=64, feedback=coins
    )


@pytest.fixture(scope="module")
def dataset():
    return with_kinds(run())


def test_every_statement_is_judged_on_a_sweep(dataset):
    result = theory.judge(dataset, LAW, statements=theory.ALL)
    assert result["verdict"].dims == ("statement", "policy", "V")
    assert not (result["verdict"] == "violated").any()
    words = result["verdict"].sel(policy="oracle", V=1.0).to_series()
    assert {words[name] for name in ("T1 queue", "T2 cost gap", "T4 mean", "T7 mean")} <= {"holds", "undecided"}
    applicable = result["verdict"].values != "not applicable"
    assert (result["reason"].values == "").tolist() == applicable.tolist()
    assert (
        np.isfinite(result["p_holds"].values[applicable]).all()
        and np.isnan(result["p_holds"].values[~applicable]).all()
    )


def test_a_statement_about_mess_plus_says_so_of_another_policy(dataset):
    result = theory.judge(dataset, LAW).sel(policy="cheapest", V=1.0)
    about = result["reason"].to_series()
    assert about["T5 adjusted regret"] == "" and set(about.drop("T5 adjusted regret")) == {OTHER}
    assert (result["verdict"].sel(statement="T5 adjusted regret") != "violated").all()


@pytest.mark.parametrize("kind", ["not_iid", "recorded", "other"])
def test_T1_to_T4_do_not_apply_to_requests_that_are_not_iid(dataset, kind):
    chosen = [each for each in theory.statements_named("T1,T2,T3,T4,T9 violation,T7") if each.policy == "mess_plus"]
    result = theory.judge(with_kinds(dataset, stream_kind=kind), LAW, statements=chosen).sel(policy="oracle")
    for each in chosen:
        reasons = set(result["reason"].sel(statement=each.name).values.ravel())
        if "A1" in each.assumptions:
            assert all("i.i.d." in reason for reason in reasons), each.name
            assert (result["verdict"].sel(statement=each.name) == "not applicable").all()
        else:
            assert reasons <= {"", "feedback is complete"}, each.name
    overlooked = theory.judge(with_kinds(dataset, stream_kind=kind), LAW, statements=chosen, ignored={"A1"})
    assert (overlooked["verdict"].sel(policy="oracle", statement="T1 queue") == "holds").all()


def test_a_stream_that_changes_is_judged_without_a_gamma_coordinate():
    apart = Distribution(np.ones(1), LAW.cost, np.array([[0.6, 0.7, 0.9]]))
    changing = streams.change(STREAM, streams.types(apart), at=201)
    single = run(policies.mess_plus(predictors.tabular(1, 3)), changing)
    bare = with_kinds(
        single.drop_vars({"gamma", "optimal_cost"} & set(single)), {"": "mess_plus"}, stream_kind="not_iid"
    )
    whole = Distribution(np.full(2, 0.5), np.repeat(LAW.cost, 2, axis=0), np.concatenate([LAW.mean, apart.mean]))
    result = theory.judge(bare, whole)
    assert (
        result["reason"].sel(statement=["T1 queue", "T2 cost gap", "T3 mean queue"]) == "requests are not i.i.d."
    ).all()
    assert "gamma" in result and np.isfinite(result["gamma"])


@pytest.mark.long
def test_a_sweep_records_its_kinds():
    """On streams that change and drift T1 to T4 do not apply, by what the result itself records."""
    other = streams.types(LAW._replace(mean=LAW.mean[:, ::-1]))
    for stream in (streams.change(STREAM, other, at=11), streams.drift(STREAM, other, 400)):
        dataset = run({"learned": policies.mess_plus(predictors.tabular(1, 3)), "cheapest": policies.single(0)}, stream)
        assert json.loads(dataset.attrs["policy_kinds"]) == {"learned": "mess_plus", "cheapest": "single"}
        assert (dataset.attrs["stream_kind"], dataset.attrs["feedback_kind"]) == ("not_iid", "complete")
        law = Distribution(
            np.full(2, 0.5), np.repeat(LAW.cost, 2, axis=0), np.concatenate([LAW.mean, LAW.mean[:, ::-1]])
        )
        names = "T1 queue,T1 violation,T2 cost gap,T3 mean queue,T4 mean"
        result = theory.judge(dataset, law, statements=names).sel(policy="learned")
        assert set(result["reason"].values.ravel()) == {"requests are not i.i.d."}
        assert set(result["verdict"].values.ravel()) == {"not applicable"}
    bare = run().drop_attrs().assign_attrs(horizon=400)
    with pytest.raises(ValueError, match="the dataset has no attribute 'policy_kinds', expected a result of sweep"):
        theory.judge(bare, LAW)


def test_feedback_that_is_neither_complete_nor_sparse(dataset):
    result = theory.judge(with_kinds(dataset, feedback_kind="one_sided"), LAW, statements="T1,T2,T9,T5,T7")
    reasons = result["reason"].sel(policy="oracle", V=1.0).to_series()
    assert reasons["T1 queue"] == "about complete feedback, found feedback of kind 'one_sided'"
    assert reasons["T2 cost gap"].startswith("about complete or sparse feedback")
    assert reasons["T5 weak duality"] == reasons["T7 mean"] == ""


def test_sparse_feedback_is_judged_by_T9_and_complete_feedback_by_T1():
    dataset = with_kinds(
        run({"oracle": POLICIES["oracle"]}, coins=feedback.sparse, f=[0.4, 1.0]), feedback_kind="sparse"
    )
    words = theory.judge(dataset, LAW, statements="T1 queue,T9 queue")["verdict"].isel(policy=0, V=0).to_pandas()
    assert words.loc["T1 queue"].tolist() == ["not applicable", "holds"]
    assert words.loc["T9 queue"].tolist() == ["holds", "not applicable"]
    everywhere = [sparse.T9_QUEUE._replace(feedback="complete or sparse"), violation.T1_OLDER]
    at_one = theory.judge(dataset, LAW, statements=everywhere).isel(policy=0, f=1)["bound"]
    np.testing.assert_allclose(*at_one.values)  # T9 at f = 1 is T1's older form


def test_without_a_law_only_what_needs_none_applies(dataset):
    result = theory.judge(dataset, None, statements="T1 queue,T7 mean,T5").sel(policy="oracle")
    reasons = result["reason"].isel(V=0).to_series()
    assert reasons["T1 queue"] == reasons["T5 weak duality"] == "the distribution of the requests is not known"
    assert reasons["T7 mean"] == "" and np.isnan(result["cost_bound_terms"]).all()


def test_corrections(dataset):
    rows = [
        hypothesis_tests.EMPTY_ROW._replace(verdict="undecided", p_violated=1.0, p_holds=p) for p in (0.01, 0.02, 0.04)
    ]
    words = {
        name: [row.verdict for row in hypothesis_tests.corrected(rows, name)] for name in hypothesis_tests.CORRECTIONS
    }
    assert words["none"] == ["holds"] * 3
    assert words["holm"] == ["holds"] * 3  # .01 x 3, .02 x 2, .04
    assert words["bonferroni"] == ["holds", "undecided", "undecided"]
    with pytest.raises(ValueError, match="correction is 'fdr', expected one of holm, bonferroni, none"):
        theory.judge(dataset, LAW, correction="fdr")


def test_proofs_check_and_judge_say_the_same(dataset):
    """The row that proofs_check tables show is made by the function that `judge` calls."""
    from proofs_check.trials import trial

    assert trial.evaluate is hypothesis_tests.evaluate and trial.corrected is hypothesis_tests.corrected


def test_pi0_and_custom_statements(dataset):
    ignored = queue.T3.on_changed(
        "T3, beta_M ignored", lambda run: run._replace(constants=run.constants._replace(beta_M=9.0))
    )
    result = theory.judge(dataset, LAW, statements=[queue.T3, ignored], pi0=1, correction="none").sel(policy="oracle")
    k = theory.distribution_constants(LAW, 0.5, pi0=1)
    assert (k.beta, k.beta_M, k.dE) == (pytest.approx(0.4), pytest.approx(0.2), pytest.approx(0.5))
    X = dataset["exploration_queue"].sel(policy="oracle").mean("stream").values
    inputs = theory.BoundInputs(V=dataset["V"].values, B=k.B, T=400, dE=k.dE, beta=k.beta, beta_M=k.beta_M)
    np.testing.assert_allclose(result["bound"][0], theory.T3_queue(inputs, exploration_queue=X))
    assert (result["bound"][1] < result["bound"][0]).all()


def test_R_T_is_computed_in_one_place():
    inputs = theory.BoundInputs(V=1.0, gamma=1.0, B=0.1, T=10, P_T=1.0, S_T=0.0, E_all=2.0, C_star=1.0)
    known = inputs.replace(beta_M=-0.5, exploration_queue=6.0)
    for bound in (theory.T1_queue, theory.T1_queue_older, theory.T1_violation):
        assert bound(known) == bound(inputs, R_T=3.0, beta_M=-0.5)
    assert theory.T2_cost_terms(known).inversion == pytest.approx(0.3)
    assert known.replace(beta_M=0.5).inversion == 0.0
    np.testing.assert_allclose(known.replace(exploration_queue=np.array([2.0, 4.0])).inversion, [1.0, 2.0])


@pytest.mark.parametrize(
    "call",
    [
        lambda: theory.T1_queue(1.0, 2.0, 0.1, 10, 0.0),
        lambda: theory.T2_cost_terms(theory.BoundInputs(), 1.0),
        lambda: theory.BoundInputs(1.0, 2.0),
        lambda: theory.T4_tail(theory.T4_constants(alpha=0.5, V=1.0, dE=1.0, beta=0.4), 3.0),
        lambda: theory.L1_violation(1.0, 10),
        lambda: theory.T10_cost(0.1, 1.0, 0.2),
        lambda: theory.T10_kappa(lambda kappa: 0.0, 10, 0.1),
        lambda: theory.exploration_sum(10, 0.1, 0.25),
        lambda: theory.T7_interval(1.0, 10),
    ],
)
def test_numbers_by_position_are_a_type_error(call):
    with pytest.raises(TypeError, match="position"):
        call()


def test_what_a_bound_needs_is_named():
    with pytest.raises(TypeError, match="T1_queue: gamma, S_T not given, expected a number or an array for each"):
        theory.T1_queue(V=1.0, B=0.1, T=10)
    with pytest.raises(TypeError, match="lambda_"):
        theory.T1_queue(V=1.0, B=0.1, T=10, gamma=1.0, S_T=0.0, lambda_=1.0)
    inputs = theory.BoundInputs(V=1.0, S_T=np.arange(2.0))
    again = pickle.loads(pickle.dumps(inputs))
    assert again.V == 1.0 and (again.S_T == inputs.S_T).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.drop_attrs(), "found a Dataset with no dimension 'stream' or no attribute 'horizon'"),
        (lambda d: d.drop_vars("cost"), "found a Dataset with no 'cost', expected a result of sweep"),
        (lambda d: d.drop_vars("S"), "needs the metric 'S', found"),
        (lambda d: d.assign(S=d["S"] * np.nan), "needs the metric 'S', which is NaN"),
        (lambda d: with_kinds(d, {"other": "mess_plus"}), "policy_kinds has no policy 'oracle', found other"),
    ],
)
def test_a_dataset_that_cannot_be_judged_is_refused(dataset, change, message):
    with pytest.raises(ValueError, match=message):
        theory.judge(change(dataset), LAW)


def test_arguments_that_cannot_be(dataset):
    with pytest.raises(ValueError, match="found 'T99'.*, expected some of L1"):
        theory.judge(dataset, LAW, statements="T99")
    with pytest.raises(ValueError, match="two statements named 'T2 cost gap'"):
        theory.judge(dataset, LAW, statements=[cost.T2, cost.T2])
    with pytest.raises(ValueError, match="ignored has 'A9', expected some of A1 to A8"):
        theory.judge(dataset, LAW, ignored=["A9"])
    with pytest.raises(ValueError, match="realised labels of a trace"):
        theory.judge(dataset, LAW._replace(kind="labels"))
    with pytest.raises(ValueError, match="run on another law"):
        theory.judge(dataset, LAW._replace(cost=LAW.cost / 2))
    with pytest.raises(ValueError, match="pi0 is 3, expected the number of a model, 0 to 2"):
        theory.judge(dataset, LAW, pi0=3)
    for wrong in ({"feedback": "some"}, {"policy": "greedy"}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))} is '{next(iter(wrong.values()))}'"):
            define_statement("X", source="", assumptions="", **wrong)


def test_a_statement_of_ones_own_and_its_kinds(dataset):
    @define_statement("mine", source="here", assumptions="A1", feedback="sparse")
    def mine(run):
        """The queue is short."""
        return Claim(run.metrics["queue_last"], run.V + 1.0)

    assert isinstance(mine, Statement) and mine.about == "The queue is short."
    result = theory.judge(dataset, LAW, statements=[mine, duality.T5])
    assert (result["reason"].sel(statement="mine") == "feedback is complete").all()
    assert isinstance(mine.conclude(_point()), Claim)
    assert mine.conclude(_point(stream_kind="not_iid")) == NotApplicable("requests are not i.i.d.")


def _point(**kinds):
    from messjax.theory import optimum
    from messjax.theory.statement import Run

    best, constants = optimum.solve(LAW, 0.5), theory.distribution_constants(LAW, 0.5)
    return Run(1.0, 0.5, 0.1, 0.25, 0.5, 10, 1.0, {"queue_last": np.ones(4)}, LAW, best, constants, **kinds)


@pytest.mark.parametrize(
    ("evaluate", "message"),
    [
        (lambda run: 3.0, r"statement 'mine': found the float 3.0, expected a Claim"),
        (lambda run: Claim(run.over("nope")[0], 0.0), r"a statement needs the metric 'nope', found .*queue_last"),
    ],
)
def test_an_error_in_a_statement_of_ones_own_names_it(dataset, evaluate, message):
    mine = define_statement("mine", source="here", assumptions="")(evaluate)
    with pytest.raises((TypeError, ValueError), match=message):
        theory.judge(dataset, LAW, statements=[mine])
