"""Small decision logs as gateways and routers write them, made by hand from their published fields."""

from __future__ import annotations

import csv
import json
from pathlib import Path

MODELS = ("small", "large")
N = 24


def rows() -> list[dict]:
    """What every sample says: model, prompt, cost, latency and score of each request."""
    return [
        {
            "id": f"r{n}",
            "model": MODELS[n % 3 == 0],
            "prompt": f"question {n}?",
            "cost": 0.001 * (1 + 9 * (n % 3 == 0)),
            "latency": 0.5 + 0.25 * (n % 4),
            "score": None if n % 6 == 5 else float(n % 2),
            "at": 1_700_000_000 + 60 * n,
        }
        for n in range(N)
    ]


def _iso(seconds: float) -> str:
    import datetime

    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat()


def _lines(path: Path, records: list[dict]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def plain(folder: Path) -> Path:
    with open(folder / "log.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "ts", "prompt", "model", "score", "usd", "p", "s"])
        for row in rows():
            score = "" if row["score"] is None else row["score"]
            p = 0.25 if row["model"] == "large" else 0.75
            writer.writerow([row["id"], row["at"], row["prompt"], row["model"], score, row["cost"], p, row["latency"]])
    return folder / "log.csv"


PLAIN = "id=id,time=ts,prompt=prompt,model=model,score=score,cost=usd,propensity=p,latency=s,cost_unit=USD"


def router_replay(folder: Path) -> Path:
    data = [
        {
            "id": row["id"],
            "timestamp": _iso(row["at"]),
            "original_model": "auto",
            "selected_model": row["model"],
            "prompt": row["prompt"],
            "actual_cost": row["cost"],
            "duration_ms": 1000 * row["latency"],
            "prompt_tokens": 5,
            "completion_tokens": 9,
            "learning": {"adaptation": {"candidate_set": list(MODELS), "sampling": True, "scores": {}}},
            "outcomes": [] if row["score"] is None else [{"verdict": "good" if row["score"] else "under"}],
        }
        for row in rows()
    ]
    (folder / "replay.json").write_text(json.dumps({"object": "router_replay.list", "data": data}), encoding="utf-8")
    return folder / "replay.json"


def litellm(folder: Path) -> Path:
    with open(folder / "spend.csv", "w", newline="", encoding="utf-8") as file:
        names = ["request_id", "call_type", "model", "model_group", "spend", "startTime", "endTime", "messages"]
        writer = csv.writer(file)
        writer.writerow([*names, "prompt_tokens", "completion_tokens", "metadata"])
        for row in rows():
            messages = json.dumps([{"role": "user", "content": row["prompt"]}])
            times = _iso(row["at"]), _iso(row["at"] + row["latency"])
            metadata = json.dumps({} if row["score"] is None else {"score": row["score"]})
            writer.writerow(
                [row["id"], "acompletion", f"openai/{row['model']}", row["model"], row["cost"], *times, messages, 5, 9,
                 metadata]
            )  # fmt: skip
    return folder / "spend.csv"


def langfuse(folder: Path) -> Path:
    (folder / "langfuse").mkdir()
    observations, scores = [], []
    for row in rows():
        trace, common = f"t-{row['id']}", {"version": "2", "startTime": _iso(row["at"])}
        observations.append({"id": f"span-{row['id']}", "traceId": trace, "type": "SPAN", "name": "x", **common})
        observations.append(
            {
                "id": row["id"], "traceId": trace, "type": "GENERATION", "model": row["model"], **common,
                "endTime": _iso(row["at"] + row["latency"]), "totalCost": row["cost"],
                "input": [{"role": "user", "content": row["prompt"]}], "usageDetails": {"input": 5, "output": 9},
            }
        )  # fmt: skip
        if row["score"] is not None:
            scores.append({"id": f"s-{row['id']}", "traceId": trace, "name": "thumb", "value": row["score"]})
    _lines(folder / "langfuse" / "observations.jsonl", observations)
    _lines(folder / "langfuse" / "scores.jsonl", scores)
    return folder / "langfuse"


def helicone(folder: Path) -> Path:
    return _lines(
        folder / "helicone.jsonl",
        [
            {
                "request_id": row["id"],
                "request_created_at": _iso(row["at"]),
                "request_model": row["model"],
                "request_body": {"messages": [{"role": "user", "content": row["prompt"]}]},
                "delay_ms": 1000 * row["latency"],
                "costUSD": row["cost"],
                "prompt_tokens": 5,
                "completion_tokens": 9,
                "feedback_rating": None if row["score"] is None else bool(row["score"]),
                "request_properties": {"propensity": 0.25 if row["model"] == "large" else 0.75},
            }
            for row in rows()
        ],
    )


SAMPLES = {
    "plain": plain,
    "router_replay": router_replay,
    "litellm": litellm,
    "langfuse": langfuse,
    "helicone": helicone,
}
