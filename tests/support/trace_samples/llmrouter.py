"""LLMRouter's routing data: two queries, two models, token counts as of older and of newer files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def line(task: str, query: str, model: str, performance: Any, **more: Any) -> dict[str, Any]:
    """One line as the publisher writes it."""
    return {
        "task_name": task,
        "query": query,
        "ground_truth": "2",
        "metric": "GSM8K",
        "choices": None,
        "task_id": None,
        "model_name": model,
        "response": "It is 2.",
        "performance": performance,
        "user_id": None,
        **more,
    }


LINES = [
    line("gsm8k", "1 + 1?", "qwen-7b", 1.0, token_num=25, prompt_tokens=20, response_time=0.5),
    line("gsm8k", "1 + 1?", "llama-70b", 1, token_num=31, input_tokens=21, output_tokens=10, response_time=2.5),
    line("mmlu", "Who?\n模型", "qwen-7b", 0.0, token_num=12, prompt_tokens=8, response_time=0.25, embedding_id=61),
    line("mmlu", "Who?\n模型", "llama-70b", 0.5, input_tokens=8, output_tokens=2, response_time=None, embedding_id=61),
]


def write(folder: Path) -> Path:
    """Writes the lines."""
    path = folder / "default_routing_train_data.jsonl"
    path.write_text("".join(json.dumps(each, ensure_ascii=False) + "\n" for each in LINES), encoding="utf-8")
    return path
