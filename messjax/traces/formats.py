"""The formats messjax reads, and which one a file is in."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from messjax.traces import parquet
from messjax.traces.linting.cells import DECISION_LOG, decision_log
from messjax.traces.logs.guessed_columns import as_option, guessed, guessed_wide, has_one_answer_each
from messjax.traces.logs.products import aggregate_of, product_of
from messjax.traces.options import DEFAULTS, Options
from messjax.traces.parsing import listed
from messjax.traces.readers import (
    alpaca_eval,
    embedllm,
    llmrouter,
    llmrouterbench,
    lm_eval,
    mess_plus,
    paretobandit,
    plain,
    routellm,
    routerarena,
    routerbench,
    sprout,
)
from messjax.traces.reading import Reading, begin
from messjax.traces.recording import Recording
from messjax.traces.selection import in_order_of_time
from messjax.traces.sniff import Sniffed, sniff_path


class Format(NamedTuple):
    """A published format.

    Attributes:
        name: Its short name, for `--format`.
        title: What it is.
        fits: Whether a path looks like it.
        read: (path, options) -> recording.
    """

    name: str
    title: str
    fits: Callable[[Sniffed], bool]
    read: Callable[[Path, Options], Recording]


FORMATS = (
    Format("mess_plus", "MESS+ inference outputs, CSV", mess_plus.fits, mess_plus.read),
    Format("routellm", "RouteLLM evaluation CSV", routellm.fits, routellm.read),
    Format("routerbench", "RouterBench DataFrame pickle, wide or long", routerbench.fits, routerbench.read),
    Format("routerarena", "RouterArena cached results, JSON Lines", routerarena.fits, routerarena.read),
    Format("llmrouterbench", "LLMRouterBench results JSON", llmrouterbench.fits, llmrouterbench.read),
    Format("llmrouter", "LLMRouter routing data JSONL", llmrouter.fits, llmrouter.read),
    Format("embedllm", "EmbedLLM correctness CSV", embedllm.fits, embedllm.read),
    Format("sprout", "SPROUT Parquet", sprout.fits, sprout.read),
    Format("lm_eval", "lm-evaluation-harness samples JSONL", lm_eval.fits, lm_eval.read),
    Format("alpaca_eval", "AlpacaEval annotations JSON", alpaca_eval.fits, alpaca_eval.read),
    Format("paretobandit", "ParetoBandit rewards JSONL", paretobandit.fits, paretobandit.read),
    Format("plain", "CSV, JSON Lines or Parquet with columns named", plain.fits, plain.read),
)
_NO_TRACE = (
    (
        {"model_a", "model_b", "winner"},
        "found battles of an arena: two models per request and which one is preferred. A trace needs a score of every "
        "model for every request: have a judge score the answers, or compare all models with one (as AlpacaEval)",
    ),
    (
        {"global_index", "prediction", "generated_result"},
        "found the predictions of a router (RouterArena): a decision log, with the one model that the router chose for "
        "each request. A replay needs the answers of all models to the same requests (RouterArena's cached_results); "
        "the router's choices can then be a column beside them: --columns ...,choice:NAME=COLUMN",
    ),
)
_LONGEST = 2_000  # characters of an error
NAMES = ("auto", "messjax", *(each.name for each in FORMATS))


def detect(path: Path) -> Format:
    """The one format that a path looks like.

    Args:
        path: A file or folder.

    Returns:
        The format.

    Raises:
        ValueError: None or several; says what was found and names the formats.
    """
    seen = sniff_path(path)
    fitting = [each for each in FORMATS if each.fits(seen)]
    if len(fitting) == 1:
        return fitting[0]
    result = "; ".join(f"{len(files)} {kind} ({listed(seen.keys[kind])})" for kind, files in seen.files.items())
    if fitting:
        raise ValueError(f"{path}: could be {' or '.join(each.name for each in fitting)}: give --format")
    if why := _unusable(seen):
        raise ValueError(f"{path}: {why}")
    raise ValueError(
        f"{path}: found {result}, no format that messjax knows: give --format {', '.join(NAMES[2:])}, or name the "
        "columns of a plain table with --columns (of a log with one answer per request with messjax evaluate)"
    )


def _unusable(seen: Sniffed) -> str:
    """Why a known kind of table makes no trace, or nothing."""
    if why := aggregate_of(seen):
        return why
    if product := product_of(seen):
        return f"found {product.title}: {DECISION_LOG}"
    if wide := guessed_wide(seen):
        return f"found a column of scores for each model: add --columns {shlex.quote(as_option(wide))}"
    if likely := guessed(seen):
        if has_one_answer_each(seen, likely):
            return f"found {decision_log(shlex.quote(str(seen.path)), as_option(likely))}"
        of_trace = {role: name for role, name in likely.items() if role in ("prompt", "model", "score", "cost")}
        return f"found a row per request and model; if this is what its columns hold: --columns {as_option(of_trace)}"
    fields = {*seen.fields, *seen.keys.get("csv", ()), *seen.keys.get("parquet", ())}
    return next((why for names, why in _NO_TRACE if names <= fields), "")


def read(path: Path, format: str = "auto", options: Options = DEFAULTS) -> Recording:
    """The recording of a file or folder in a published format, or of a trace that messjax wrote (`traces.parquet`).

    Args:
        path: A file or folder.
        format: One of `NAMES`; "auto" finds it out.
        options: What some formats leave open. With `options.columns` the format is plain.

    Returns:
        The recording, unchanged: scores out of range, missing cells and repeated rows included.

    Raises:
        ValueError: An unknown format, a path that fits none or several, or anything that the reader cannot take.
    """
    path = Path(path)
    if options.columns and format not in ("auto", "plain"):
        raise ValueError(f"--columns: they are for the format plain, found --format {format}")
    try:
        return _read(path, format, options)
    except ValueError as error:
        is_refusal = type(error) is ValueError or type(error).__module__.startswith("messjax.")
        if is_refusal and len(str(error)) <= _LONGEST:
            raise
        result = str(error) if is_refusal else f"{path}: found broken data ({error})"
        raise ValueError(f"{result[:_LONGEST]} ...") from None  # it may quote a name of the file that has no end


def _read(path: Path, format: str, options: Options) -> Recording:
    """What a reader finds, and what was noticed on the way."""
    with begin(Reading(options.on_bad, options.encoding, options.score_words)) as reading:
        try:
            recording = _recording(path, format, options)
        except ValueError as error:
            if not reading.first_bad:
                raise
            raise ValueError(f"{error}; the first row that was left out: {reading.first_bad}") from None
        return in_order_of_time(recording._replace(findings=(*reading.findings(), *recording.findings)))


def _recording(path: Path, format: str, options: Options) -> Recording:
    if format == "messjax" or (format == "auto" and not options.columns and is_messjax(path)):
        return parquet.recording(path)
    if format == "auto" and not options.columns:
        return detect(path).read(path, options)
    format = "plain" if options.columns else format
    by_name = {each.name: each for each in FORMATS}
    if format not in by_name:
        raise ValueError(f"--format: found {format!r}, expected one of {', '.join(NAMES)}")
    if not path.exists():
        raise ValueError(f"{path} not found, expected a file or folder in the format {format}")
    return by_name[format].read(path, options)


def is_messjax(path: Path) -> bool:
    """Whether a path is a trace that messjax wrote (`traces.parquet`).

    Args:
        path: A file or folder.

    Returns:
        True or False.
    """
    return path.is_file() and parquet.is_trace(path)
