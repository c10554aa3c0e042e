"""What the C++ of `sims.reference` does for one decision, counted line by line in its source.

Operations are counted as in HLO: one for each operator on one lane (a rotation is two shifts and an or), one for a
comparison or a selection. Lanes that compute in vain count too: of sixteen streams all learn when one of them explores,
and twelve points of a grid take sixteen lanes. Bytes are those of arrays that are larger than the vector registers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sims.reference import workloads
from sims.reference.cpp import LANES
from sims.reference.workloads import W2, W3

THREEFRY = 2 + 3 + 20 * 5 + 5 * 3  # k2; the first words; rounds of +, <<, >>, |, ^; injections of two sums and a count
UNIFORM = 3  # shift, conversion, product
SIGMOID = 3  # -, 1 +, 1 /; and an exponential


class Needs(NamedTuple):
    """Of one decision."""

    random: float  # operations of random numbers: words, uniforms, normals
    other: float  # all other operations
    transcendental: float  # numbers under exp, log, sin, cos
    bytes: float  # of arrays, each read and written once per pass


def w2(work: W2) -> Needs:
    """`w2` of loop.cpp."""
    models, d = work.weights.shape
    grid, k = len(work.V), models * (d + 1)
    words = -(-(d + models) // 2) + 1  # one more of the policy
    # A pair of normals: conversion, + .5, scale, -2, root; shift, conversion, scale, 2 pi; two products.
    random = words * THREEFRY + d / 2 * 11 + (models + 1) * UNIFORM
    # Two products with x, two sigmoids, the label's comparison, the gain.
    predict = 2 * d * models + 2 * (d + 1) * models + models * (2 * SIGMOID + 2)
    learns = _any_learns(work.c, work.a, work.horizon)
    # |x|^2; error and its square; norm and clip; of a parameter: the gradient, learn's six, two selections.
    learn = 2 * (d + 1) + models * 6 + 4 + k * 9
    other = (predict + 1 + learns * learn) / grid + _step(models)
    # words and x written and read, x by every product; head; learning reads and writes head and momentum, reads x.
    size = 8 * 2 * words + 4 * d + 4 * models * (2 * d + 1) + 4 * k + learns * (16 * k + 4 * d * models)
    return Needs(random / grid, other, (d / 2 * 3 + 2 * models) / grid, size / grid)


def w3(work: W3) -> Needs:
    """`w3` of loop.cpp."""
    models, d = work.cost.shape[1], work.features.shape[1]
    grid, cs = len(work.V), len(work.c)
    padded = -(-grid // LANES) * LANES
    # Coin and word are one vector for sixteen lanes of which one counts.
    random = LANES * (THREEFRY + UNIFORM)
    predict = models * (2 * d + 4 * LANES + 1) + LANES * SIGMOID
    learns = float(np.mean(workloads.exploration(work.c, work.a, work.horizon)))
    learn = 2 * d + models * (5 + 7 * d) + 3
    # The step, V (E_m - E_0) for every model, the fee by three selections and two masks, one sum.
    serve = padded * (_step(models) + 2 * models + 3 * models + 1)
    per_path = predict + learns * learn + serve
    size = 4 * d * (1 + models) + learns * 4 * d * (1 + 4 * models) + padded * (8 + 8)
    return Needs(random / (cs * grid), per_path / grid, LANES / grid, size / grid)


def _step(models: int) -> float:
    """`Agreement::step`: the queue as a number, a score for every model but the first, counters, the queue's move."""
    return 4 + (models - 1) * 6 + 1 + 4 + 3 * models + 3 + 2 + 4 + 2 + 4 + 5 + 2


def _any_learns(c: float, a: float, horizon: int) -> float:
    """Share of requests that one of the sixteen streams explores."""
    return float(np.mean(1 - (1 - workloads.exploration(c, a, horizon)) ** LANES))
