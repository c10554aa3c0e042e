"""Two traces of the same prompts: the scores of one judge beside those of another."""

from __future__ import annotations

from collections import Counter

import numpy as np

from messjax.traces.schema import Trace, check_trace

_EXCERPT = 60  # characters of a prompt in a message


def with_judge(trace: Trace, other: Trace) -> Trace:
    """The trace with the scores that a second judge gave the same requests.

    Requests are matched by their prompts; where a prompt occurs more than once, by prompt and id. Models are matched by
    name. The other trace may have more requests and models; its costs are not read.

    Args:
        trace: The trace, whose satisfactions stay as they are.
        other: The same requests and models, scored by the second judge.

    Returns:
        The trace with `judged` [N, M], and a note on how far the judges agree.

    Raises:
        ValueError: A model or a request of the trace that the other one lacks, naming the first, or requests that
            cannot be told from one another.
    """
    where = f"judge {other.source!r}"
    if missing := [name for name in trace.models if name not in other.models]:
        raise ValueError(
            f"{where}: found no scores of model {missing[0]!r}, expected those of {', '.join(trace.models)}"
        )
    own, others = _keys(trace, other)
    rows = {key: row for row, key in enumerate(others)}
    for of, keys in ((trace, own), (other, others)):
        if (first := _repeat(keys)) is not None:
            raise ValueError(
                f"{where}: request {first} of {of.source!r} has the prompt and the id of an earlier one, expected "
                "different ids to match requests by"
            )
    if absent := [n for n, key in enumerate(own) if key not in rows]:
        raise ValueError(
            f"{where}: found no scores of {len(absent):,} of {len(own):,} requests of {trace.source!r}, expected all; "
            f"the first is request {absent[0]}: {own[absent[0]][0][:_EXCERPT]!r}"
        )
    columns = [other.models.index(name) for name in trace.models]
    judged = np.asarray(other.satisfaction)[[rows[key] for key in own]][:, columns]
    apart = np.abs(judged - trace.satisfaction).mean()
    note = (
        f"judge: {other.source} scores the same {len(own):,} requests {judged.mean():.3f} on average, "
        f"{trace.source} {trace.satisfaction.mean():.3f}; they differ by {apart:.3f}"
    )
    result = trace._replace(
        judged=judged, notes=(*trace.notes, note), provenance={**trace.provenance, "judge": other.source}
    )
    check_trace(result)
    return result


def _keys(*traces: Trace) -> list[list[tuple[str, str]]]:
    """What the requests of each trace are matched by: the prompt, with the id where prompts occur more than once."""
    repeated = {text for trace in traces for text, times in Counter(trace.prompts).items() if times > 1}
    result = []
    for trace in traces:
        ids = trace.ids if len(trace.ids) else [""] * len(trace.prompts)
        result.append([(text, name if text in repeated else "") for text, name in zip(trace.prompts, ids, strict=True)])
    return result


def _repeat(keys: list[tuple[str, str]]) -> int | None:
    """The number of the first request whose key an earlier one has."""
    seen = set()
    for n, key in enumerate(keys):
        if key in seen:
            return n
        seen.add(key)
    return None
