"""Every refusal on the host is one ValueError, before anything runs, that says what was found and what expected."""

from __future__ import annotations

import jax
import numpy as np
import pytest
import xarray as xr

from messjax import feedback, meters, policies, predictors, results, streams, zoo
from messjax.engine import blocks, grid_sweep, simulation
from messjax.meters import folds, standard_meters
from messjax.theory import optimum, verdicts
from messjax.types import Controls, Distribution

K, M, D = 2, 3, 5
LAW = Distribution(np.array([0.5, 0.5]), np.array([[1.0, 2.0, 3.0]] * K), np.array([[0.2, 0.5, 0.8], [0.4, 0.6, 0.9]]))
TYPES = streams.types(LAW)
COST, ACCURACY = np.array([1.0, 2.0, 3.0]), np.array([0.3, 0.5, 0.8])
FEATURES, LABELS, COSTS = np.zeros((6, D)), np.ones((6, M)), np.ones((6, M))
TRACE = streams.replay(FEATURES, LABELS, COSTS)
LOGISTIC = (np.zeros((M, D)), np.zeros(M), COST)


def swept(stream=TYPES, policy=None, horizon=6, num_streams=2, controls=None, **more):
    controls = Controls(alpha=0.5) if controls is None else controls
    policy = policies.uniform() if policy is None else policy
    return grid_sweep.sweep(
        jax.random.key(0), controls, policy=policy, stream=stream, horizon=horizon, num_streams=num_streams, **more
    )


def ran(stream=TYPES, horizon=6, policy=None, **more):
    policy = policies.uniform() if policy is None else policy
    return simulation.simulate(jax.random.key(0), Controls(), policy=policy, stream=stream, horizon=horizon, **more)


def changed(array, index, value):
    array = np.array(array, float)
    array[index] = value
    return array


def routed(learner):
    return lambda: swept(policy=policies.mess_plus(learner()))


