"""LLMRouterBench's results: two models on a split of one dataset, one of them run twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def record(index: int, query: str, score: Any, given: Any, output: Any, cost: Any) -> dict[str, Any]:
    """One record as the publisher writes it."""
    return {
        "index": index,
        "origin_query": query,
        "prompt": f"Question: {query}\nAnswer:",
        "prompt_tokens": given,
        "completion_tokens": output,
        "cost": cost,
        "score": score,
        "prediction": "4",
        "ground_truth": "4",
        "raw_output": ["The answer is 4."],
        "extra_fields": {},
    }


def document(model: str, records: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """One file as the publisher writes it."""
    return {
        "performance": 0.5,
        "time_taken": 12.5,
        "prompt_tokens": 50,
        "completion_tokens": 20,
        "cost": 0.15,
        "counts": len(records),
        "model_name": model,
        "dataset_name": "aime",
        "split": "test",
        "demo": False,
        "extra_metrics": {"by_level": {"easy": [1, 2]}},
        "data_fingerprint": "0a1b",
        "records": records,
        **more,
    }


def put(folder: Path, time: str, model: str, records: list[dict[str, Any]], **more: Any) -> Path:
    """Writes a file where the publisher does."""
    path = folder / "aime" / "test" / model / f"aime-test-{model}-{time}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document(model, records, **more), indent=2, ensure_ascii=False), encoding="utf-8")
    return path


def write(folder: Path) -> Path:
    """Writes `bench`."""
    bench, queries = folder / "bench", ['2 + 2 = "?"\n', "模型?"]
    put(bench, "20250101_090000", "Qwen3-8B", [record(1, queries[0], 0.0, 9, 9, 0.0)])
    put(bench, "20250102_090000", "Qwen3-8B", [record(n + 1, queries[n], n, 10 + n, 5, 0.0) for n in range(2)])
    put(bench, "20250103_090000", "Qwen3-8B", [record(1, queries[0], 1.0, 9, 9, 0.0)], demo=True)
    rows = [record(1, queries[0], 1.0, 15, 300, 0.003), record(2, queries[1], None, 16, 310, 0.004)]
    put(bench, "20250101_120000", "gpt-5", rows)
    return bench
