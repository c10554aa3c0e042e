"""RouterArena: two models, one called by a name with a slash, and the price list beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

MODELS = ("mini-1", "org/Big-2")
IDS = ("AIME_112", "Social_QA_7", "plain", "AIME_3")
TEXTS = ("Solve:\n\t“x” = 2\u2028?", 'Say "yes"', "模型?", "only one model")
GROUPS = ("AIME", "Social_QA", "plain", "AIME")
NAN = float("nan")
SCORE = [[0, 1], [-0.25, 0.5], [1, NAN], [1, NAN]]
COST = [[0.000237, 0.0125], [1e-6, 0.0025], [3e-5, NAN], [2e-5, NAN]]  # USD
INPUT = [[349, 351], [10, 11], [20, 21], [30, NAN]]
OUTPUT = [[120, 1000], [5, 6], [7, 0], [9, NAN]]
PRICES = {
    name: {"input_token_price_per_million": of[0], "output_token_price_per_million": of[1]}
    for name, of in {"mini-1": (0.1, 0.4), "org/Big-2": (2, 8.0), "a": (1, 1), "b": (1, 1), "c": (1, 1)}.items()
}


def record(model: int, n: int, **fields: Any) -> dict[str, Any]:
    """What the publisher writes of a model's answer to a request."""
    score, cost = SCORE[n][model], COST[n][model]
    result = {"extracted_answer": "a", "ground_truth": "b", "score": score, "metric": "mcq", "inference_cost": cost}
    tokens = {"input_tokens": INPUT[n][model], "output_tokens": OUTPUT[n][model]}
    return {
        "global_index": IDS[n],
        "question": TEXTS[n],
        "llm_selected": MODELS[model],
        "generated_answer": "It is\n“so”.",
        "token_usage": tokens | {"total_tokens": sum(tokens.values())},
        "success": True,
        "provider": "some",
        "error": None,
        "evaluation_result": result if score == score else None,
    } | fields


def write(folder: Path) -> Path:
    """A folder of two JSON Lines files and cost.json."""
    path = folder / "routerarena"
    path.mkdir()
    big = [record(1, 1), record(1, 0), record(1, 2, success=False, error="503: “busy”")]
    for name, records in {"mini-1": [record(0, n) for n in range(4)], "org_Big-2": big}.items():
        lines = "".join(json.dumps(each, ensure_ascii=name == "mini-1") + "\n" for each in records)
        (path / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    (path / "cost.json").write_text(json.dumps(PRICES, indent=2), encoding="utf-8")
    return path
