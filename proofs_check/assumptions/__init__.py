"""The assumptions A1 to A8 of docs/theory.md as checks that can fail, on recorded traces and synthetic streams."""

from proofs_check.assumptions.report import Check, table
from proofs_check.assumptions.stream import check_stream
from proofs_check.assumptions.trace import check_trace

__all__ = ["Check", "check_stream", "check_trace", "table"]
