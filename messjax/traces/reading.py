"""What holds while one path is read: what is done with bad cells, how texts are encoded, and what was noticed.

A reader need not pass it on: `current()` is the reading that `formats.read` has begun.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType

from messjax.traces.findings import Finding, FindingCounter

ON_BAD = ("fail", "skip", "report")


class BadCell(ValueError):  # noqa: N818 (what it is about)
    """A cell, or a whole row, that does not hold what it should; it can be left out.

    Attributes:
        kind: What it is counted as: "empty prompts".
    """

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


class Reading:
    """One reading of a path.

    Attributes:
        on_bad: What is done with a bad cell: "fail" raises its error, "skip" leaves out what is bad (a number becomes
            a missing one, a text its row) and says so in a warning, "report" does the same and makes an error of it.
        encoding: Encoding of texts; empty: found out.
        score_words: Words, in lower case, that are scores.
    """

    def __init__(
        self, on_bad: str = "fail", encoding: str = "", score_words: Mapping[str, float] | None = None
    ) -> None:
        if on_bad not in ON_BAD:
            raise ValueError(f"--on-bad: found {on_bad!r}, expected one of {', '.join(ON_BAD[:2])}")
        if encoding and not _known(encoding):
            raise ValueError(f"--encoding: found {encoding!r}, expected the name of one, as utf-8, cp1252 or utf-16")
        self.on_bad, self.encoding = on_bad, encoding
        self.score_words = {word.strip().lower(): value for word, value in (score_words or {}).items()}
        self.first_bad = ""
        self._counters: dict[str, FindingCounter] = {}
        self._noted: set[tuple[str, str]] = set()

    def bad(self, error: BadCell) -> None:
        """Count a bad cell or row.

        Args:
            error: What is wrong with it.

        Raises:
            ValueError: The same, where bad cells are not to be left out.
        """
        if self.on_bad == "fail":
            raise ValueError(f"{error} (or leave it out: --on-bad skip)") from None
        self.first_bad = self.first_bad or str(error)
        severity = "error" if self.on_bad == "report" else "warning"
        what = "become missing" if error.kind == "bad numbers" else "are left out"
        message = f"{'cells' if error.kind == 'bad numbers' else 'rows'} that cannot be read {what}"
        self._counters.setdefault(error.kind, FindingCounter(error.kind, severity, message, "--on-bad skip")).add(
            str(error)
        )

    def note(self, check: str, message: str, example: str, severity: str = "info", option: str = "") -> None:
        """Count something that was noticed; the same example counts once.

        Args:
            check: Short name.
            message: What was noticed.
            example: Where.
            severity: "info" or "warning".
            option: What changes it.
        """
        if (check, example) not in self._noted:
            self._noted.add((check, example))
            self._counters.setdefault(check, FindingCounter(check, severity, message, option)).add(example)

    def findings(self) -> list[Finding]:
        """Everything that was counted.

        Returns:
            The findings.
        """
        return [finding for counter in self._counters.values() for finding in counter.findings()]

    def __enter__(self) -> Reading:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """At the end of a row: a bad cell in it is counted and the row left out, or raised again."""
        if not isinstance(error, BadCell):
            return False
        self.bad(error)
        return True


_CURRENT: ContextVar[Reading] = ContextVar("reading", default=Reading())  # noqa: B039 (refuses, and counts nothing)


def current() -> Reading:
    """The reading that has begun; by default one that refuses bad cells.

    A row is read within it, `with current(): ...`, so that it can be left out.

    Returns:
        The reading.
    """
    return _CURRENT.get()


@contextmanager
def begin(reading: Reading) -> Iterator[Reading]:
    """Make a reading the current one.

    Args:
        reading: The reading.

    Yields:
        The same.
    """
    token = _CURRENT.set(reading)
    try:
        yield reading
    finally:
        _CURRENT.reset(token)


def _known(encoding: str) -> bool:
    try:
        return codecs.lookup(encoding)._is_text_encoding
    except (LookupError, ValueError):
        return False
