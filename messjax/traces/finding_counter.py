"""Counting what a reader notices on the way: how often, and the first places."""

from __future__ import annotations

from messjax.traces.recording import EXAMPLES, Finding


class FindingCounter:
    """One kind of thing noticed; it makes one `Finding`, or none where nothing was noticed."""

    def __init__(self, check: str, severity: str, message: str, option: str = "") -> None:
        self._finding = Finding(check, severity, 0, message, (), option)

    def add(self, example: str) -> None:
        """Once more; `example` says where."""
        seen = self._finding
        examples = seen.examples if len(seen.examples) == EXAMPLES else (*seen.examples, example)
        self._finding = seen._replace(times=seen.times + 1, examples=examples)

    def findings(self) -> list[Finding]:
        """The finding, in a list that is empty where there is none."""
        return [self._finding] if self._finding.times else []
