"""RouterBench's pickles, wide and long."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

WIDE = {
    "sample_id": ["mmlu-law.val.1", "mmlu-law.val.2", "gsm8k.7"],
    "prompt": ["['Who \"signs\"?\\nA. we']", "['naïve — 模型?']", "['1 + 1?']"],
    "eval_name": ["mmlu-law", "mmlu-law", "grade-school-math"],
    "small/v1": [1.0, 0.0, 0.25],
    "gpt-large": [1.0, 1.0, float("nan")],
    "small/v1|model_response": ["['A']", "['B']", "['3']"],
    "small/v1|total_cost": [0.0001, 0.0002, 0.00015],
    "gpt-large|model_response": ["['A']", "['C']", None],
    "gpt-large|total_cost": [0.01, 0.02, 0.03],
    "oracle_model_to_route_to": ["small/v1", "gpt-large", "small/v1"],
}


def long() -> pd.DataFrame:
    """The same as one row per request and model."""
    rows = [
        {
            "sample_id": WIDE["sample_id"][n],
            "model_name": model,
            "eval_name": WIDE["eval_name"][n],
            "prompt": WIDE["prompt"][n],
            "model_response": WIDE[f"{model}|model_response"][n],
            "performance": WIDE[model][n],
            "cost": WIDE[f"{model}|total_cost"][n],
        }
        for model in ("small/v1", "gpt-large")
        for n in range(3)
    ]
    return pd.DataFrame(rows)


def write(folder: Path) -> Path:
    """The wide one."""
    path = folder / "routerbench_0shot.pkl"
    pd.DataFrame(WIDE).to_pickle(path)
    return path


def write_long(folder: Path) -> Path:
    """The long one."""
    path = folder / "routerbench_raw.pkl"
    long().to_pickle(path)
    return path
