"""A dual-contrastive router: requests and models in one space, by the loss of RouterDC, trained on a prefix.

Source: Chen, Jiang, Lin, Kwok, Zhang, RouterDC, NeurIPS 2024, arXiv 2409.19886, and its published training script.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.tree_util import Partial
from scipy import special

from messjax.predictors.pretrained import check_prefix, predicting
from messjax.types import Array, Predictor, PyTree


class Space(NamedTuple):
    """What is learned: the encoder's last layer, and a vector per model."""

    encoder: Array  # [h, d]
    models: Array  # [M, h]


class Batch(NamedTuple):
    """Requests of a minibatch of b, what contrasts them with models and with one another."""

    features: Array  # [b, d]
    satisfaction: Array  # [b, M]
    positive: Array  # [b], another request of the same cluster
    negative: Array  # [b, H], requests of other clusters
    contrast: Array  # [b] bool, whether there are any


def dual_contrastive(
    features: np.ndarray,
    satisfaction: np.ndarray,
    *,
    key: Array,
    hidden: int = 32,
    steps: int = 1_000,
    batch: int = 64,
    num_clusters: int = 5,
    weight: float = 1.0,
    calibrated: bool = True,
    tx: optax.GradientTransformation | None = None,
) -> Predictor:
    """RouterDC on features [n, d] and satisfaction [n, M] of a prefix, then frozen.

    A request is W x and a model k_m in R^h, alike by cosine; W and k minimise `sample_llm_loss` + weight
    `sample_sample_loss` on minibatches with AdamW (rate 1e-3), or any rule `tx`. RouterDC fine-tunes a language model
    for the first; here the encoder is frozen, as in [M25], and W its last layer. Clusters are k-means on x (theirs:
    after t-SNE).

    s_hat: with `calibrated` each model's logistic regression on its cosine, fitted on the prefix: a probability, which
    alpha can be compared to. Without, the softmax of the cosines: RouterDC's own scores, whose argmax it serves; they
    sum to one and are no satisfactions. ValueError for a prefix that `check_prefix` refuses, or sizes < 1.
    """
    features, satisfaction = check_prefix("dual_contrastive", features, satisfaction)
    for name, size in (("hidden", hidden), ("steps", steps), ("batch", batch), ("num_clusters", num_clusters)):
        if size < 1:
            raise ValueError(f"dual_contrastive: {name} is {size}, expected at least 1")
    tx = _adamw() if tx is None else tx
    data = jnp.asarray(features), jnp.asarray(satisfaction), jnp.asarray(clusters(features, num_clusters))
    start = Space(jnp.zeros((hidden, features.shape[1])), jnp.zeros((satisfaction.shape[1], hidden)))
    space, _ = train(data, key, start, np.int32(steps), np.float32(weight), tx=tx, batch=min(batch, len(features)))
    if not calibrated:
        return predicting(Partial(_softmax, space))
    cosine = np.asarray(similarity(jnp.asarray(features) @ space.encoder.T, space.models))
    fit = np.array([platt(cosine[:, m], satisfaction[:, m]) for m in range(satisfaction.shape[1])])
    return predicting(Partial(_calibrated, space, jnp.asarray(fit, jnp.float32)))


def similarity(left: Array, right: Array) -> Array:
    """Cosines [b, M] of rows [b, h] and [M, h]."""

    def unit(x: Array) -> Array:
        return x / jnp.sqrt(jnp.maximum(jnp.sum(x**2, axis=-1, keepdims=True), 1e-12))

    return jnp.matmul(unit(left), unit(right).T, precision=jax.lax.Precision.HIGHEST)


def sample_llm_loss(cosine: Array, satisfaction: Array, top: int = 3, last: int = 3) -> Array:
    """-log of a good model's share among itself and the bad ones, summed over the good, averaged over requests.

    cosine, satisfaction [b, M]. Good are the `top` most satisfying models with s > 0, bad the `last` least satisfying
    with s <= 1/2; as in the published code, so that a model with a score between can be both.
    """
    order = jnp.argsort(-satisfaction, axis=1, stable=True)
    ranked = jnp.take_along_axis(satisfaction, order, axis=1)
    alike = jnp.take_along_axis(cosine, order, axis=1)
    least = jnp.where(ranked[:, -last:] <= 0.5, alike[:, -last:], -jnp.inf)
    total = jnp.zeros(())
    for i in range(min(top, satisfaction.shape[1])):
        among = jnp.concatenate([alike[:, i : i + 1], least], axis=1)
        missed = jax.nn.logsumexp(among, axis=1) - alike[:, i]
        total += jnp.mean(jnp.where(ranked[:, i] > 0, missed, 0.0))
    return total


