"""The oracle: s_hat = mu, e_t = 0. It reads the stream's mean function, which is available only at construction."""

from __future__ import annotations

from jax.tree_util import Partial

from messjax.components import expect
from messjax.types import Array, Kind, Outcome, Predictor, Stream


def known_mean(stream: Stream, who: str) -> Partial:
    """The stream's function mu(x).

    Args:
        stream: A stream with known means.
        who: Name of the caller, for error messages.

    Returns:
        A Partial, features [d] -> mu [M].

    Raises:
        ValueError: The stream's means are unknown, as in a recorded trace.
    """
    expect("stream", stream, Stream, "a Stream, such as streams.types(distribution) or zoo.stream()")
    if stream.mean is None:
        raise ValueError(
            f"{who}: the means of this stream are unknown (a recorded trace?); expected a synthetic stream"
        )
    return stream.mean if isinstance(stream.mean, Partial) else Partial(stream.mean)


def oracle(stream: Stream) -> Predictor:
    """Predicts mu(x) of the stream exactly and never learns.

    Args:
        stream: A stream with known means (not a recorded trace).

    Returns:
        The predictor, with prediction error e_t = 0.

    Raises:
        ValueError: The stream's means are unknown.

    Example:
        >>> from messjax import policies, streams
        >>> stream = streams.calibrated(cost=[1.0, 5.0], accuracy=[0.5, 0.8])
        >>> policy = policies.mess_plus(oracle(stream))
    """
    return Predictor(Partial(_init), Partial(predict, known_mean(stream, "oracle")), Partial(_update), Kind("oracle"))


def _init(key: Array) -> tuple[()]:
    del key
    return ()


def predict(mean: Partial, state: tuple, features: Array) -> Array:
    """The mean satisfactions mu(x).

    Args:
        mean: A Partial, features [d] -> mu [M].
        state: Empty.
        features: Features x [d].

    Returns:
        mu [M].
    """
    del state
    return mean(features)


def _update(state: tuple, features: Array, outcome: Outcome) -> tuple:
    del features, outcome
    return state
