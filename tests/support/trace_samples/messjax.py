"""A trace on disk as messjax itself writes it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from messjax.traces import Trace, write_parquet


def write(folder: Path) -> Path:
    """One Parquet file with tokens and latency."""
    score = np.array([[0.0, 1.0], [0.5, 1.0], [0.25, 0.0], [1.0, 0.75]])
    cost = np.array([[0.125, 2.0], [0.25, 3.0], [0.5, 2.5], [0.375, 4.0]])
    trace = Trace(
        models=("small", "org/large"),
        prompts=("one?", "naïve — 模型?", "three\n3", "four"),
        groups=("a", "a", "b", "b"),
        satisfaction=score,
        cost=cost,
        cost_unit="USD",
        source="sample",
        ids=("q1", "q2", "q3", "q4"),
        input_tokens=np.array([[10.0, 11.0], [12.0, 13.0], [14.0, 15.0], [16.0, 17.0]]),
        output_tokens=np.array([[20.0, 21.0], [22.0, 23.0], [24.0, 25.0], [26.0, 27.0]]),
        latency=cost / 2,
        provenance={"format": "made"},
    )
    folder.mkdir(parents=True, exist_ok=True)
    return write_parquet(trace, folder / "trace.parquet")
