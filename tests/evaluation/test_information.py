"""The split of a router's excess: it adds up, each part is zero where it must be, labels estimate what means say."""

from __future__ import annotations

import numpy as np
import pytest

from messjax.evaluation.information import PARTS, Path, best_in_cell, regret_split
from messjax.theory import bins_of

T, PRICE, ALPHA = 4_000, 3.0, 0.6
RNG = np.random.default_rng(0)
KIND = RNG.integers(0, 4, T)
MEAN = np.array([[0.1, 0.9], [0.8, 0.9], [0.4, 0.6], [0.3, 0.9]])[KIND]
COST = np.tile([0.2, 1.2], (T, 1))


def path(**changes) -> Path:
    best = (COST - PRICE * MEAN).argmin(axis=1)
    return Path(COST, MEAN, MEAN, best, np.zeros(T, bool), best)._replace(**changes)


def split(given: Path, cells: np.ndarray) -> dict[str, float]:
    parts = regret_split(given, cells, alpha=ALPHA, price=PRICE)
    np.testing.assert_allclose(sum(parts[name] for name in PARTS), parts["excess"], atol=1e-12)
    return {name: float(values.mean()) for name, values in parts.items()}


def test_an_oracle_at_the_price_pays_nothing_and_cells_lose_what_they_do_not_show():
    assert all(abs(value) < 1e-12 for value in split(path(), KIND).values())
    blind = split(path(), np.zeros(T, int))
    assert blind["refinement"] > 0.1 and blind["calibration"] == pytest.approx(-blind["refinement"])
    assert blind["excess"] == 0.0  # the router sees more than the cell


def test_each_part_shows_its_own_cause():
    wrong = MEAN[:, ::-1]  # the models confused
    served = (COST - PRICE * wrong).argmin(axis=1)
    parts = split(path(s_hat=wrong, serve=served), KIND)
    assert parts["calibration"] > 0.1 and parts["control"] == parts["refinement"] == parts["exploration"] == 0.0
    parts = split(path(serve=np.ones(T, int)), KIND)  # the price is far too high
    assert parts["control"] > 0.05 and parts["calibration"] == parts["refinement"] == 0.0
    explored = np.arange(T) % 10 == 0
    parts = split(path(explored=explored), KIND)
    assert parts["exploration"] == pytest.approx(parts["excess"]) and parts["exploration"] > 0.02


def test_labels_estimate_what_means_say():
    served = RNG.integers(0, 2, T)
    labels = (RNG.random((T, 2)) < MEAN).astype(float)
    given = path(serve=served, explored=RNG.random(T) < 0.1, s_hat=MEAN[:, ::-1])
    known, seen = (
        regret_split(each, KIND, alpha=ALPHA, price=PRICE) for each in (given, given._replace(satisfaction=labels))
    )
    for name in PARTS:
        gap = seen[name] - known[name]
        assert abs(gap.mean()) < 4.0 * gap.std() / np.sqrt(T) + 1e-12, name


def test_cells_are_evaluated_on_the_other_half_and_bins_are_even():
    noise = RNG.normal(size=(400, 2))  # nothing to find: an in-sample choice would look 0.5 better
    own = np.arange(400) // 4
    assert noise[np.arange(400), best_in_cell(noise, own)].mean() > -0.15
    bins = bins_of(MEAN + 1e-3 * RNG.normal(size=MEAN.shape), PRICE, COST, 8)
    assert (np.bincount(bins) == T // 8).all()


def test_bad_shapes_are_refused():
    with pytest.raises(ValueError, match="shapes"):
        regret_split(path(), np.zeros(3, int), alpha=ALPHA, price=PRICE)
