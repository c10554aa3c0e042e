"""Arguments of streams, feedback and wrappers that do not fit are refused by name."""

from __future__ import annotations

import numpy as np
import pytest
from support.stream_runs import COST, EASY, KEY

from messjax import feedback, policies, predictors, streams, zoo
from messjax.engine import simulation
from messjax.meters import standard_meters
from messjax.streams import service_classes as stream_classes
from messjax.types import Controls

TYPES, RECORDED = streams.types(EASY), streams.replay(np.zeros((3, 2)), np.ones((3, 3)), np.ones((3, 3)))
ROUTER = policies.mess_plus(predictors.tabular(2, 3))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: streams.chain(), "chain: expected at least one stream"),
        (lambda: streams.chain((TYPES, 0)), "chain: part 0 has 0 requests"),
        (lambda: streams.chain((TYPES, 1), (RECORDED, 4)), "part 1 is a trace of 3 requests, found 4"),
        (
            lambda: streams.chain((TYPES, 1), (streams.types(streams.graded(COST, [0.1, 0.2, 0.3])), 4)),
            r"chain: part 1 has features \(16,\) and costs \(3,\), expected features \(2,\)",
        ),
        (lambda: streams.change(TYPES, TYPES, 0), "change: at is 0"),
        (lambda: streams.change(RECORDED, TYPES, 9), "change: before is a trace of 3 requests, found 8"),
        (
            lambda: streams.drift(TYPES, RECORDED, 4),
            "drift: last is a trace of 3 requests, expected at least 4",
        ),
        (lambda: streams.modulated([TYPES, TYPES], np.eye(3)), r"transition has shape \(3, 3\), expected \[2, 2\]"),
        (lambda: streams.modulated([TYPES, TYPES], np.eye(2)), "more than one stationary distribution"),
        (lambda: streams.modulated([TYPES, TYPES], np.array([[0.5, 0.6], [1, 0]])), "row 0 .* sums to 1.1"),
        (lambda: streams.modulated([TYPES, TYPES], np.array([[1.5, -0.5], [1, 0]])), "found negative ones"),
        (
            lambda: streams.adversarial(EASY, 3, order="worst"),
            "order is 'worst', expected one of hard first, hard last",
        ),
        (lambda: streams.adversarial(EASY, 3, model=3), "model is 3, expected a number below 3"),
        (lambda: streams.benchmarks(COST, [0.1, 0.2, 0.3], [1, 2]), "1 rows of cost, 1 of accuracy and 2 numbers"),
        (lambda: streams.lognormal(TYPES, 3.0), "sigma is 3.0"),
        (lambda: streams.lognormal(TYPES, 1.0, across="models"), "across is 'models'"),
        (lambda: streams.by_length(TYPES, COST, np.array([1.0, 0.5, 2.0])), "expected finite mean lengths >= 1"),
        (lambda: streams.by_length(TYPES, COST, np.ones(2)), r"found price \(3,\) and length \(2,\)"),
        (lambda: streams.with_classes(TYPES, np.array([0.5, 0.6])), "expected probabilities"),
        (lambda: stream_classes.of_type(np.array([0.5])), "expected whole numbers"),
        (lambda: feedback.noisy(1.5), "flip is 1.5"),
        (lambda: feedback.noisy(0.1, queue_labels="both"), "queue_labels is 'both'"),
        (lambda: policies.delayed(ROUTER, -1, 2, 3), "found delay -1"),
        (lambda: policies.running_mean_costs(ROUTER, 0), "num_models is 0"),
        (lambda: policies.running_mean_costs(ROUTER, 3, start=-1.0), "start is -1.0"),
        (lambda: policies.by_class(ROUTER, np.array([0.5, 1.2])), r"expected alphas \[C\] in \[0, 1\]"),
        (lambda: policies.by_class(policies.single(0), np.array([0.5])), "expected a router .* of state Fixed"),
        (lambda: zoo.synthetic(1), "found 1 models"),
        (lambda: zoo.synthetic(3, spread=1.0), "spread 1.0"),
        (lambda: zoo.synthetic(9, families=9, gap=0.2), "accuracies from"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (policies.delayed(ROUTER, 2, 5, 3), "delayed: built for 5 features and 3 models, expected 2 and 3"),
        (policies.running_mean_costs(ROUTER, 2), "built for 2 models, expected 3"),
    ],
)
def test_a_wrapper_of_another_shape_is_refused_before_it_runs(policy, message):
    with pytest.raises(ValueError, match=message):
        simulation.simulate(
            KEY, Controls(alpha=0.5), policy=policy, stream=TYPES, horizon=3, meter=standard_meters.sla()
        )
