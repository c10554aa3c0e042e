"""Plain tables of the same four requests: wide and long, as CSV, JSON Lines and Parquet."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

WIDE = (
    "prompt=question,id=qid,group=task,score:gpt4=gpt4_ok,cost:gpt4=gpt4_usd,score:my-7b=ok_7b,cost:my-7b=usd_7b,"
    "input_tokens:my-7b=in,output_tokens:my-7b=out,latency:gpt4=seconds,cost_unit=USD"
)
LONG = "prompt=question,id=qid,group=task,model=model_name,score=acc,cost=usd"
MODELS = ("gpt4", "my-7b")
IDS, GROUPS = ("7", "8", "7", "9"), ("maths", "maths", "law", "law")
TEXTS = ("1 + 1?", 'a "quoted"\nline, and more', "模型?", "last")
SCORE: list[list[Any]] = [[True, 0.5], [False, None], [True, 1.0], [None, 0.0]]
COST: list[list[Any]] = [[0.03, 0.001], [0.0625, 0.002], [0.5, 0.25], [None, 0.0]]
COLUMNS = ("qid", "task", "question", "gpt4_ok", "gpt4_usd", "seconds", "ok_7b", "usd_7b", "in", "out", "comment")


def rows() -> list[dict[str, Any]]:
    """One record per request."""
    return [
        dict(
            zip(
                COLUMNS,
                (
                    int(IDS[n]),
                    GROUPS[n],
                    TEXTS[n],
                    SCORE[n][0],
                    COST[n][0],
                    n / 4,
                    SCORE[n][1],
                    COST[n][1],
                    n,
                    2 * n,
                    "-",
                ),
                strict=True,
            )
        )
        for n in range(4)
    ]


def long_rows() -> list[dict[str, Any]]:
    """One record per request and model; those that say nothing are left out."""
    return [
        {
            "model_name": model,
            "qid": IDS[n],
            "task": GROUPS[n],
            "question": TEXTS[n],
            "acc": None if SCORE[n][m] is None else float(SCORE[n][m]),
            "usd": COST[n][m],
        }
        for m, model in enumerate(MODELS)
        for n in range(4)
        if SCORE[n][m] is not None or COST[n][m] is not None
    ]


def write(folder: Path) -> Path:
    """A wide CSV; it is read with WIDE."""
    return write_as(folder / "plain.csv", rows())


def write_as(path: Path, records: list[dict[str, Any]]) -> Path:
    """The records in the format that the file's name says."""
    if path.suffix == ".csv":
        with open(path, "w", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, list(records[0]))
            writer.writeheader()
            writer.writerows(records)
    elif path.suffix == ".jsonl":
        lines = [json.dumps({key: value for key, value in record.items() if value is not None}) for record in records]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    else:
        columns = {key: [record[key] for record in records] for key in records[0]}
        pq.write_table(pa.table(columns), path, row_group_size=2)
    return path
