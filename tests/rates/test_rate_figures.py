"""Figures of rates, from rates made by hand: every rate is drawn."""

from __future__ import annotations

import numpy as np
import pytest

from proofs_check import rates
from proofs_check.rates import draw, slope

WHATS = (
    "E[Q], one type",
    "cost gap, settled",
    "violation",
    "exploration cost, a = 1",
    "error, means",
    "loss by errors",
)


def made(whats: tuple[str, ...]) -> list[slope.Rate]:
    x = np.array([1.0, 2.0, 4.0])
    samples = x[:, None] ** -1.0 * np.random.default_rng(0).uniform(0.99, 1.01, (3, 20))
    return [slope.fit("T0", what, "x", x, samples, -1.0) for what in whats]


@pytest.mark.parametrize("whats", [WHATS, WHATS[:2], WHATS[2:]])
def test_every_rate_is_drawn_and_no_panel_is_empty(whats):
    axes = rates.figure(made(whats)).axes
    assert len(axes) == len(whats) and all(axis.lines for axis in axes)
    labels = "".join(text.get_text() for axis in axes for text in axis.get_legend().texts)
    assert all(draw._short(what) in labels for what in whats)