def sample_sample_loss(hidden: Array, batch: Batch) -> Array:
    """-log of the share of a request of the same cluster among itself and H of other clusters; hidden [b, h]."""
    cosine = similarity(hidden, hidden)
    picked = jnp.concatenate([batch.positive[:, None], batch.negative], axis=1)
    alike = jnp.take_along_axis(cosine, picked, axis=1)
    return jnp.mean(jnp.where(batch.contrast, jax.nn.logsumexp(alike, axis=1) - alike[:, 0], 0.0))


def loss(space: Space, batch: Batch, weight: Array) -> Array:
    """The dual-contrastive loss, [] float."""
    hidden = batch.features @ space.encoder.T
    ours = sample_llm_loss(similarity(hidden, space.models), batch.satisfaction)
    return ours + weight * sample_sample_loss(hidden, batch)


def draw_batch(data: tuple[Array, Array, Array], key: Array, size: int, others: int = 3) -> Batch:
    """A minibatch of `size` of the prefix's requests; H = `others` negatives each, as published."""
    features, satisfaction, cluster = data
    rows = jax.lax.top_k(jax.random.uniform(jax.random.fold_in(key, 0), (len(features),)), size)[1]
    same = cluster[rows][:, None] == cluster[rows][None]
    luck = jax.random.uniform(jax.random.fold_in(key, 1), (size, size))
    itself = jnp.eye(size, dtype=bool)
    positive = jnp.argmax(jnp.where(same & ~itself, luck, jnp.where(itself, -1.0, -2.0)), axis=1)
    others = min(others, size)
    value, negative = jax.lax.top_k(jnp.where(same, -1.0, luck), others)
    return Batch(features[rows], satisfaction[rows], positive, negative, jnp.all(value >= 0, axis=1))


@functools.partial(jax.jit, static_argnames=("tx", "batch"))
def train(
    data: tuple[Array, Array, Array],
    key: Array,
    start: Space,
    steps: Array,
    weight: Array,
    *,
    tx: optax.GradientTransformation,
    batch: int,
) -> tuple[Space, PyTree]:
    """The space after `steps` minibatches, from random vectors in the shapes of `start`; and the rule's state."""
    names = jax.random.split(jax.random.fold_in(key, 0), 2)
    space = Space(*(jax.random.normal(name, x.shape, x.dtype) for name, x in zip(names, start, strict=True)))
    space = space._replace(encoder=space.encoder / np.sqrt(start.encoder.shape[1]))

    def step(i: Array, carry: tuple[Space, PyTree]) -> tuple[Space, PyTree]:
        space, opt = carry
        gradient = jax.grad(loss)(space, draw_batch(data, jax.random.fold_in(key, i + 1), batch), weight)
        change, opt = tx.update(gradient, opt, cast(Any, space))
        return cast(Space, optax.apply_updates(cast(Any, space), change)), opt

    return jax.lax.fori_loop(0, steps, step, (space, tx.init(cast(Any, space))))


@functools.cache
def _adamw() -> optax.GradientTransformation:
    return optax.adamw(1e-3)  # made once: another one would be another program


def clusters(features: np.ndarray, number: int, rounds: int = 20) -> np.ndarray:
    """k-means [n] int32 from a start that depends on the features only; at most `number` clusters."""
    from scipy.cluster import vq  # a tenth of a second that only this needs

    points = np.asarray(features, np.float64)
    number = min(number, len(np.unique(points, axis=0)))
    result = vq.kmeans2(points, number, iter=rounds, minit="++", rng=np.random.default_rng(0))[1]
    return np.asarray(result, np.int32)


def platt(score: np.ndarray, label: np.ndarray, ridge: float = 1e-3) -> np.ndarray:
    """(a, b) of the logistic regression sigmoid(a score + b) of labels in [0, 1] [n], by Newton's method, NumPy."""
    design = np.stack([np.asarray(score, np.float64), np.ones(len(score))], axis=1)
    fit, label = np.zeros(2), np.asarray(label, np.float64)
    for _ in range(30):
        p = special.expit(design @ fit)
        gradient = design.T @ (p - label) / len(label) + ridge * fit
        curvature = (design * (p * (1.0 - p))[:, None]).T @ design / len(label) + ridge * np.eye(2)
        fit = fit - np.linalg.solve(curvature, gradient)
    return fit


def _cosine(space: Space, features: Array) -> Array:
    return similarity((features @ space.encoder.T)[None], space.models)[0]


def _softmax(space: Space, state: tuple, features: Array) -> Array:
    del state
    return jax.nn.softmax(_cosine(space, features))


def _calibrated(space: Space, fit: Array, state: tuple, features: Array) -> Array:
    del state
    return jax.nn.sigmoid(fit[:, 0] * _cosine(space, features) + fit[:, 1])
