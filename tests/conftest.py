"""Fixtures that several test files share."""

from __future__ import annotations

import os
from pathlib import Path

os.environ["JAX_ENABLE_COMPILATION_CACHE"] = "0"  # the commands switch it on: tests leave the user's folder alone

import pytest


@pytest.fixture(scope="session")
def traces() -> Path:
    """The folder of recorded traces, `MESSJAX_TRACES` or one next to the checkout; tests without it are skipped."""
    default = Path(__file__).resolve().parents[1].parent / "shared" / "traces"
    folder = Path(os.environ.get("MESSJAX_TRACES", default))
    if not folder.is_dir():
        pytest.skip(f"no recorded traces in {folder}: set MESSJAX_TRACES to their folder")
    return folder