# name: (the call, words that its message must have)
CONTROLS = {
    "alpha infeasible": (lambda: swept(controls=Controls(alpha=[0.5, 0.86])), ("alpha", "0.86", "0.850000")),
    "alpha infeasible for the trace": (
        lambda: swept(streams.replay(FEATURES, LABELS * 0.25, COSTS), controls=Controls(alpha=0.5)),
        ("alpha", "0.5", "0.25"),
    ),
    "alpha above one": (lambda: swept(controls=Controls(alpha=1.2)), ("alpha", "1.2", "[0, 1]")),
    "alpha below zero": (lambda: swept(controls=Controls(alpha=[0.1, -0.2])), ("alpha", "-0.2", "[0, 1]")),
    "alpha NaN": (lambda: swept(controls=Controls(alpha=np.nan)), ("alpha", "nan", "[0, 1]")),
    "V NaN": (lambda: swept(controls=Controls(V=[1.0, np.nan])), ("V", "nan", "[0, ")),
    "V negative": (lambda: swept(controls=Controls(V=-1.0)), ("V", "-1", "[0, ")),
    "V infinite": (lambda: swept(controls=Controls(V=np.inf)), ("V", "inf", "[0, ")),
    "c negative": (lambda: swept(controls=Controls(c=-0.1)), ("c:", "-0.1", "[0, ")),
    "c NaN": (lambda: swept(controls=Controls(c=np.nan)), ("c:", "nan", "[0, ")),
    "a negative": (lambda: swept(controls=Controls(a=-0.1)), ("a:", "-0.1", "[0, ")),
    "f with complete feedback": (lambda: swept(controls=Controls(f=0.5)), ("f:", "0.5", "feedback.sparse")),
    "f above one": (lambda: swept(controls=Controls(f=1.5)), ("f:", "1.5", "[0, 1]")),
    "no number": (lambda: swept(controls=Controls(V="much")), ("V", "much", "number")),
    "an empty list": (lambda: swept(controls=Controls(alpha=[])), ("alpha", "(0,)", "non-empty")),
    "a matrix": (lambda: swept(controls=Controls(V=np.ones((2, 2)))), ("V", "(2, 2)", "1-d")),
}
RUNS = {
    "no policies": (lambda: swept(policy={}), ("policy", "empty")),
    "half a request": (lambda: swept(horizon=2.5), ("horizon", "whole number", "2.5")),
    "two models of one name": (lambda: swept(models=("a", "b", "a")), ("models", "3 different", "a, b, a")),
    "no streams": (lambda: swept(num_streams=0), ("num_streams", "expected 1 to", "found 0")),
    "block of none": (lambda: swept(block=0), ("block", "at least one", "found 0")),
    "horizon zero": (lambda: swept(horizon=0), ("horizon", "found 0")),
    "horizon beyond a trace": (lambda: swept(TRACE, horizon=7), ("6 requests", "horizon 7")),
    "horizon beyond int32": (lambda: swept(horizon=2**31), ("2^31 - 1", str(2**31))),
    "simulate beyond a trace": (lambda: ran(TRACE, horizon=7), ("6 requests", "horizon 7")),
    "simulate for nothing": (lambda: ran(horizon=-1), ("horizon", "found -1")),
    "more checkpoints than requests": (lambda: swept(checkpoints=7), ("checkpoints", "0 to 6", "found 7")),
    "checkpoints negative": (lambda: ran(checkpoints=-1), ("checkpoints", "found -1")),
    "unknown curve": (lambda: swept(checkpoints=2, curves=("regret",)), ("curves", "regret", "satisfaction")),
    "too few model names": (lambda: swept(models=("a", "b")), ("models", "expected 3", "found 2", "a, b")),
    "two meters of one name": (
        lambda: swept(meter=folds.zip_meters(standard_meters.ledger(), standard_meters.ledger())),
        ("two meters", "share the name"),
    ),
    "predictor of other d": (routed(lambda: predictors.linear(K + 1, M)), ("policy does not fit", "(2,)", "3 models")),
    "predictor of other K": (routed(lambda: predictors.tabular(K + 1, M)), ("policy does not fit", "(2,)", "3 models")),
    "mlp of other d": (routed(lambda: predictors.mlp(K + 1, M)), ("policy does not fit", "(2,)", "3 models")),
    "predictor of more models": (routed(lambda: predictors.linear(K, M + 1)), ("policy does not fit", "3 models")),
    "predictor of one model": (routed(lambda: predictors.linear(K, 1)), ("policy does not fit", "3 models")),
    "mixture of other models": (
        lambda: swept(policy=policies.mixture(COST[:2], ACCURACY[:2])), ("policy does not fit", "3 models")
    ),
    "a model there is not": (lambda: swept(policy=policies.single(M)), ("single", "below 3", "found 3")),
}  # fmt: skip
PARTS = {
    "single negative": (lambda: policies.single(-1), ("single", "-1", ">= 0")),
    "mixture of accuracy above one": (lambda: policies.mixture(COST, ACCURACY + 0.5), ("mean", "1.3", "[0, 1]")),
    "mixture of negative cost": (lambda: policies.mixture(-COST, ACCURACY), ("cost", "-1", "non-negative")),
    "oracle on a trace": (lambda: predictors.oracle(TRACE), ("oracle", "unknown", "synthetic")),
    "noisy on a trace": (lambda: predictors.noisy(TRACE, 0.1), ("noisy", "unknown", "synthetic")),
    "noisy with NaN": (lambda: predictors.noisy(TYPES, np.nan), ("noisy", "nan", "finite")),
    "noisy that unlearns": (lambda: predictors.noisy(TYPES, 0.1, q=-1), ("q", "-1", ">= 0")),
    "unknown labels": (lambda: streams.types(LAW, labels="gumbel"), ("'gumbel'", "independent, comonotone")),
    "unknown labels, calibrated": (
        lambda: streams.calibrated(COST, ACCURACY, labels="gumbel"), ("'gumbel'", "independent, comonotone")
    ),
    "types of other shapes": (lambda: streams.types(LAW._replace(mean=LAW.mean[:1])), ("(1, 3)", "[K, M]")),
    "types of weights": (
        lambda: streams.types(LAW._replace(weight=np.array([0.5, 0.6]))), ("weight", "1.1", "1 within")
    ),
    "types of negative cost": (lambda: streams.types(LAW._replace(cost=-LAW.cost)), ("cost", "-1", "non-negative")),
    "types of NaN cost": (
        lambda: streams.types(LAW._replace(cost=changed(LAW.cost, (1, 2), np.nan))), ("cost", "nan", "type 1, model 2")
    ),
    "types of means above one": (lambda: streams.types(LAW._replace(mean=LAW.mean + 0.5)), ("mean", "1.3", "[0, 1]")),
    "logistic of other shapes": (
        lambda: streams.logistic(LOGISTIC[0], LOGISTIC[1][:2], COST), ("(3, 5)", "(2,)", "[M, d], [M], [M]")
    ),
    "logistic NaN": (lambda: streams.logistic(LOGISTIC[0] * np.nan, *LOGISTIC[1:]), ("NaN", "finite")),
    "logistic negative cost": (lambda: streams.logistic(*LOGISTIC[:2], -COST), ("cost", "-1.0", ">= 0")),
    "calibrated, accuracy one": (
        lambda: streams.calibrated(COST, [0.3, 0.5, 1.0]), ("1.0", "strictly between 0 and 1")
    ),
    "calibrated, few features": (
        lambda: streams.calibrated(COST, ACCURACY, num_features=M), ("num_features", ">= M + 1 = 4", "found 3")
    ),
    "calibrated, shared": (lambda: streams.calibrated(COST, ACCURACY, shared=1.5), ("shared", "[0, 1]", "1.5")),
    "graded, accuracy zero": (lambda: streams.graded(COST, [0.0, 0.5, 0.9]), ("0.0", "strictly between 0 and 1")),
    "graded, no types": (lambda: streams.graded(COST, ACCURACY, num_types=0), ("at least one type", "found 0")),
    "empty trace": (lambda: streams.replay(FEATURES[:0], LABELS[:0], COSTS[:0]), ("at least one request", "(0, 3)")),
    "trace of other shapes": (lambda: streams.replay(FEATURES[:5], LABELS, COSTS), ("(5, 5)", "(6, 3)", "[N, d]")),
    "trace of flat labels": (lambda: streams.replay(FEATURES, LABELS[:, 0], COSTS), ("(6,)", "[N, M]")),
    "trace satisfaction": (
        lambda: streams.replay(FEATURES, changed(LABELS, (2, 1), 1.5), COSTS), ("satisfaction[2, 1]", "1.5", "[0, 1]")
    ),
    "trace satisfaction NaN": (
        lambda: streams.replay(FEATURES, changed(LABELS, (2, 1), np.nan), COSTS), ("satisfaction[2, 1]", "nan")
    ),
    "trace cost negative": (
        lambda: streams.replay(FEATURES, LABELS, changed(COSTS, (5, 0), -1)), ("cost[5, 0]", "-1.0", ">= 0")
    ),
    "trace cost NaN": (lambda: streams.replay(FEATURES, LABELS, changed(COSTS, (5, 0), np.nan)), ("cost[5, 0]", "nan")),
    "trace features": (
        lambda: streams.replay(changed(FEATURES, (0, 4), np.inf), LABELS, COSTS), ("features[0, 4]", "inf", "finite")
    ),
    "unknown zoo": (lambda: zoo.get("gemma"), ("'gemma'", "llama3, qwen, workshop")),
    "unknown benchmark": (lambda: zoo.get("llama3/GSM8K"), ("'GSM8K'", "ARC-C", "Winogrande")),
    "missing file": (lambda: results.load("/nowhere/run.nc"), ("/nowhere/run.nc", "no such file", "NetCDF")),
    "no NetCDF": (lambda: results.load(__file__), ("test_refusals.py", "NetCDF", "does not begin as an HDF5 file")),
    "a folder": (lambda: results.load("/"), ("/:", "NetCDF")),
    "infeasible optimum": (lambda: optimum.solve(LAW, 0.9), ("0.9", "0.85", "largest attainable")),
}  # fmt: skip
ALL = CONTROLS | RUNS | PARTS

