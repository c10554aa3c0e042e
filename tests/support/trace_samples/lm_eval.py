"""lm-evaluation-harness' samples: two models, a task with two filters, one with two metrics, an older run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TIME = "2024-06-30T12-34-56.123456"


def line(doc_id: int, doc: Any, filter: str = "none", doc_hash: str | None = None, **metrics: Any) -> dict[str, Any]:
    """One line as the publisher writes it."""
    return {
        "doc_id": doc_id,
        "doc": doc,
        "target": "2",
        "arguments": {"gen_args_0": {"arg_0": f"Q: {doc}\nA:", "arg_1": {"until": ["\n"]}}},
        "resps": [["2"]],
        "filtered_resps": ["2"],
        "filter": filter,
        "metrics": list(metrics),
        "doc_hash": f"hash of {doc}" if doc_hash is None else doc_hash,
        "prompt_hash": "p",
        "target_hash": "t",
        **metrics,
    }


def put(folder: Path, model: str, task: str, lines: list[dict[str, Any]], time: str = TIME) -> Path:
    """Writes a file where the publisher does."""
    path = folder / model / f"samples_{task}_{time}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(each, ensure_ascii=False) + "\n" for each in lines), encoding="utf-8")
    return path


DOCS = [{"question": "1 + 1?", "answer": "2"}, {"question": '模型 "?"', "answer": "3"}]


def write(folder: Path) -> Path:
    """Writes `results`."""
    results = folder / "results"
    for model, right in (("org__small", 0), ("org__large", 1)):
        lines = [line(n, DOCS[n], "strict-match", exact_match=float(right and n)) for n in range(2)]
        lines += [line(n, DOCS[n], "flexible-extract", exact_match=1.0) for n in range(2)]
        put(results, model, "gsm8k", lines)
        arc = [line(0, {"query": "Which?", "choices": ["a", "b"]}, acc=right, acc_norm=1 - right)]
        put(results, model, "arc_easy", arc)
        put(results, model, "arc_easy", [{**arc[0], "acc": 0.75}], "2023-01-01T00-00-00")
        (results / model / f"results_{TIME}.json").write_text('{"results": {}}')
    return results
