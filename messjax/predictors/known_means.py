"""The oracle: s_hat = mu, e_t = 0. It gets the law at construction; a policy cannot get it otherwise."""

from __future__ import annotations

from jax.tree_util import Partial

from messjax.types import Array, Outcome, Predictor, Stream


def known_mean(stream: Stream, who: str) -> Partial:
    """The stream's `mean`; ValueError naming `who` asks when the stream has no known law (a recorded trace)."""
    if stream.mean is None:
        raise ValueError(f"{who}: this stream's law is unknown (a recorded trace?); expected a synthetic stream")
    return stream.mean if isinstance(stream.mean, Partial) else Partial(stream.mean)


def oracle(stream: Stream) -> Predictor:
    """Predicts mu(x) of the stream exactly and never learns. ValueError for a stream whose law is unknown."""
    return Predictor(Partial(_init), Partial(predict, known_mean(stream, "oracle")), Partial(_update))


def _init(key: Array) -> tuple[()]:
    del key
    return ()


def predict(mean: Partial, state: tuple, features: Array) -> Array:
    """mu(x)."""
    del state
    return mean(features)


def _update(state: tuple, features: Array, outcome: Outcome) -> tuple:
    del features, outcome
    return state
