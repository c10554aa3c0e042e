"""Fixtures that several test files share, and the folder in which one run of the tests keeps its compiled programs."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

os.environ["JAX_ENABLE_COMPILATION_CACHE"] = "0"  # the commands switch it on: tests leave the user's folder alone

import pytest

KEPT = "MESSJAX_TEST_PROGRAMS"  # a folder of this run's, where its workers find what another has compiled


def pytest_configure(config: pytest.Config) -> None:
    """Most of the tests' time is XLA compiling, and much of it the same programs: each is compiled once a run."""
    if not hasattr(config, "workerinput"):
        if KEPT not in os.environ:  # set it to a folder of your own to keep compiled programs from run to run
            os.environ[KEPT] = tempfile.mkdtemp(prefix="messjax-tests-")
            config.add_cleanup(lambda: shutil.rmtree(os.environ.pop(KEPT), ignore_errors=True))
        if config.getoption("numprocesses", None):
            return  # the workers will run the tests
    import jax
    import platformdirs

    folder = os.environ[KEPT]
    platformdirs.user_cache_dir = lambda *_, **__: folder  # where the commands keep theirs
    jax.config.update("jax_enable_compilation_cache", True)
    jax.config.update("jax_compilation_cache_dir", folder)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


@pytest.fixture(scope="session")
def traces() -> Path:
    """The folder of recorded traces, `MESSJAX_TRACES` or one next to the checkout; tests without it are skipped."""
    default = Path(__file__).resolve().parents[1].parent / "shared" / "traces"
    folder = Path(os.environ.get("MESSJAX_TRACES", default))
    if not folder.is_dir():
        pytest.skip(f"no recorded traces in {folder}: set MESSJAX_TRACES to their folder")
    return folder
