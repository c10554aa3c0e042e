"""Made-up recordings to try every command with: a trace that all models answered, and a log of one answer each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from messjax import files, traces
from messjax.cli import machine_output
from messjax.traces import Trace

MODELS = ("small", "medium", "large")
USD_PER_WORD = np.array([1e-6, 6e-6, 3e-5])
ACCURACY = np.array([[0.92, 0.94, 0.95], [0.60, 0.82, 0.90], [0.20, 0.45, 0.80]])  # [kind, model]
SHARE = (0.5, 0.3, 0.2)  # of each kind
KINDS = (  # what a request says if it is easy, medium, hard
    ("name the capital of", "spell the word", "translate hello into", "what colour is"),
    ("summarise the chapter on", "compare two views of", "explain the method of"),
    ("prove the theorem about", "derive a sharp bound for", "find the error in the proof of"),
)
TOPICS = {
    "geography": ("France", "the Andes", "rivers", "islands"),
    "history": ("Rome", "the printing press", "trade", "treaties"),
    "mathematics": ("primes", "matrices", "integrals", "graphs"),
}
_MOST_WORDS = 40  # that a prompt asks for, and more where it would repeat another one


def trace(num: int, seed: int) -> Trace:
    """Requests whose words tell how hard they are, each answered by three models. No number in it was measured.

    Args:
        num: Number of requests N.
        seed: Seed of all random numbers.

    Returns:
        The trace.
    """
    rng = np.random.default_rng(seed)
    kind = rng.choice(len(SHARE), num, p=SHARE)
    topic = rng.choice(list(TOPICS), num)
    asked = (
        (f"{rng.choice(KINDS[k])} {rng.choice(TOPICS[t])}", int(rng.integers(2, _MOST_WORDS)))
        for k, t in zip(kind, topic, strict=True)
    )
    prompts = list(_without_repeats(asked))
    satisfaction = (rng.random((num, len(MODELS))) < ACCURACY[kind]).astype(np.float64)
    words = rng.integers(20, 200, num) * (1 + kind)
    return Trace(
        models=MODELS,
        prompts=prompts,
        groups=[str(each) for each in topic],
        satisfaction=satisfaction,
        cost=words[:, None] * USD_PER_WORD,
        cost_unit="USD",
        source="demo",
        ids=[f"demo/{n}" for n in range(num)],
        provenance={"format": "demo", "files": "made up by messjax trace demo"},
    )


def _without_repeats(asked: Iterable[tuple[str, int]]) -> Iterator[str]:
    """Prompts that ask for so many words each; one that was there asks for a number that was not yet asked for."""
    seen: set[tuple[str, int]] = set()
    unused: defaultdict[str, Iterator[int]] = defaultdict(lambda: count(_MOST_WORDS))
    for what, words in asked:
        words = words if (what, words) not in seen else next(unused[what])
        seen.add((what, words))
        yield f"{what}, in {words} words"


def log_rows(num: int, seed: int) -> list[dict[str, Any]]:
    """The same requests as a decision log: a router that prefers the middle model and records its propensities.

    Args:
        num: Number of requests.
        seed: Seed of all random numbers.

    Returns:
        One record per request.
    """
    made, rng = trace(num, seed), np.random.default_rng([seed, 1])
    chances = np.array([0.25, 0.5, 0.25])
    chosen = rng.choice(len(MODELS), num, p=chances)
    return [
        {
            "q": made.prompts[n],
            "m": MODELS[m],
            "s": int(made.satisfaction[n, m]),
            "usd": f"{made.cost[n, m]:.8f}",
            "p": chances[m],
        }
        for n, m in enumerate(chosen)
    ]


def write(path: Path, *, num: int, seed: int, is_log: bool, force: bool) -> Path:
    """Write one of them.

    Args:
        path: A name that ends in .parquet for a trace, in .csv for a log.
        num: Number of requests.
        seed: Seed of all random numbers.
        is_log: Whether a log is written.
        force: Whether a file that is there is replaced.

    Returns:
        The path.

    Raises:
        ValueError: The name ends otherwise, or something else is there.
    """
    suffix = ".csv" if is_log else ".parquet"
    if path.suffix.lower() != suffix:
        raise ValueError(f"found {str(path)!r}, expected a name that ends in {suffix}")
    if path.exists() and not force and not _is_own(path, num, seed, is_log):
        raise ValueError(f"{path} is there already, expected a new name, or --force to replace it")
    if is_log:
        files.write(path, machine_output.as_csv(log_rows(num, seed)))
    else:
        traces.write_parquet(trace(num, seed), path)
    return path


def _is_own(path: Path, num: int, seed: int, is_log: bool) -> bool:
    """Whether the file is what would be written: an example may be pasted twice."""
    try:
        if is_log:
            return path.read_text(encoding="utf-8") == machine_output.as_csv(log_rows(num, seed))
        found, made = traces.read_parquet(path), trace(num, seed)
        return list(found.prompts) == list(made.prompts) and bool(np.array_equal(found.satisfaction, made.satisfaction))
    except (ValueError, OSError):
        return False
