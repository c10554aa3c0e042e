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

from messjax.numerics.precision import with_32_bit_types
from messjax.predictors.pretrained import check_prefix, predicting
from messjax.types import Array, Predictor, PyTree


class Space(NamedTuple):
    """What is learned: the encoder's last layer, and a vector per model.

    Attributes:
        encoder: Matrix W [h, d].
        models: Vectors k_m [M, h].
    """

    encoder: Array
    models: Array


class Batch(NamedTuple):
    """A minibatch of b requests, with the requests that they are contrasted with.

    Attributes:
        features: Features [b, d].
        satisfaction: Satisfactions [b, M].
        positive: Index of another request of the same cluster, [b].
        negative: Indices of requests of other clusters, [b, H].
        contrast: Whether there are requests of other clusters, [b] bool.
    """

    features: Array
    satisfaction: Array
    positive: Array
    negative: Array
    contrast: Array


@with_32_bit_types
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
    """RouterDC, trained on a prefix of requests and then frozen.

    A request is W x and a model k_m in R^h, compared by cosine; W and k minimise `sample_llm_loss` + weight
    `sample_sample_loss` on minibatches. RouterDC fine-tunes a language model for W; here the encoder is frozen, as in
    [M25], and W is its last layer. Clusters are k-means on x (in the publication: after t-SNE).

    Args:
        features: Features of the prefix [n, d].
        satisfaction: Satisfactions of the prefix [n, M], in [0, 1].
        key: Random key of the training.
        hidden: Dimension h of the common space.
        steps: Number of minibatches.
        batch: Requests per minibatch.
        num_clusters: Largest number of clusters.
        weight: Weight of the second loss.
        calibrated: Whether s_hat is each model's logistic regression on its cosine, fitted on the prefix: a probability
            that can be compared with alpha. Otherwise s_hat is the softmax of the cosines, RouterDC's own scores; they
            sum to one and are not satisfactions.
        tx: Any Optax transformation, by default AdamW with rate 1e-3.

    Returns:
        A frozen predictor.

    Raises:
        ValueError: A prefix that `pretrained.check_prefix` refuses, or sizes < 1.

    Source: RouterDC, arXiv 2409.19886.
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
        return predicting(Partial(_softmax, space), "dual_contrastive")
    cosine = np.asarray(similarity(jnp.asarray(features) @ space.encoder.T, space.models))
    fit = np.array([platt(cosine[:, m], satisfaction[:, m]) for m in range(satisfaction.shape[1])])
    return predicting(Partial(_calibrated, space, jnp.asarray(fit, jnp.float32)), "dual_contrastive")


def similarity(left: Array, right: Array) -> Array:
    """Cosines of all pairs of rows.

    Args:
        left: [b, h].
        right: [M, h].

    Returns:
        Cosines [b, M].
    """

    def unit(x: Array) -> Array:
        return x / jnp.sqrt(jnp.maximum(jnp.sum(x**2, axis=-1, keepdims=True), 1e-12))

    return jnp.matmul(unit(left), unit(right).T, precision=jax.lax.Precision.HIGHEST)


def sample_llm_loss(cosine: Array, satisfaction: Array, top: int = 3, last: int = 3) -> Array:
    """-log of a good model's share among itself and the bad ones, summed over the good, averaged over requests.

    Good are the `top` most satisfying models with s > 0, bad the `last` least satisfying with s <= 1/2; as in the
    published code, so that a model with a score between can be both.

    Args:
        cosine: Similarities [b, M].
        satisfaction: Satisfactions [b, M].
        top: Largest number of good models.
        last: Largest number of bad models.

    Returns:
        The loss [].
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
    """-log of the share of a request of the same cluster among itself and H requests of other clusters.

    Args:
        hidden: Requests in the common space [b, h].
        batch: The minibatch.

    Returns:
        The loss [].
    """
    cosine = similarity(hidden, hidden)
    picked = jnp.concatenate([batch.positive[:, None], batch.negative], axis=1)
    alike = jnp.take_along_axis(cosine, picked, axis=1)
    return jnp.mean(jnp.where(batch.contrast, jax.nn.logsumexp(alike, axis=1) - alike[:, 0], 0.0))


def loss(space: Space, batch: Batch, weight: Array) -> Array:
    """The dual-contrastive loss: `sample_llm_loss` + weight `sample_sample_loss`.

    Args:
        space: Parameters.
        batch: The minibatch.
        weight: Weight of the second loss, [].

    Returns:
        The loss [] float.
    """
    hidden = batch.features @ space.encoder.T
    ours = sample_llm_loss(similarity(hidden, space.models), batch.satisfaction)
    return ours + weight * sample_sample_loss(hidden, batch)


def draw_batch(data: tuple[Array, Array, Array], key: Array, size: int, others: int = 3) -> Batch:
    """A random minibatch of the prefix.

    Args:
        data: Features [n, d], satisfactions [n, M] and clusters [n] of the prefix.
        key: Random key.
        size: Requests b of the minibatch.
        others: Requests H of other clusters for each, 3 as published.

    Returns:
        The minibatch.
    """
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
    """The parameters after `steps` minibatches, from random vectors.

    Args:
        data: Features [n, d], satisfactions [n, M] and clusters [n] of the prefix.
        key: Random key.
        start: Gives the shapes of the parameters.
        steps: Number of minibatches, [] int32.
        weight: Weight of the second loss, [].
        tx: Optax transformation.
        batch: Requests per minibatch.

    Returns:
        The parameters, and the state of the transformation.
    """
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
    """k-means with a start that depends on the features only.

    Args:
        features: [n, d].
        number: Largest number of clusters.
        rounds: Iterations.

    Returns:
        Cluster of each row, [n] int32.
    """
    from scipy.cluster import vq  # a tenth of a second that only this needs

    points = np.asarray(features, np.float64)
    number = min(number, len(np.unique(points, axis=0)))
    result = vq.kmeans2(points, number, iter=rounds, minit="++", rng=np.random.default_rng(0))[1]
    return np.asarray(result, np.int32)


def platt(score: np.ndarray, label: np.ndarray, ridge: float = 1e-3) -> np.ndarray:
    """Logistic regression sigmoid(a score + b) of labels, by Newton's method on the host.

    Args:
        score: Scores [n].
        label: Labels [n] in [0, 1].
        ridge: Regularisation.

    Returns:
        (a, b) as an array [2].
    """
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