STREAM = zoo.get("llama3").stream()
ROUTER = policies.mess_plus(predictors.oracle(STREAM))
COMMON = {"controls": Controls(alpha=0.6), "policy": ROUTER, "stream": STREAM, "horizon": 4}
# name: (the argument, what is given for it, words that the message must have beside the argument's name)
ARGUMENTS = {
    "a key that is an int": ("key", 7, ("the int 7", "jax.random.key(0)")),
    "no key": ("key", None, ("None", "jax.random.key(0)")),
    "several keys": ("key", jax.random.split(jax.random.key(0), 2), ("[2]", "one random key")),
    "a dict for controls": ("controls", {"V": 1.0, "alpha": 0.6}, ("a dict", "Controls(V=")),
    "numbers for controls": ("controls", [1.0, 0.6], ("a list", "Controls(V=")),
    "a predictor for a policy": ("policy", predictors.oracle(STREAM), ("a Predictor", "policies.mess_plus(predictor)")),
    "a list for a policy": ("policy", [ROUTER], ("a list", "a Policy")),
    "a factory for a policy": ("policy", policies.mess_plus, ("mess_plus (not called)", "a Policy")),
    "a name for a policy": ("policy", "mess_plus", ("the str 'mess_plus'", "a Policy")),
    "a zoo for a stream": ("stream", zoo.get("llama3"), ("a Zoo", "stream()")),
    "a distribution for a stream": ("stream", zoo.get("llama3").distribution(), ("a Distribution", "streams.types")),
    "a factory for a stream": ("stream", streams.replay, ("replay (not called)", "a Stream")),
    "a string for a meter": ("meter", "standard", ("the str 'standard'", "meters.standard()")),
    "a factory for a meter": ("meter", meters.ledger, ("ledger (not called)", "a Meter")),
    "a string for feedback": ("feedback", "sparse", ("the str 'sparse'", "feedback.complete")),
    "a factory for feedback": ("feedback", feedback.noisy, ("noisy (not called)", "feedback.noisy(0.1)")),
    "half a horizon": ("horizon", 1e1, ("the float 10.0", "whole number")),
    "half a checkpoint": ("checkpoints", 1.0, ("the float 1.0", "whole number")),
    "one string for curves": ("curves", "cost", ("the str 'cost'", "('cost', 'satisfaction')")),
    "strings for V": ("controls: V", Controls(V=["1", "10"], alpha=0.6), ("list ['1', '10']", "list of numbers")),
    "a string for V": ("controls: V", Controls(V="1", alpha=0.6), ("the str '1'", "a number")),
    "None for alpha": ("controls: alpha", Controls(alpha=None), ("None", "a number")),
    "True for f": ("controls: f", Controls(alpha=0.6, f=True), ("True", "a number")),
}
SWEEP_ONLY = {
    "duplicate V": ("controls: V", Controls(V=[1.0, 10.0, 10.0], alpha=0.6), ("10 2 times", "different values")),
    "duplicate alpha": ("controls: alpha", Controls(alpha=[0.6, 0.6 + 1e-9]), ("0.6 2 times", "six decimals")),
    "a float for num_streams": ("num_streams", 1e1, ("the float 10.0", "whole number of streams")),
    "a float for block": ("block", 2.0, ("the float 2.0", "whole number")),
    "a string for devices": ("devices", "1", ("the str '1'", "whole number")),
    "a string for memory": ("memory", "1", ("the str '1'", "a number of GiB")),
    "one string for models": ("models", "abc", ("the str 'abc'", "a name for each of the 3 models")),
    "a number for a unit": ("cost_unit", 1, ("the int 1", "a string")),
    "a policy's name that is no string": ("policy", {1: ROUTER}, ("the int 1", "a string")),
    "a predictor among policies": ("policy", {"a": predictors.oracle(STREAM)}, ("'a'", "a Predictor", "a Policy")),
    "a progress that cannot be called": ("progress", 3, ("the int 3", "a function")),
}


