"""Streams and zoos: marginals come out right, kinds of labels, each request of a trace once, published averages."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import binom

from messjax import streams, zoo
from messjax.theory import optimum
from messjax.types import Distribution

COST, ACCURACY = np.array([1.0, 3.0, 9.0]), np.array([0.35, 0.6, 0.85])
N = 200_000
LABELS = ["independent", "comonotone"]


@jax.jit
def _draw(stream, key):
    return jax.lax.map(lambda k: stream.draw(k, (), jnp.int32(1))[1], jax.random.split(key, N), batch_size=1000)


def draw(stream, seed: int = 0):
    """N requests of an i.i.d. stream as NumPy arrays."""
    inside = stream.without_host_data()
    return jax.tree.map(np.asarray, _draw(inside, jax.random.key(seed)))


def plausible(hits, probability) -> bool:
    """Hits out of N compatible with the probability: 1e-6 in either tail, fixed seeds."""
    low, high = binom.ppf(1e-6, N, probability), binom.ppf(1 - 1e-6, N, probability)
    return bool(np.all((low <= hits) & (hits <= high)))


@pytest.fixture(scope="module", params=LABELS)
def calibrated(request):
    stream = streams.calibrated(COST, ACCURACY, num_features=5, labels=request.param)
    return request.param, stream, draw(stream)


@pytest.fixture(scope="module", params=LABELS)
def two_types(request):
    distribution = Distribution(
        np.array([0.25, 0.75]), np.stack([COST, 2 * COST]), np.array([[0.2, 0.5, 0.8], [0.6, 0.7, 0.9]])
    )
    return request.param, distribution, draw(streams.types(distribution, labels=request.param))


@pytest.mark.parametrize(("num_types", "spread"), [(1, 1.0), (7, 0.0), (16, 1.0), (50, 4.0)])
def test_graded_has_its_accuracies_exactly(num_types, spread):
    distribution = optimum.check_distribution(streams.graded(COST, ACCURACY, num_types=num_types, spread=spread))
    np.testing.assert_allclose(distribution.weight @ distribution.mean, ACCURACY, atol=1e-12)
    assert distribution.mean.shape == (num_types, 3) and (distribution.cost == COST).all()
    if num_types > 1:  # types run from easy to hard, by `spread` logits per unit of difficulty
        steps = np.diff(np.log(distribution.mean / (1 - distribution.mean)), axis=0)
        assert (steps < 0).all() if spread else np.abs(steps).max() < 1e-9
        np.testing.assert_allclose(steps, steps[:, :1] + np.zeros(3), atol=1e-9)


def test_calibrated_has_its_accuracies(calibrated):
    _, stream, requests = calibrated
    assert plausible(requests.satisfaction.sum(axis=0), ACCURACY)
    distribution = stream.distribution()
    assert distribution.kind == "sampled"
    np.testing.assert_allclose(distribution.weight @ distribution.mean, ACCURACY, atol=2e-3)  # 2^14 quasi-random points
    np.testing.assert_allclose(requests.mean.mean(axis=0), ACCURACY, atol=5 * requests.mean.std() / np.sqrt(N))
    assert set(np.unique(requests.satisfaction)) == {0.0, 1.0} and (requests.cost == COST).all()


def test_calibrated_logits_spread_and_share_as_asked(calibrated):
    _, _, requests = calibrated
    logits = np.log(requests.mean / (1 - requests.mean)).astype(np.float64)
    np.testing.assert_allclose(logits.std(axis=0), 1.5, rtol=0.01)
    np.testing.assert_allclose(np.corrcoef(logits.T)[np.triu_indices(3, 1)], 0.7, atol=0.01)


def test_comonotone_is_nested_and_independent_is_not(two_types):
    kind, distribution, requests = two_types
    labels = requests.satisfaction  # models are ordered by accuracy in either type
    nested = (labels[:, :-1] <= labels[:, 1:]).all(axis=1)
    assert nested.all() if kind == "comonotone" else nested.mean() < 0.95
    for k, at in enumerate(requests.features.argmax(axis=1) == np.arange(2)[:, None]):
        both = (labels[at, 0] * labels[at, 2]).mean()
        wanted = distribution.mean[k, 0] * (distribution.mean[k, 2] if kind == "independent" else 1.0)
        assert abs(both - wanted) < 5 * np.sqrt(wanted * (1 - wanted) / at.sum())


def test_types_come_with_their_weights_costs_and_means(two_types):
    _, distribution, requests = two_types
    assert set(np.unique(requests.features)) == {0.0, 1.0} and (requests.features.sum(axis=1) == 1).all()
    kind = requests.features.argmax(axis=1)
    assert plausible((kind == 0).sum(), 0.25)
    np.testing.assert_array_equal(requests.cost, distribution.cost.astype(np.float32)[kind])
    np.testing.assert_array_equal(requests.mean, distribution.mean.astype(np.float32)[kind])
    assert plausible(requests.satisfaction.sum(axis=0), distribution.weight @ distribution.mean)


def test_a_sampled_law_does_not_depend_on_unused_features():
    wide = streams.logistic(np.eye(2, 40), np.zeros(2), COST[:2]).distribution()
    narrow = streams.logistic(np.eye(2), np.zeros(2), COST[:2]).distribution()
    assert wide.mean.shape == narrow.mean.shape and abs(wide.mean.mean() - 0.5) < 1e-3
    # Independent logits: E[mu_1 mu_2] = 1/4, while the same direction twice gives E[mu^2] > 1/4.
    assert abs((wide.mean[:, 0] * wide.mean[:, 1]).mean() - 0.25) < 1e-3
    same = streams.logistic(np.ones((2, 1)), np.zeros(2), COST[:2]).distribution()
    assert (same.mean[:, 0] * same.mean[:, 1]).mean() > 0.28


GROUPS = np.repeat([7, 0, 3, 3], [9, 8, 7, 6])  # three of 9, 8 and 13


def orders(order: str) -> np.ndarray:
    """The row numbers that four streams of a 30-request trace meet, [4, 30]."""
    rows = np.arange(30.0)
    stream = streams.replay(
        rows[:, None], np.zeros((30, 2)) + (rows[:, None] % 2), rows[:, None] + [0, 1], order=order, groups=GROUPS
    )

    def one(key):
        def step(state, t):
            state, request = stream.draw(jax.random.fold_in(key, t), state, t)
            return state, request

        return jax.lax.scan(step, stream.init(key), 1 + jnp.arange(30))[1]

    requests = jax.vmap(one)(jax.random.split(jax.random.key(0), 4))
    met = np.asarray(requests.features[..., 0]).astype(int)
    np.testing.assert_array_equal(requests.cost[..., 0], met)  # features, costs and labels of one row stay together
    np.testing.assert_array_equal(requests.satisfaction[..., 1], met % 2)
    assert np.isnan(requests.mean).all() and stream.length == 30
    return met


def test_replay_meets_every_request_once_and_every_key_in_its_own_order():
    met = orders("shuffled")
    assert (np.sort(met, axis=1) == np.arange(30)).all()
    assert len({tuple(order) for order in met} | {tuple(range(30))}) == 5
    assert (orders("file") == np.arange(30)).all()


def test_replay_of_groups_is_one_after_the_other_each_shuffled():
    met = orders("groups")
    assert (np.sort(met, axis=1) == np.arange(30)).all()
    sequences = []
    for order in met:
        label = GROUPS[order]
        changes = np.flatnonzero(np.diff(label))
        assert len(changes) == 2  # every group is left once
        sequences.append(tuple(label[[0, *(changes + 1)]]))
        assert any((np.diff(order[label == group]) < 0).any() for group in (7, 0, 3))
    assert len(set(sequences)) > 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": "sorted"}, "order: found 'sorted', expected one of shuffled, file, groups"),
        ({"order": "groups"}, "groups: expected 2 whole numbers >= 0"),
        ({"order": "groups", "groups": np.array([0.5, 1.0])}, "groups: expected 2 whole numbers >= 0, found float64"),
        ({"order": "groups", "groups": np.array([0, -1])}, "groups: expected 2 whole numbers"),
    ],
)
def test_replay_names_a_wrong_order(options, message):
    with pytest.raises(ValueError, match=message):
        streams.replay(np.zeros((2, 1)), np.zeros((2, 2)), np.ones((2, 2)), **options)


def test_replays_law_is_that_of_its_labels():
    labels = np.array([[0.0, 1.0], [1.0, 0.5]])
    distribution = streams.replay(np.zeros((2, 1)), labels, np.array([[1.0, 2.0], [1.0, 4.0]])).distribution()
    assert (
        distribution.kind == "labels"
        and distribution.weight.tolist() == [0.5, 0.5]
        and (distribution.mean == labels).all()
    )
    # The cheapest model meets request 2; request 1 costs one more: clairvoyantly .75 costs 1.25.
    assert optimum.solve(distribution, 0.75).cost == pytest.approx((1 + 0.5 + 1) / 2)


# --- zoos -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", zoo.PRESETS)
def test_zoos_are_laws_with_models_by_cost(preset):
    result = zoo.get(preset)
    distribution = optimum.check_distribution(result.distribution())
    assert distribution.mean.shape == (len(result.benchmarks), len(result.models)) and result.name == preset
    assert (np.diff(result.cost, axis=1) > 0).all() and (result.alpha <= distribution.mean.max(axis=1)).all()
    np.testing.assert_allclose(result.mean_cost(), distribution.weight @ distribution.cost)
    np.testing.assert_allclose(result.mean_accuracy(), distribution.weight @ distribution.mean)
    for k, benchmark in enumerate(result.benchmarks):
        one = zoo.get(f"{preset}/{benchmark.lower()}")
        assert one.benchmarks == (benchmark,) and one.alpha == result.alpha[k]
        assert (one.cost == result.cost[k]).all() and (one.accuracy == result.accuracy[k]).all()


def test_llama3_gives_back_the_published_totals_and_averages():
    """docs/theory, "Facts": MJ of the whole benchmark, and 1.07 MJ of MESS+ against what the models alone need."""
    result = zoo.get("llama3")
    requests = np.array([1172, 2376, 3270, 651, 1838, 1000, 1954, 1267])
    megajoule = result.cost * requests[:, None] / 1000
    np.testing.assert_allclose(megajoule[:, 0], [0.09, 0.36, 0.14, 0.29, 0.07, 0.10, 0.13, 0.06])
    np.testing.assert_allclose(megajoule[:, 2], [2.35, 8.88, 3.40, 7.37, 1.84, 2.23, 3.00, 1.29])
    np.testing.assert_allclose(result.accuracy[0], [0.379, 0.544, 0.608])
    assert result.alpha.tolist() == [0.50, 0.75, 0.80, 0.40, 0.78, 0.96, 0.44, 0.70]
    # "on ARC-C at alpha .50 mixing 1B and 8B costs .36 MJ"
    arc = zoo.get("llama3/ARC-C")
    assert optimum.solve(arc.distribution(), 0.5).cost * 1.172 == pytest.approx(0.36, abs=0.005)


def test_workshop_has_the_published_energy_ratio():
    result = zoo.get("workshop")
    assert (result.cost[:, 1] / result.cost[:, 0] == 5.5).all() and len(result.models) == 2
