"""What the fuzzers of trace files share: the sample of a format, a time limit, and what a refusal must look like."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from messjax import traces
from messjax.traces.readers.plain_columns import parse_columns

FORMATS = ("messjax", *(each.name for each in traces.FORMATS))
SECONDS = 10  # of processor time, for one case; twelve times as long on the clock, on a busy machine


def sample(name: str, folder: Path) -> Path:
    """Writes the sample of a format; no sample is a failure, not a skip."""
    folder.mkdir(parents=True, exist_ok=True)
    return import_module(f"support.trace_samples.{name}").write(folder)


def options_of(name: str) -> traces.Options:
    """What the sample of a format is read with: the columns of a plain table."""
    columns = getattr(import_module(f"support.trace_samples.{name}"), "WIDE", "") if name == "plain" else ""
    return traces.Options(columns=parse_columns(columns) if columns else {})


@contextmanager
def limited() -> Iterator[None]:
    """Fails what takes longer than SECONDS."""

    def late(number: int, frame: object) -> None:
        raise TimeoutError(f"more than {SECONDS} s")

    timers = ((signal.SIGPROF, signal.ITIMER_PROF, SECONDS), (signal.SIGALRM, signal.ITIMER_REAL, 12 * SECONDS))
    before = [signal.signal(number, late) for number, _, _ in timers]
    for _, timer, seconds in timers:
        signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        for (number, timer, _), handler in zip(timers, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)


def check_refusal(error: ValueError, *names: str) -> None:
    """A ValueError itself (pyarrow's and json's errors are ValueErrors, too), which says where, in few words."""
    assert type(error) is ValueError or type(error).__module__.startswith("messjax."), (
        f"{type(error).__name__}: {error}"
    )
    assert any(name in str(error) for name in names), str(error)
    assert len(str(error)) < 3_000
    str(error).encode()  # fit to be printed
