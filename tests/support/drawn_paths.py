"""Paths of known laws for the tests of confidence sequences, what fails on them, and the methods on trial."""

from __future__ import annotations

from functools import cache, partial

import numpy as np
from scipy.stats import beta

from messjax.statistics import confidence_sequences

PATHS, STEPS = 2_000, 2_000
TIMES = np.arange(1, STEPS + 1)
CHECKPOINTS = np.unique(np.geomspace(1, STEPS, 150).astype(int)) - 1
LAWS = {  # low, high, mean (a multiple of a tenth of the range, see `failures`), draw
    "bernoulli .1": (0.0, 1.0, 0.1, lambda rng, shape: (rng.random(shape) < 0.1).astype(float)),
    "bernoulli .5": (0.0, 1.0, 0.5, lambda rng, shape: (rng.random(shape) < 0.5).astype(float)),
    "beta": (0.0, 1.0, 0.2, lambda rng, shape: rng.beta(1.0, 4.0, shape)),
    "two points": (-1.0, 9.0, 0.0, lambda rng, shape: np.where(rng.random(shape) < 0.04, 6.0, -0.25)),
}


@cache
def drawn(name: str) -> np.ndarray:
    return LAWS[name][3](np.random.default_rng(17), (PATHS, STEPS))


def rarely(failed: np.ndarray, confidence: float = 0.95) -> bool:
    """Whether the upper limit (Clopper-Pearson) of the probability of failing is at most 5%."""
    return bool(beta.ppf(confidence, failed.sum() + 1, failed.size - failed.sum()) <= 0.05)


def failures(result: confidence_sequences.Sequence, mean) -> np.ndarray:
    """[paths] whether a limit ever excluded the mean. `betting` excludes its grid points: a mean on one is sharpest."""
    slack = 1e-9
    return ((result.lower >= mean - slack) | (result.upper <= mean + slack)).any(axis=-1)


def sums(x: np.ndarray, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """S and V [..., n], every X guessed by the mean of the past, the middle of the range before it."""
    S = np.cumsum(x, axis=-1)
    guess = (np.concatenate([np.zeros_like(S[..., :1]), S[..., :-1]], axis=-1) + (low + high) / 2) / TIMES[
        : x.shape[-1]
    ]
    return S, np.cumsum((x - guess) ** 2, axis=-1)


def at_checkpoints(x, low, high, level=0.95, **options) -> confidence_sequences.Sequence:
    S, V = sums(x, low, high)
    at = CHECKPOINTS if x.shape[-1] == STEPS else slice(None)
    t = TIMES[: x.shape[-1]][at]
    return confidence_sequences.running_mean_of_conditional_means(
        S[..., at], V[..., at], t, low, high, level, **options
    )


METHODS = {
    "empirical_bernstein": confidence_sequences.empirical_bernstein,
    "betting": partial(confidence_sequences.betting, grid=10),
    "running_mean_of_conditional_means": at_checkpoints,
}


def adversary(steps: int = STEPS) -> tuple[np.ndarray, np.ndarray]:
    """X and E[X | past] [paths, steps] of a mean that wanders, and jumps whenever the path is ahead of its means."""
    rng = np.random.default_rng(3)
    x, means = np.empty((2, PATHS, steps))
    ahead = np.zeros(PATHS)
    for t in range(steps):
        means[:, t] = np.where(ahead > 0, 0.5 + 0.4 * np.sin(t / 150), 0.1)
        x[:, t] = rng.random(PATHS) < means[:, t]
        ahead += x[:, t] - means[:, t]
    return x, means
