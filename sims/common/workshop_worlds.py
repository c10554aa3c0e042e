"""The workshop's worlds [M24]: two models, continuous scores (BLEU, ROUGE-1) with the published means, two energies.

Published are the mean scores, the thresholds and the energies; how scores differ between requests is not. Here

    mu_m(x) = sigmoid(w_m . x + b_m),    s_m = mu_m(x) + noise_m,    noise_m uniform within 0.8 min(mu_m, 1 - mu_m)

with logits of standard deviation 0.6. Any two models' logits have correlation `shared`: at 1 nothing in a request says
for which the larger model is worth its energy. Every x comes twice, with opposite noise, and b_m is solved for on these
x: the means over the rows are the published ones exactly, which matters where models are .013 apart.
"""

from __future__ import annotations

import numpy as np
from scipy import optimize, special

from messjax import streams, zoo
from messjax.types import Distribution
from sims.common.worlds import Prefix, World

MEASURED = {  # J per request of the large and the small model: Baseline.ipynb of the authors' repository
    "WMT14 (BLEU)": (527.870, 44.639),
    "CNN/DM (ROUGE-1)": (750.285, 142.08),
}
HORIZON = 3_000  # requests, as there
ROWS, PREFIX, DIM = 12_000, 500, 16  # every stream is another quarter of the rows
SPREAD, NOISE = 0.6, 0.8


def world(benchmark: str, *, measured: bool, shared: float) -> World:
    """One benchmark with the energies of the authors' notebooks (5.5 : 1), or those that they measured."""
    one = zoo.get(f"workshop/{benchmark}")
    large, small = MEASURED[benchmark]
    cost = np.array([1.0, large / small]) if measured else one.mean_cost()
    x, mean, satisfaction = scores(one.mean_accuracy(), shared)
    name = f"{benchmark}, {cost[1]:.3g} to 1{'' if shared < 1 else ', alike'}"
    return World(
        name.replace("/", "-"),  # a slash would be a group within a group of the NetCDF
        streams.replay(x, satisfaction, np.tile(cost, (ROWS, 1)))._replace(
            distribution=lambda: distribution(cost, mean)
        ),
        Prefix(x[:PREFIX], satisfaction[:PREFIX], np.tile(cost, (PREFIX, 1))),  # of the rows: train no router on it
        one.models,
        one.cost_unit,
        cost,
        one.mean_accuracy(),
        float(one.alpha[0]),
        HORIZON,
    )


def distribution(cost: np.ndarray, mean: np.ndarray) -> Distribution:
    """Of a policy that knows mu(x), not the scores themselves."""
    return Distribution(np.full(len(mean), 1.0 / len(mean)), np.tile(cost, (len(mean), 1)), mean, "sampled")


def scores(accuracy: np.ndarray, shared: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features [n, d], mu(x) [n, M] and scores [n, M] in [0, 1], whose means are `accuracy` [M]."""
    rng, num_models = np.random.default_rng(24), len(accuracy)
    x = np.repeat(rng.normal(size=(ROWS // 2, DIM)), 2, axis=0)
    axes = np.linalg.qr(rng.normal(size=(DIM, num_models + 1)))[0].T
    logit = SPREAD * x @ (np.sqrt(shared) * axes[:1] + np.sqrt(1.0 - shared) * axes[1:]).T
    bias = [
        optimize.brentq(lambda b, m=m: float(special.expit(logit[:, m] + b).mean() - accuracy[m]), -20.0, 20.0)
        for m in range(num_models)
    ]
    mean = special.expit(logit + np.array(bias))
    noise = np.repeat(rng.uniform(-1.0, 1.0, (ROWS // 2, num_models)), 2, axis=0)
    noise[1::2] *= -1.0
    return x, mean, mean + NOISE * np.minimum(mean, 1.0 - mean) * noise
