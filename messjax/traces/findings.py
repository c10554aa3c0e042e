"""What a user should know about a recording, and a counter of one such thing: how often, and the first places."""

from __future__ import annotations

from typing import NamedTuple

EXAMPLES = 3


class Finding(NamedTuple):
    """Something a user should know about a recording.

    Attributes:
        check: A short name: "missing cells".
        severity: "error" (a trace cannot be made without an option), "warning" or "info".
        times: How often.
        message: What was found.
        examples: The first places.
        option: The command-line option that handles it; empty: nothing needs to be done.
    """

    check: str
    severity: str
    times: int
    message: str
    examples: tuple[str, ...] = ()
    option: str = ""


class FindingCounter:
    """Counts one kind of finding; it makes one `Finding`, or none where nothing was noticed."""

    def __init__(self, check: str, severity: str, message: str, option: str = "") -> None:
        self._finding = Finding(check, severity, 0, message, (), option)

    def add(self, example: str) -> None:
        """Count once more.

        Args:
            example: Where it was noticed.
        """
        seen = self._finding
        examples = seen.examples if len(seen.examples) == EXAMPLES else (*seen.examples, example)
        self._finding = seen._replace(times=seen.times + 1, examples=examples)

    def findings(self) -> list[Finding]:
        """What was counted.

        Returns:
            One finding, or an empty list.
        """
        return [self._finding] if self._finding.times else []
