"""Damaged files in every format: a recording, or one ValueError that names the file; never anything else, or a hang.

`MESSJAX_FUZZ` is the number of damaged files per format (120); the marker `slow` stands for 10,000. A new format fails
here until tests/support/trace_samples has a file of its name with `write(folder) -> Path`.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from support.file_injuries import Rng
from support.mutations import hurt
from support.trace_fuzzing import FORMATS, check_refusal, limited, options_of, sample

from messjax import traces
from messjax.traces import Choices, CostRule, Recording

CASES = int(os.environ.get("MESSJAX_FUZZ", "120"))
KINDS = ("recorded", "tokens", "parameters", "constant")
MISSING = ("fail", "drop", "zero", "ignore")
SCORES = (
    "fail",
    "clip",
    "rescale",
    "rescale=0:100",
    "rescale=1:1",
    "threshold=0.5",
    "threshold=",
    "rescale=a:b",
    "none",
)


def read_or_refuse(path: Path, format: str, options: traces.Options) -> Recording | None:
    """The recording, checked for shape; None where it was refused as it should be. Anything else goes through."""
    try:
        recording = traces.read(path, format, options)
    except ValueError as error:
        check_refusal(error, str(path))
        return None
    shape = (len(recording.ids), len(recording.models))
    assert recording.score.shape == shape and shape[0] and shape[1]
    assert len(recording.texts) == len(recording.groups) == shape[0] and len(set(recording.models)) == shape[1]
    for values in (recording.score, recording.cost, recording.input_tokens, recording.output_tokens, recording.latency):
        assert values is None or (values.shape == shape and not np.isinf(values).any())
    return recording


def prepare_somehow(rng: Rng, recording: Recording) -> None:
    """A trace, checked, or one ValueError; lint says something in any case."""
    numbers = {model: (float(rng.integers(5)),) for model in recording.models}
    rule = CostRule(KINDS[rng.integers(4)], numbers)
    choices = Choices(MISSING[rng.integers(4)], SCORES[rng.integers(len(SCORES))])
    try:
        traces.check_trace(traces.prepare(recording, rule, choices))
    except ValueError as error:
        check_refusal(error, *recording.files, recording.source, "--missing", "--scores", "price ")
    try:
        assert all(finding.times > 0 and finding.message for finding in traces.lint(recording))
    except ValueError as error:  # texts of Parquet are read late
        check_refusal(error, *recording.files)


def fuzz(name: str, folder: Path, cases: range, seed: int) -> tuple[int, int]:
    """(read, refused) of damaged samples; fails at the end, with all cases that ended otherwise."""
    original = sample(name, folder)
    files = {file: file.read_bytes() for file in (original, *original.rglob("*")) if file.is_file()}
    options, counts, failed = options_of(name), [0, 0], []
    for case in cases:
        rng = np.random.default_rng([seed, case])
        hurt(rng, original, share=0.06)
        try:
            with limited():
                recording = read_or_refuse(original, name if rng.random() < 0.7 else "auto", options)
                counts[recording is None] += 1
                if recording is not None:
                    prepare_somehow(rng, recording)
        except Exception as error:
            failed.append(f"case {case}: {type(error).__name__}: {str(error)[:500]}")
        recording = None
        restore(original, files)
    assert not failed, f"{name}, seed {seed}: {len(failed)} of {len(cases)} cases failed: " + "\n".join(failed[:5])
    return counts[0], counts[1]


def restore(original: Path, files: dict[Path, bytes]) -> None:
    """The sample as it was."""
    there = [original, *original.rglob("*")] if original.is_dir() else list(original.parent.iterdir())
    for path in there:
        if path not in files and not any(path in file.parents for file in files):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
    for file, data in files.items():
        if file.is_symlink() or not file.is_file() or file.read_bytes() != data:
            if file.is_symlink():
                file.unlink()
            elif file.is_dir():
                shutil.rmtree(file)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)


@pytest.mark.parametrize("name", FORMATS)
def test_damaged_files(name: str, tmp_path: Path) -> None:
    read, refused = fuzz(name, tmp_path, range(CASES), seed=5)
    assert read + refused == CASES and refused > CASES // 5


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_ten_thousand_damaged_files(name: str, tmp_path: Path) -> None:
    read, refused = fuzz(name, tmp_path, range(10_000), seed=50)
    assert read + refused == 10_000 and refused > 2_000
