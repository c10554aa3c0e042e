"""Damaged copies of a folder, one after the other: the original's answer, or one error that names a file."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from support.file_injuries import BYTES, injure_folder
from support.trace_fuzzing import check_refusal, limited


def hurt(rng: np.random.Generator, root: Path, share: float = 0.08) -> None:
    """One or two injuries of a file, or of one file below a folder; of the folder itself for a share of the cases."""
    files = sorted(file for file in root.rglob("*") if file.is_file()) if root.is_dir() else [root]
    file = files[rng.integers(len(files))]
    if rng.random() < share:
        injure_folder(rng, root, file)
        return
    data = file.read_bytes()
    for _ in range(int(rng.integers(1, 3))):
        data = BYTES[rng.integers(len(BYTES))](rng, data)
    file.write_bytes(data)


def run(
    original: Path,
    folder: Path,
    cases: range,
    seed: int,
    load: Callable[[Path], Any],
    same: Callable[[Any], bool] | None = None,
) -> tuple[int, int, float]:
    """Load damaged copies.

    Args:
        original: A folder.
        folder: Where the copies are made.
        cases: Numbers of the cases.
        seed: Seed of the damage.
        load: Reads a folder, or raises ValueError.
        same: Whether what was read is what the original has; None where damage may give another good answer.

    Returns:
        How many were read, how many refused, and the longest processor time of a case in seconds.
    """
    read, refused, longest, failed = 0, 0, 0.0, []
    for case in cases:
        copy = folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(original, copy)
        hurt(np.random.default_rng([seed, case]), copy)
        began = time.process_time()
        try:
            with limited():
                found = load(copy)
            read += 1
            if same is not None and not same(found):
                failed.append(f"case {case}: another answer")
        except ValueError as error:
            refused += 1
            try:
                check_refusal(error, str(copy))
            except AssertionError as wrong:
                failed.append(f"case {case}: {str(wrong)[:400]}")
        except Exception as error:
            failed.append(f"case {case}: {type(error).__name__}: {str(error)[:400]}")
        longest = max(longest, time.process_time() - began)
    assert not failed, f"seed {seed}: {len(failed)} of {len(cases)} cases failed: " + "\n".join(failed[:6])
    return read, refused, longest
