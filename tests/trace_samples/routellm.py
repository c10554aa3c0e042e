"""A small folder in RouteLLM's format: two subjects, two models, a response, quotes and line ends."""

from __future__ import annotations

from pathlib import Path

ALGEBRA = (
    "prompt,org/large-1106,org/large-1106_response,small\n"
    '"Which?\nA. ""one""\nB. two, or more\nAnswer:",True,B,False\n'
    "naïve — 模型?,true,A,1\n"
    "plain,0,,false\n"
)
HISTORY = "prompt,small,org/large-1106\nWho was it?,False,True\n\nWhen was it?,False,True\n"


def write(folder: Path) -> Path:
    """The folder that is to be read."""
    path = folder / "subjects"
    path.mkdir(parents=True)
    (path / "algebra.csv").write_bytes(ALGEBRA.encode())
    (path / "history.csv").write_bytes(HISTORY.encode())
    return path
