"""C++ through ctypes: `loop.cpp`, compiled at first use for the workload's number of models and features."""

from __future__ import annotations

import ctypes
import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from sims.reference import metrics, workloads
from sims.reference.metrics import Readings
from sims.reference.workloads import W1, W2, W3

LANES = 16  # L of lanes.h
FLAGS = ["-O3", "-march=native", "-mprefer-vector-width=512", "-std=c++17", "-pthread", "-shared", "-fPIC"]
FLAGS += ["-fno-math-errno"]  # square roots in vectors
FLAGS += ["-ffp-contract=off"]  # a fused multiply-add would round the scores differently from NumPy


def available() -> bool:
    """Whether there is a compiler, g++ or what the environment variable CXX names."""
    return shutil.which(_compiler()) is not None


def w1(work: W1) -> Readings:
    """W1."""
    n, models = len(work.world), len(work.cost)
    raw = np.zeros((n, models + 5), np.int64)
    p, price = workloads.exploration(work.c, work.a, work.horizon), workloads.price(work.V, work.cost)
    alpha = int(workloads.units(work.alpha))
    world = (len(work.mean), work.world, work.policy, work.mean)
    _call(_library(models, LANES).w1, n, work.horizon, _threads(), *world, price, p, alpha, raw)
    return metrics.exact(raw, work.horizon, metrics.constant_cost(raw, work.cost))


def w2(work: W2) -> Readings:
    """W2."""
    (models, d), n, grid = work.weights.shape, len(work.world), len(work.V)
    raw = np.zeros((n, grid, models + 5), np.int64)
    p, price = workloads.exploration(work.c, work.a, work.horizon), workloads.price(work.V, work.cost)
    world = (work.world, work.policy, work.weights, work.bias)
    _call(_library(models, d).w2, n, work.horizon, _threads(), grid, *world, price, p, workloads.units(work.alpha), raw)
    return metrics.exact(raw, work.horizon, metrics.constant_cost(raw, work.cost))


def w3(work: W3) -> Readings:
    """W3."""
    (_, d), (seeds, rows), cs, grid = work.features.shape, work.order.shape, len(work.c), len(work.V)
    models = work.cost.shape[1]
    features = np.pad(work.features, ((0, 0), (0, -d % LANES))) if d % LANES else work.features  # zeros change nothing
    raw, paid = np.zeros((seeds, cs, grid, models + 5), np.int64), np.zeros((seeds, cs, grid, 2))
    trace = (features, work.satisfaction, work.cost, work.order, work.policy)
    p, V = workloads.exploration(work.c, work.a, work.horizon), work.V.astype(np.float32)
    call = (seeds, work.horizon, _threads(), cs, grid, rows, *trace, V, p, workloads.units(work.alpha), raw, paid)
    _call(_library(models, features.shape[1]).w3, *call)
    return metrics.exact(raw, work.horizon, paid)


@functools.cache
def _library(models: int, features: int) -> ctypes.CDLL:
    """The compiled library; RuntimeError if there is no compiler or it refuses, with what it said."""
    if not available():
        raise RuntimeError(
            f"no C++ compiler: {_compiler()} is not on PATH (the environment variable CXX names another)"
        )
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "loop.so"
        source = Path(__file__).with_name("loop.cpp")
        sizes = [f"-DMODELS={models}", f"-DFEATURES={features}"]
        command = [_compiler(), *FLAGS, *sizes, str(source), "-o", str(target), "-lmvec", "-lm"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[:2000]}")
        return ctypes.CDLL(str(target))  # stays mapped when the file is gone


def _call(function: Callable, *arguments: int | np.ndarray) -> None:
    """The function with integers as C's int and arrays as pointers."""
    for argument in arguments:
        assert isinstance(argument, int) or argument.flags.c_contiguous
    function(*(a if isinstance(a, int) else ctypes.c_void_p(a.ctypes.data) for a in arguments))


def _compiler() -> str:
    return os.environ.get("CXX", "g++")


def _threads() -> int:
    return len(os.sched_getaffinity(0))
