"""SIGKILL at random moments: what is lost is less than a chunk, and the final file is that of an undisturbed run."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import xarray as xr

from tests.torture import children

NOT_COMPARED = ("config", "seconds", "cpu_seconds")
"""Keys of a JSON result that say how it was made: the command with its folder, and its times."""


def sweep(folder: Path, count: int, streams: int, rng: random.Random) -> str:
    """Kill `messjax simulate`, whose chunks are counted."""
    children.ends_well(children.start(folder / "whole.log", folder / "whole", streams))
    needed, log, out, done = len(children.noted(folder / "whole.log").written), folder / "log", folder / "killed", 0
    while done < count:
        before, process = len(children.noted(log).computed), children.start(log, out, streams)
        while process.poll() is None and len(children.noted(log).computed) <= before:
            time.sleep(0.01)
        time.sleep(rng.uniform(0.0, 0.5))
        if process.poll() is not None:
            break  # it had less left to do than the kills would take
        process.kill()
        process.communicate()
        done += 1
    children.ends_well(children.start(log, out, streams))
    xr.testing.assert_identical(
        children.numbers(out / "simulate.nc"), children.numbers(folder / "whole" / "simulate.nc")
    )
    found = children.noted(log)
    assert sorted(found.written) == sorted(set(found.written)), "a chunk was written twice"
    assert not found.begun_again, f"written chunks were computed again: {found.begun_again}"
    lost = len(found.computed) - needed
    assert done > 0 and lost <= done, f"{lost} chunks begun in vain by {done} kills"
    _nothing_left(out)
    return f"{done} kills of a run of {needed} chunks: equal bit for bit; {lost} chunks unfinished, none written twice"


def command(words: list[str], result: str, folder: Path, count: int, wait: float, rng: random.Random) -> str:
    """Kill any command at random moments.

    Args:
        words: The command, which takes `--out`.
        result: Its NetCDF or JSON files, as a pattern.
        folder: Where it may write.
        count: Number of kills.
        wait: Longest time from the start to a kill, in seconds.
        rng: Moments.
    """
    began = time.perf_counter()
    children.ends_well(children.popen([*words, "--out", str(folder / "whole")]))
    seconds, out, done, goes_on = time.perf_counter() - began, folder / "killed", 0, 0
    while done < count:
        process = children.popen([*words, "--out", str(out)])
        try:
            process.communicate(timeout=rng.uniform(0.0, wait))
            break  # it had less left to do than the kills would take
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            goes_on += "goes on with" in process.communicate()[1]
            done += 1
    code, error = children.finish(children.popen([*words, "--out", str(out)]), timeout=3_000)
    assert code == 0, error[-600:]
    assert done > 0, f"it ended before the first kill, which comes within {wait:g} s"
    files = sorted((folder / "whole").glob(result))
    assert files, f"no {result} in {folder / 'whole'}"
    for each in files:
        _equal(out / each.relative_to(folder / "whole"), each)
    _nothing_left(out)
    said = files[0].name if len(files) == 1 else f"{len(files)} files"
    return f"{done} kills of a run of {seconds:.0f} s, {goes_on} found finished parts: {said} equal"


def _equal(one: Path, other: Path) -> None:
    if one.suffix == ".json":
        assert _numbers(one) == _numbers(other), one.name
    else:
        xr.testing.assert_identical(children.numbers(one), children.numbers(other))


def _numbers(file: Path) -> object:
    """What a JSON file says, without the times and the folder of its run."""

    def kept(value: object) -> object:
        if isinstance(value, dict):
            return {name: kept(item) for name, item in value.items() if name not in NOT_COMPARED}
        return [kept(item) for item in value] if isinstance(value, list) else value

    return kept(json.loads(file.read_text()))


def _nothing_left(out: Path) -> None:
    left = [path.name for path in out.rglob("*") if path.suffix == ".part" or "unfinished" in path.name]
    assert not left, left


def commands(traces: Path | None) -> dict[str, Callable[[Path, random.Random], str]]:
    """The commands of the full version, by the name of their check."""
    python = [sys.executable, "-m"]

    def check(words: list[str], result: str, count: int, wait: float) -> Callable[[Path, random.Random], str]:
        return lambda folder, rng: command([*python, *words], result, folder, count, wait, rng)

    found = {
        "kills of a study": check(["sims", "regret_vs_v"], "regret_vs_v.nc", 5, 60.0),
        # of those not ending in "d": `speed` measures time
        "kills of all studies": check(["sims", "--all", "--quick"], "*[!d]/*.nc", 3, 150.0),
        "kills of proofs_check": check(["proofs_check", "--quick"], "verdicts.json", 5, 150.0),
    }
    if traces is not None:
        replay = ["messjax.cli", "replay", str(traces / "routellm_mmlu"), "--prices", "mixtral=0.24,gpt-4=24.7"]
        words = [*replay, "--alpha", "0.7,0.75,0.8", "--seeds", "64"]
        found["kills of a replay"] = check(words, "replay.nc", 5, 7.0)
    return found
