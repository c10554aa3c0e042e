"""One stream of a hundred million requests against integers, and against prices added up in exact fractions.

    python -m tests.torture.long_horizon [--horizon 100000000] [--engine fast]

The reference (`sims/reference/loop.cpp`, integers of 64 bits) draws the same requests and explores the same of them.
explored requests and the queue must be equal; costs and the mean of the queue agree to 1e-9. Exit code 1 where not.
"""

from __future__ import annotations

import argparse
import sys
import time
from fractions import Fraction

import jax
import numpy as np

from messjax import policies, predictors, streams, sweep
from messjax.engine.simulation import component_keys
from messjax.types import Controls, Distribution
from sims.reference import cpp, workloads

PRICES = np.array([0.1, 0.37, 1.9], np.float32)  # no multiples of each other, and no short binary fractions
COUNTS = ("satisfaction", "explored", "queue_last", "queue_max")
TOLERANCE = 1e-9


def compare(horizon: int, engine: str) -> dict[str, float]:
    """Run both.

    Args:
        horizon: Number of requests.
        engine: As for `sweep`.

    Returns:
        Seconds of processor and wall of either, and errors by name: 0 where a number is equal.
    """
    key = jax.random.key(0)
    site = np.asarray(jax.random.key_data(component_keys(jax.random.fold_in(key, 0))))[:, None, :2]
    work = workloads.w1(streams=1, horizon=horizon)._replace(cost=PRICES, world=site[0].copy(), policy=site[1].copy())
    kinds = len(work.mean.astype(np.float64))
    law = Distribution(np.full(kinds, 1 / kinds), np.tile(PRICES, (kinds, 1)), work.mean.astype(np.float64))
    stream = streams.types(law, labels="comonotone")
    controls = Controls(V=work.V, alpha=work.alpha, c=work.c, a=work.a)
    policy = policies.mess_plus(predictors.oracle(stream))
    result: dict[str, float] = {}
    began = time.perf_counter(), time.process_time()
    found = sweep(
        key, controls, policy=policy, stream=stream, horizon=horizon, num_streams=1, devices=1, engine=engine
    ).isel(stream=0)
    result |= {"seconds": time.perf_counter() - began[0], "cpu seconds": time.process_time() - began[1]}
    began = time.perf_counter(), time.process_time()
    exact = cpp.w1(work)
    result |= {"reference seconds": time.perf_counter() - began[0]}
    for name in COUNTS:
        result[name] = abs(float(found[name]) - float(getattr(exact, name)[0]))
    for name in ("calls", "served"):
        result[name] = float(np.abs(found[name].values - getattr(exact, name)[0]).max())
    exploited = exact.calls[0] - int(exact.explored[0])
    for name, counts in (("cost", exact.calls[0]), ("cost_exploit", exploited)):
        paid = sum(int(n) * Fraction(float(price)) for n, price in zip(counts, PRICES, strict=True)) / horizon
        result[name] = float(abs(Fraction(float(found[name])) - paid) / paid)
    result["queue_mean"] = float(abs(found["queue_mean"] / exact.queue_mean[0] - 1))
    return result


def main(arguments: list[str] | None = None) -> int:
    """Compare, and print a line for each number."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture.long_horizon", description=__doc__.split("\n")[0])
    parser.add_argument("--horizon", type=int, default=10**8, help="number of requests (100000000)")
    parser.add_argument("--engine", choices=("fast", "general"), default="fast", help="fast")
    args = parser.parse_args(arguments)
    failed = 0
    for name, value in compare(args.horizon, args.engine).items():
        bound = None if "seconds" in name else 0.0 if name not in ("cost", "cost_exploit", "queue_mean") else TOLERANCE
        verdict = "" if bound is None else f"  (at most {bound:g}) {'holds' if value <= bound else 'FAILED'}"
        failed += bound is not None and not value <= bound
        print(f"{name:>18}: {value:.4g}{verdict}")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
