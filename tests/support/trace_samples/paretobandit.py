"""ParetoBandit's rewards as the publisher writes them: two files of arms within records."""

from __future__ import annotations

from pathlib import Path

from support.recordings import lines

ARMS = ("meta-llama/llama-3.1-8b-instruct", "google/gemini-2.5-pro")
REWARDS = {"val_k4": ((0.4, 0.96), (0.5, 0.5)), "test_k4": ((1, 0.75), (0, None))}
COSTS = (3.73e-05, 0.03494625)


def write(folder: Path) -> Path:
    """The folder of the two files."""
    for name, rewards in REWARDS.items():
        records = [
            {
                "prompt": f"question {n} of {name}",
                "difficulty": "hard_but_dominated",
                "best_arm": ARMS[0],
                "arms": {arm: {"reward": row[m], "cost": COSTS[m], "near_best": True} for m, arm in enumerate(ARMS)},
                "source": "mbpp",
            }
            for n, row in enumerate(rewards)
        ]
        lines(folder / f"{name}.jsonl", records)
    return folder