CASES = [pytest.param(name, grid_sweep.sweep, id=f"sweep: {name}") for name in ARGUMENTS | SWEEP_ONLY]
CASES += [pytest.param(name, simulation.simulate, id=f"simulate: {name}") for name in ARGUMENTS]


@pytest.mark.parametrize(("name", "run"), CASES)
def test_an_argument_of_another_kind_is_one_clear_line(name, run):
    place, value, words = (ARGUMENTS | SWEEP_ONLY)[name]
    keyword, _, control = place.partition(": ")
    arguments = {"key": jax.random.key(0), **COMMON, keyword: value}
    with pytest.raises((TypeError, ValueError)) as caught:
        run(**arguments)
    message = str(caught.value)
    assert message.startswith(control or keyword) or f"{keyword}[" in message or f"of {keyword}" in message, message
    assert type(caught.value) in (TypeError, ValueError) and "\n" not in message and "expected" in message
    assert all(word in message for word in words), message


def test_the_predictor_of_a_policy_is_checked_when_the_policy_is_made():
    with pytest.raises(TypeError, match=r"predictor: found the function linear \(not called\), expected a Predictor"):
        policies.mess_plus(predictors.linear)
    with pytest.raises(TypeError, match=r"predictor: found a Policy, expected a Predictor"):
        policies.mess_plus(policies.uniform())


