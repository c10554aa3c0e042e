"""AlpacaEval's annotations: two models, two instructions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def record(instruction: str, model: str, output: Any, preference: Any, **more: Any) -> dict[str, Any]:
    """One record as the publisher writes it."""
    return {
        "dataset": "koala",
        "instruction": instruction,
        "output_1": "The reference.",
        "generator_1": "gpt4_1106_preview",
        "output_2": output,
        "generator_2": model,
        "annotator": "weighted_alpaca_eval_gpt4_turbo",
        "preference": preference,
        "price_per_example": 0.05,
        "time_per_example": 1.5,
        **more,
    }


def put(folder: Path, model: str, records: list[dict[str, Any]]) -> Path:
    """Writes a file where the publisher does."""
    path = folder / model / "annotations.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(records, indent=2, ensure_ascii=False), encoding="utf-8")
    return path


def write(folder: Path) -> Path:
    """Writes `alpaca`."""
    alpaca, asked = folder / "alpaca", ['Say "hi"\n', "模型?"]
    put(
        alpaca,
        "Chat-1B",
        [record(asked[0], "Chat-1B", "hi  there\nyou", 1.0000012), record(asked[1], "Chat-1B", "", None)],
    )
    put(alpaca, "Chat-8B", [record(asked[0], "Chat-8B", "hi", 1.75), record(asked[1], "Chat-8B", "a b", 2)])
    return alpaca
