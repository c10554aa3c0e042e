"""Meters of one's own: with other numbers they are the same program."""

from __future__ import annotations

import jax.numpy as jnp
import pytest
from jax.tree_util import Partial

from messjax.components import structure_key
from messjax.meters import folds
from messjax.meters.bounded_sum import bounded_mean


def scaled(factor, step):
    return factor * step.t


def begun(first, num_models):
    return jnp.full(num_models, first)


def kept(factor, number, step):
    return number + factor


@pytest.mark.parametrize(
    "make",
    [
        lambda x: folds.mean("x", Partial(scaled, x)),
        lambda x: folds.maximum("x", Partial(scaled, x)),
        lambda x: folds.latest("x", Partial(begun, x), Partial(scaled, x)),
        lambda x: folds.fold("x", Partial(begun, x), Partial(kept, x)),
        lambda x: bounded_mean("x", Partial(scaled, x), 0.0, 1.0),
    ],
    ids=["mean", "maximum", "latest", "fold", "bounded_mean"],
)
def test_other_numbers_are_the_same_program(make):
    assert structure_key(make(jnp.float32(1.0))) == structure_key(make(jnp.float32(2.0)))
