"""RouteLLM: two subjects, two models, one of them with its responses."""

from __future__ import annotations

from pathlib import Path

MODELS = ("org/large-1106", "small")
PROMPTS = ('Which?\nA. "one"\nB. two, or more\nAnswer:', "naïve — 模型?", "plain", "again")
SCORE = [[1, 0], [1, 1], [0, 0], [0, 1]]


def write(folder: Path) -> Path:
    """A folder of two CSVs; the second one has its columns in another order."""
    path = folder / "routellm"
    path.mkdir()
    (path / "algebra.csv").write_text(
        "prompt,org/large-1106,small\n"
        '"Which?\nA. ""one""\nB. two, or more\nAnswer:",True,False\n'
        "naïve — 模型?,true,1\n"
        "plain,0,false\n",
        encoding="utf-8",
    )
    (path / "birds.csv").write_text(
        'small,small_response,prompt,org/large-1106\nTrue,"Yes, ""it"" is.\nReally.",again,False\n', encoding="utf-8"
    )
    return path
