"""The formats messjax reads, and which one a file is in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from messjax.traces import parquet
from messjax.traces.look import Look, look
from messjax.traces.parsing import listed
from messjax.traces.readers import alpaca_eval, llmrouter, llmrouterbench, lm_eval, routellm, routerbench, sprout
from messjax.traces.recording import Recording


class Options(NamedTuple):
    """What some formats leave open."""

    metric: str | None = None  # MESS+ CSV, lm-evaluation-harness: which score (acc, acc_norm, exact_match, ...)
    filter: str | None = None  # lm-evaluation-harness: which filter's rows
    columns: Mapping[str, str] = {}  # plain tables: prompt, id, group -> a column; model NAME -> score[:cost] columns


class Format(NamedTuple):
    """One published format: its name, what it is, whether a path looks like it, its reader."""

    name: str
    title: str
    fits: Callable[[Look], bool]
    read: Callable[[Path, Options], Recording]


FORMATS = (
    Format("routellm", "RouteLLM evaluation CSV", routellm.fits, routellm.read),
    Format("routerbench", "RouterBench DataFrame pickle, wide or long", routerbench.fits, routerbench.read),
    Format("llmrouterbench", "LLMRouterBench results JSON", llmrouterbench.fits, llmrouterbench.read),
    Format("llmrouter", "LLMRouter routing data JSONL", llmrouter.fits, llmrouter.read),
    Format("sprout", "SPROUT Parquet", sprout.fits, sprout.read),
    Format("lm_eval", "lm-evaluation-harness samples JSONL", lm_eval.fits, lm_eval.read),
    Format("alpaca_eval", "AlpacaEval annotations JSON", alpaca_eval.fits, alpaca_eval.read),
)
NAMES = ("auto", "messjax", *(each.name for each in FORMATS))


def detect(path: Path) -> Format:
    """The one format that a path looks like.

    Raises:
      ValueError: none or several; it says what was found and names the formats.
    """
    seen = look(path)
    fitting = [each for each in FORMATS if each.fits(seen)]
    if len(fitting) == 1:
        return fitting[0]
    found = "; ".join(f"{len(files)} {kind} ({listed(seen.keys[kind])})" for kind, files in seen.files.items())
    if fitting:
        raise ValueError(f"{path}: could be {' or '.join(each.name for each in fitting)}: give --format")
    raise ValueError(
        f"{path}: found {found}, no format that messjax knows: give --format {', '.join(NAMES[2:])}, or name the "
        "columns of a plain table with --columns"
    )


def read(path: Path, format: str = "auto", options: Options = Options()) -> Recording:  # noqa: B008 (a tuple)
    """The recording of a file or folder in a published format.

    Raises:
      ValueError: an unknown format, a path that fits none or several, anything the reader cannot take.
    """
    path = Path(path)
    if format == "auto":
        return detect(path).read(path, options)
    by_name = {each.name: each for each in FORMATS}
    if format not in by_name:
        raise ValueError(f"--format: found {format!r}, expected one of {', '.join(NAMES)}")
    if not path.exists():
        raise ValueError(f"{path} not found, expected a file or folder in the format {format}")
    return by_name[format].read(path, options)


def is_messjax(path: Path) -> bool:
    """Whether a path is a trace on disk (`traces.parquet`)."""
    return path.is_file() and parquet.is_trace(path)
