"""The cache of compiled programs: torn entries are removed, so that they are compiled and kept again."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import jax
import pytest

from messjax import runtime


def test_torn_entries_are_removed_and_whole_ones_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jax.config, "update", lambda *_: None)
    whole = zlib.compress(os.urandom(5_000))
    contents = {"whole": whole, "half": whole[:2_500], "empty": b"", "zstd": b"\x28\xb5\x2f\xfd" + whole}
    for name, content in contents.items():
        (tmp_path / f"jit_{name}-cache").write_bytes(content)
    runtime.use_compilation_cache(tmp_path)
    assert {path.name for path in tmp_path.glob("*-cache")} == {"jit_whole-cache", "jit_zstd-cache"}
    (tmp_path / "jit_whole-cache").write_bytes(whole[:-1])  # torn later: it is newer than the last look
    runtime.use_compilation_cache(tmp_path)
    assert {path.name for path in tmp_path.glob("*-cache")} == {"jit_zstd-cache"}
    runtime.use_compilation_cache(tmp_path / "missing")


def test_a_cache_folder_that_cannot_be_written_is_one_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changed: list[str] = []
    monkeypatch.setattr(jax.config, "update", lambda name, _: changed.append(name))
    (tmp_path / "file").write_text("")
    runtime.use_compilation_cache(tmp_path / "file" / "programs")
    assert not changed
    assert capsys.readouterr().err.count("set XDG_CACHE_HOME to a folder that can be written") == 1
