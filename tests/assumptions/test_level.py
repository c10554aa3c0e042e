"""Level of the checks of A1-A8: an assumption that is true is rejected rarely."""

from __future__ import annotations

import numpy as np
from support.assumption_cases import assert_rare, labels, rejected

from proofs_check.assumptions.exploration import check_exploration
from proofs_check.assumptions.order import check_order, standardised
from proofs_check.assumptions.report import rms_of_means
from proofs_check.assumptions.scores import check_bounded, check_feedback, check_labels, check_largest, check_slater


def test_level_of_a1_on_iid_requests():
    wrong = []
    for seed in range(300):
        series = standardised(labels(np.random.default_rng([1, seed]), 120))
        checks = check_order({"one": series[:, 0], "other": series[:, 1]}, seed=seed, permutations=99)
        wrong.append(bool(rejected(checks)))
    assert_rare(wrong)


def test_level_of_a4_with_a_coin_that_fades():
    wrong = []
    for seed in range(300):
        rng = np.random.default_rng([4, seed])
        p = np.minimum(1.0, np.arange(1, 61) ** -0.5)
        z = rng.normal(size=(12, 60, 3)) + 2.0 * p[:, None]  # both depend on t: alone, t explains nothing else
        wrong.append(
            check_exploration(rng.random((12, 60)) < p, z, "abc", seed=seed, permutations=99).verdict == "rejected"
        )
    assert_rare(wrong)


def test_level_of_the_intervals_at_the_edge_of_their_assumptions():
    wrong: dict[str, list[bool]] = {"A2": [], "A3": [], "A5 trace": [], "A5 stream": [], "A8": []}
    for seed in range(400):
        rng = np.random.default_rng([3, seed])
        s = labels(rng, 300, (0.7, 0.7))
        wrong["A3"].append(any(c.verdict in ("holds", "rejected") for c in check_slater(s, 0.7, "ab")[:1]))
        wrong["A8"].append(check_largest(s, np.tile([1.0, 2.0], (300, 1)), "ab")[0].verdict != "undecided")
        wrong["A2"].append("A2" in rejected(check_bounded(s, rng.uniform(1, 3, (300, 2)), "ab")))
        mu = rng.uniform(0.1, 0.9, (300, 2))
        asked = rng.random((300, 2)) < 0.8
        back = check_feedback((rng.random((300, 2)) < mu).astype(float), asked, mu, asked)
        wrong["A5 stream"].append("A5" in rejected(back))
        s[rng.random(300) < 0.2, 0] = np.nan  # at random
        wrong["A5 trace"].append(check_labels(s, "ab")[1].verdict == "rejected")
    for verdicts in wrong.values():
        assert_rare(verdicts)


def test_rms_of_means_covers_the_truth_with_and_without_a_drift():
    for drift in (0.0, 0.2):
        missed = []
        for seed in range(300):
            rng = np.random.default_rng([7, seed])
            groups = np.arange(1000) // 100
            truth = drift * np.resize([1.0, -1.0], 10)
            result = rms_of_means(rng.normal(size=(1000, 2)) + truth[groups, None], groups, centred=True)
            missed.append(not result.lower <= drift <= result.upper)
        assert_rare(missed)
