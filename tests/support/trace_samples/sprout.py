"""SPROUT's Parquet: three rows in two row groups, two models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


def struct(score: Any, given: Any, output: Any) -> dict[str, Any]:
    """A cell as the publisher writes it."""
    return {
        "judge_response": "fine",
        "num_input_tokens": given,
        "num_output_tokens": output,
        "response": "...",
        "score": score,
    }


COLUMNS = {
    "key": [11, 12, 13],
    "dataset": ["gpqa", "gpqa", "math"],
    "dataset_level": ["Hard", None, "Level 5"],
    "dataset_idx": [0, 1, 0],
    "prompt": ['Which "one"?\nA', "模型", "1+1"],
    "golden_answer": ["A", "B", "2"],
    "aws-claude-3.5": [struct(1.0, 10, 100), struct(0.0, 11, 110), struct(1.0, 12, 120)],
    "llama-3-2-1b": [struct(0.0, 13, 50), None, struct(None, 15, 70)],
}


def write(
    folder: Path, columns: dict[str, Any] | None = None, name: str = "train.parquet", rows_of_group: int = 2
) -> Path:
    """Writes the table, or another one."""
    path = folder / name
    pq.write_table(pa.table(COLUMNS if columns is None else columns), path, row_group_size=rows_of_group)
    return path
