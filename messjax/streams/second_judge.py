"""A stream whose feedback is one judge's score and whose truth is another's."""

from __future__ import annotations

from jax.tree_util import Partial

from messjax.components import as_pytree, expect
from messjax.types import Array, PyTree, Request, Stream


def with_judge(stream: Stream, judge: Stream) -> Stream:
    """The stream, whose requests also carry the scores that a second judge gives: the satisfactions of another stream.

    `feedback.second_judge` shows these scores to policies, while meters record the satisfactions of the first stream.
    Both streams draw with the same keys, so they must be two judgements of the same requests: `streams.replay` of the
    same rows in the same order (`traces.with_judge` matches them), or two distributions over the same request types.

    Args:
        stream: The stream of requests; its satisfactions are the truth. All else of a request is as it was.
        judge: The same requests, with the second judge's scores as their satisfactions.

    Returns:
        The stream.

    Raises:
        ValueError: Streams of other sizes or lengths.

    Example:
        >>> import numpy as np
        >>> from messjax import streams
        >>> x, truth, scores, cost = np.zeros((4, 2)), np.ones((4, 3)), np.full((4, 3), 0.5), np.ones((4, 3))
        >>> judged = with_judge(streams.replay(x, truth, cost), streams.replay(x, scores, cost))
        >>> judged.length, judged.num_models
        (4, 3)
    """
    for name, each in (("stream", stream), ("judge", judge)):
        expect(name, each, Stream, "a Stream, such as streams.replay(features, satisfaction, cost)")
    sizes = [(each.length, each.num_features, each.num_models) for each in (stream, judge)]
    if sizes[0] != sizes[1]:
        said = ["length {}, {} features, {} models".format(*each) for each in sizes]
        raise ValueError(f"with_judge: found a judge of {said[1]}, expected the stream's {said[0]}")
    stream, judge = as_pytree(stream), as_pytree(judge)
    return stream._replace(init=Partial(_init, stream.init, judge.init), draw=Partial(_draw, stream.draw, judge.draw))


def _init(init: Partial, of_judge: Partial, key: Array) -> tuple[PyTree, PyTree]:
    return init(key), of_judge(key)


def _draw(
    draw: Partial, of_judge: Partial, key: Array, state: tuple[PyTree, PyTree], t: Array
) -> tuple[tuple[PyTree, PyTree], Request]:
    own, request = draw(key, state[0], t)
    other, judged = of_judge(key, state[1], t)
    return (own, other), request._replace(judged=judged.satisfaction)
