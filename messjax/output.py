"""What a program writes to its terminal: texts of files as text, and a reader that goes away costs no result.

Names of models, groups and files come from the user's data. A control character in them would move the cursor, change
colours or forge lines; here it becomes its escape, such as "\\x1b". Standard output may be closed, full, or a pipe
whose reader has left (`| head -1`): what was computed is saved all the same.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

__all__ = ["Output", "counted", "guarded", "terminal", "visible"]

# C0 but tab and newline, DEL, C1, and what reorders or breaks a line: each as Python would write it in a literal.
_CONTROLS = [*range(0x20), *range(0x7F, 0xA0), 0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A)]
_ESCAPES = {code: ascii(chr(code))[1:-1] for code in _CONTROLS if chr(code) not in "\t\n"}


def counted(number: int, what: str) -> str:
    """A number and what it counts, in the singular or the plural.

    Args:
        number: The number.
        what: The word in the singular, with "s" in the plural.

    Returns:
        The text.

    Example:
        >>> counted(1, "model"), counted(1200, "model")
        ('1 model', '1,200 models')
    """
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def visible(text: str) -> str:
    """A text with its control characters written as escapes.

    Args:
        text: Any text.

    Returns:
        The text; the same where there is nothing to escape.

    Example:
        >>> print(visible("gpt\x1b[31m-4"))
        gpt\\x1b[31m-4
    """
    return text if text.isascii() and text.isprintable() else text.translate(_ESCAPES)


class Output:
    """A stream of text that escapes control characters, and remembers the first error instead of raising it.

    Attributes:
        stream: The stream below, for what makes terminal codes itself (`rich`).
        error: Why nothing more is written, or None.
    """

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.error: OSError | None = None

    def write(self, text: str) -> int:
        """Write a text.

        Args:
            text: The text.

        Returns:
            Its length.
        """
        self._try(lambda: self.stream.write(visible(text)))
        return len(text)

    def flush(self) -> None:
        """Write out what is buffered."""
        self._try(self.stream.flush)

    def _try(self, action: Any) -> None:
        if self.error is None:
            try:
                action()
            except OSError as error:
                self.error = error

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class _Terminal(Output):
    """The same stream for `rich`, whose terminal codes are kept."""

    def __init__(self, output: Output) -> None:
        self.output = output

    def write(self, text: str) -> int:
        """Write a text as it is."""
        self.output._try(lambda: self.output.stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Write out what is buffered."""
        self.output.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.output.stream, name)


def terminal(stream: Any) -> Any:
    """The stream as `rich` may write to it, which escapes what it is given itself (`runtime.console`).

    Args:
        stream: `sys.stdout` or `sys.stderr`.

    Returns:
        A stream that keeps terminal codes.
    """
    return _Terminal(stream) if isinstance(stream, Output) else stream


@contextmanager
def guarded() -> Iterator[Output]:
    """Standard output and standard error as `Output` for the duration of a program.

    Yields:
        The standard output, whose `error` says after the program whether all of it was written.
    """
    if isinstance(sys.stdout, Output):  # a program within a program
        yield sys.stdout
        return
    _open_descriptors()
    streams = sys.stdout, sys.stderr
    outputs = [Output(open(os.devnull, "w") if stream is None else stream) for stream in streams]  # noqa: SIM115
    for output in outputs:
        with suppress(AttributeError, ValueError):  # a name that the terminal's encoding has not
            output.stream.reconfigure(errors="backslashreplace")
    sys.stdout, sys.stderr = outputs
    try:
        yield outputs[0]
    finally:
        for output in outputs:
            output.flush()
            if output.error is not None:
                _discard(output.stream)
        sys.stdout, sys.stderr = streams


def _open_descriptors() -> None:
    """Give the first three descriptors to the null device where they are closed: a result's file could get them."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError as error:
            if error.errno == errno.EBADF:
                os.open(os.devnull, os.O_RDWR)


def _discard(stream: Any) -> None:
    """What the interpreter flushes at its end goes nowhere, instead of ending in an error message."""
    with suppress(OSError, ValueError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
