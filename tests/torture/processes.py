"""Several devices and several processes: the same numbers, and an end of the others when one is killed."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

import xarray as xr

from tests.torture import children

LONGEST = 120.0  # seconds: a process is missed after 30


def two(folder: Path, streams: int) -> str:
    """Two processes against one: the same numbers."""
    for process in _pair(folder, "two", streams):
        children.ends_well(process)
    children.ends_well(children.start(folder / "log", folder / "one", streams))
    two, one = (children.numbers(folder / name / "simulate.nc") for name in ("two", "one"))
    for name in one.data_vars:
        xr.testing.assert_equal(two[name], one[name])
    devices = f"{two.attrs['device']} and {one.attrs['device']}"
    return f"two processes and one ({devices}): all {len(one.data_vars)} variables equal"


def one_killed(folder: Path, streams: int) -> str:
    """One of two processes is killed: the other ends with one clear line, and both go on from what was finished."""
    found = []
    for victim in (1, 0):
        both, log = _pair(folder, f"out{victim}", streams), folder / "0.log"
        while all(process.poll() is None for process in both) and len(children.noted(log).written) < 2:
            time.sleep(0.01)
        at = time.perf_counter()
        both[victim].kill()
        code, error = children.finish(both[1 - victim], timeout=LONGEST)
        seconds = time.perf_counter() - at
        both[victim].communicate()
        assert code not in (0, 1) and "another process of this run" in error, (code, error[-600:])
        before = len(children.noted(log).written)
        for process in _pair(folder, f"out{victim}", streams):
            children.ends_well(process)
        found.append(f"process {1 - victim} ended {seconds:.1f} s after process {victim} with exit code {code}")
        again = len(children.noted(log).begun_again)  # those of which the other process had not written its part
        log.unlink()
        found.append(f"resumed after {before} chunks, {again} of them computed again")
    return "; ".join(found)


SHARING = """\
import jax, numpy as np, messjax as mj
jax.config.update("jax_num_cpu_devices", 8)
rng = np.random.default_rng(3)
stream = mj.streams.logistic(rng.normal(size=(4, 6)), rng.normal(size=4), np.array([0.1, 0.3, 1.0, 3.0]))
policies = {
    "oracle": mj.policies.mess_plus(mj.predictors.oracle(stream)),
    "linear": mj.policies.mess_plus(mj.predictors.linear(6, 4)),
    "LinUCB": mj.policies.lin_ucb(6, 4),
}
runs, reals, worst = 0, 0, 0.0
for name, policy in policies.items():
    for engine in ("fast", "general")[name == "LinUCB" :]:
        first = None
        for devices in (1, 2, 4, 8):
            for block in (8, 24, 120):
                found = mj.sweep(
                    jax.random.key(0), mj.Controls(V=[1.0, 30.0], alpha=0.6), policy=policy, stream=stream,
                    horizon=400, num_streams=120, devices=devices, block=block, engine=engine,
                )
                first = found if first is None else first
                runs += 1
                for variable, values in found.data_vars.items():
                    one, other = values.to_numpy(), first[variable].to_numpy()
                    if name == "linear" and "error" in variable or "loss" in variable:
                        reals += 1
                        worst = max(worst, float(np.nanmax(np.abs(one - other) / np.maximum(np.abs(other), 1e-9))))
                    else:
                        assert np.array_equal(one, other, equal_nan=True), (name, engine, devices, block, variable)
print(f"{runs} runs, {len(first)} variables each: equal, but for {worst:.1e} in sums of predictions", end="")
"""


def same_numbers(folder: Path) -> str:
    """1, 2, 4 and 8 devices, and blocks of three sizes, on both engines."""
    command = [sys.executable, "-c", SHARING]
    process = subprocess.run(command, cwd=children.ROOT, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr[-600:]
    return process.stdout


def _pair(folder: Path, out: str, streams: int) -> list[subprocess.Popen[str]]:
    """Two processes of one run."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    programs = [children.CHILD.replace('"simulate"', f'"--distributed", "{address},2,{n}", "simulate"') for n in (0, 1)]
    return [children.start(folder / f"{n}.log", folder / out, streams, program=programs[n]) for n in (0, 1)]