def a_zoo(models=("a", "b"), cost=((1.0, 2.0),), accuracy=((0.5, 0.6),), alpha=(0.5,)):
    return zoo.Zoo("mine", models, ("QA",), cost, accuracy, alpha, "USD", "made up")


ZOOS = {
    "unsorted": ({"cost": [[3.0, 1.0]]}, ("'a' (mean cost 3) before 'b' (1)", "sorted by mean cost")),
    "cost and accuracy swapped": ({"cost": [[0.5, 0.6]], "accuracy": [[1.0, 2.0]]}, ("accuracy is 2", "in [0, 1]")),
    "a cost too few": ({"cost": [[1.0]]}, ("cost has shape (1, 1)", "expected (1, 2)")),
    "a flat accuracy": ({"accuracy": [0.5, 0.6]}, ("accuracy has shape (2,)", "expected (1, 2)")),
    "no alpha of a benchmark": ({"alpha": []}, ("alpha has shape (0,)", "expected (1,)")),
    "a negative cost": ({"cost": [[-1.0, 1.0]]}, ("cost is -1", ">= 0")),
    "a name twice": ({"models": ("a", "a")}, ("'a'", "different names")),
    "one string for names": ({"models": "ab"}, ("models is one string", "a tuple")),
}


@pytest.mark.parametrize("name", ZOOS)
def test_a_zoo_is_checked_when_it_is_made(name):
    changes, words = ZOOS[name]
    a_zoo()
    with pytest.raises(ValueError, match="zoo 'mine'") as caught:
        a_zoo(**changes)
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize("name", ALL)
def test_refusals(name, monkeypatch):
    call, words = ALL[name]
    if name != "unknown curve":  # known when the grid is traced; all else is refused before it is
        monkeypatch.setattr(blocks, "run", lambda *a, **k: pytest.fail("the sweep had started"))
    with pytest.raises(ValueError, match=r"\S") as caught:
        call()
    message = str(caught.value)
    assert type(caught.value) is ValueError and "\n" not in message
    assert all(word in message for word in words), message


