"""Counts what a reader notices while it reads: how often, and the first places."""

from __future__ import annotations

from messjax.traces.recording import EXAMPLES, Finding


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