@pytest.mark.long
def test_what_is_just_allowed_is_not_refused():
    extremes = Controls(V=0.0, alpha=1.0, c=0.0, a=0.0, f=0.0)
    swept(TRACE, horizon=6, checkpoints=6, controls=extremes, feedback=feedback.sparse, meter=standard_meters.ledger())
    swept(
        controls=Controls(alpha=optimum.largest_alpha(LAW)),
        num_streams=1,
        meter=standard_meters.ledger(),
        models=("a", "b", "c"),
    )


ZOO, TYPED = zoo.get("llama3"), streams.types(LAW)
# name: (the call, words that its message must have)
OTHERS = {
    "a zoo for the types of a stream": (lambda: streams.types(ZOO), ("distribution: found a Zoo", "a Distribution")),
    "a zoo for a part": (lambda: streams.change(TYPED, ZOO, 4), ("change: after: found a Zoo", "zoo.stream()")),
    "a zoo in a chain": (lambda: streams.chain((ZOO, 4)), ("chain: part 0: found a Zoo", "zoo.stream()")),
    "a zoo with classes": (lambda: streams.with_classes(ZOO, [1.0]), ("stream: found a Zoo", "zoo.stream()")),
    "a zoo for an oracle": (lambda: predictors.oracle(ZOO), ("stream: found a Zoo", "zoo.stream()")),
    "a zoo for an optimum": (lambda: optimum.solve(ZOO, 0.6), ("distribution: found a Zoo", "zoo.distribution()")),
    "no alpha for an optimum": (lambda: optimum.solve(LAW, None), ("alpha is None", "in [0, 1]")),
    "a predictor to tighten": (
        lambda: policies.tightened(predictors.oracle(TYPED), 0.1),
        ("policy: found",),
    ),
    "a predictor to delay": (
        lambda: policies.delayed(predictors.oracle(TYPED), 1, K, M),
        ("policy: found",),
    ),
    "a name for a meter": (lambda: meters.zip_meters("cost", meters.ledger()), ("meters: found the str 'cost'",)),
    "a zoo to judge by": (
        lambda: verdicts.judge(xr.Dataset(), ZOO),
        ("distribution: found a Zoo", "stream.distribution()"),
    ),
    "a dict to judge": (lambda: verdicts.judge({}, LAW), ("dataset: found a dict", "a result of sweep")),
}


@pytest.mark.parametrize("name", OTHERS)
def test_whatever_takes_a_component_checks_its_kind(name):
    call, words = OTHERS[name]
    with pytest.raises((TypeError, ValueError)) as caught:
        call()
    assert "expected" in str(caught.value) and "\n" not in str(caught.value)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_a_kind_is_no_string():
    own = TYPES._replace(kind="iid")
    with pytest.raises(TypeError, match=r"kind of the Stream: found the str 'iid', expected a Kind.*Kind\('iid'\)"):
        ran(own)
    with pytest.raises(TypeError, match="kind of the Predictor: found the str 'mine'"):
        policies.mess_plus(predictors.oracle(TYPES)._replace(kind="mine"))
    with pytest.raises(TypeError, match="kind of the Policy: found None"):
        ran(policy=policies.uniform()._replace(kind=None))


def test_a_model_that_does_not_exist_is_a_warning_before_a_wrong_number():
    policy = policies.single(0)

    def act(*arguments):
        return policy.act(*arguments)._replace(serve=jax.numpy.int32(7))

    with pytest.warns(UserWarning, match=r"the policy served 100.0% of the requests with a model that does not exist"):
        swept(policy=policy._replace(act=act), num_streams=2, horizon=5)
