"""MESS+ that learns, replayed on logs by rejection, beside its runs on fresh requests."""

from __future__ import annotations

import jax
import numpy as np
import xarray as xr
from scipy import stats

from messjax import features, feedback, streams
from messjax.engine import decision_log
from messjax.engine.simulation import assemble
from messjax.evaluation.ope.judgement import LEARNING
from messjax.evaluation.ope.learned_rows import RESAMPLES, SEEDS, learner
from messjax.evaluation.ope.learning import replay_log
from messjax.evaluation.ope.pairs import resampled_limits
from messjax.statistics import intervals
from messjax.traces import Trace
from messjax.traces.logs.made_from_traces import log_of
from messjax.types import Controls
from sims.common import logging_policies
from sims.common.worlds import World
from sims.studies.logs.frozen import LEVEL, OUTCOMES

SINGLE, BOOTSTRAP = "t of one run", "bootstrap"
FRESH = 500  # fresh runs at a time
HASHED = 32  # features of a prompt, as `messjax evaluate` has them


def controls(world: World) -> Controls:
    """Of the policy that is estimated."""
    return Controls(V=3.0 * logging_policies.weight(world), alpha=world.alpha, c=1.0)


def fresh_values(world: World, scale: float, length: int, num: int) -> tuple[np.ndarray, np.ndarray]:
    """What a replay estimates: satisfaction and cost [2] over fresh runs, with their standard errors [2].

    A state with k accepted requests is valued on the requests until the next one is accepted: request n finds the state
    k with the probability of k successes in n - 1 trials.
    """
    most = int(stats.binom.ppf(1.0 - 1e-9, length, scale)) + 1
    weights = stats.binom.pmf(np.arange(most)[:, None], np.arange(length), scale).sum(axis=1)
    weights /= weights.sum()
    parts = assemble(logging_policies.learner(world), world.stream, None, feedback.complete)
    values = []
    for start in range(0, num, FRESH):
        keys = jax.random.split(jax.random.key(40 + start), FRESH)
        path = decision_log.decisions(keys, controls(world), parts, most)
        values.append(np.array([np.asarray(each, np.float64) @ weights for each in (path.score, path.cost)]))
    whole = np.concatenate(values, axis=1)
    return whole.mean(axis=1), whole.std(axis=1, ddof=1) / np.sqrt(whole.shape[1])


def coverage(world: World, loggers: tuple[str, ...], num: int, length: int, fresh: int, chunk: int = 50) -> xr.Dataset:
    """Estimates on many logs, and whether the limits of a single run and those from bootstrap samples cover."""
    policy = logging_policies.learner(world)
    shape = (len(loggers), 2, num)
    estimate, accepted, half = np.empty(shape), np.empty((len(loggers), num)), np.empty((len(loggers), 2, 2, num))
    covered = np.zeros(half.shape, bool)
    truth, error = np.empty((len(loggers), 2)), np.empty((len(loggers), 2))
    for i, logger in enumerate(loggers):
        scale = logging_policies.least_propensity(logger, world, length)
        truth[i], error[i] = fresh_values(world, scale, length, fresh)
        for start in range(0, num, chunk):
            made = logging_policies.logs(logger, world, min(chunk, num - start), length, seed=9_000 + start)
            for r, log in enumerate(made, start):
                assert log.features is not None
                runs = replay_log(
                    jax.random.key(r), controls(world), policy=policy, log=log, features=log.features, seeds=SEEDS,
                    resamples=RESAMPLES, scale=scale,
                )  # fmt: skip
                accepted[i, r] = float(runs["accepted"].mean())
                for m, name in enumerate(OUTCOMES):
                    estimate[i, m, r], limits = _both(runs, name)
                    for k, (low, high) in enumerate(limits):
                        half[i, k, m, r] = (high - low) / 2.0
                        covered[i, k, m, r] = low <= truth[i, m] <= high
    return xr.Dataset(
        {
            "estimate": (("logger", "outcome", "replication"), estimate),
            "accepted": (("logger", "replication"), accepted),
            "half": (("logger", "interval", "outcome", "replication"), half),
            "covered": (("logger", "interval", "outcome", "replication"), covered),
            "truth": (("logger", "outcome"), truth),
            "truth_error": (("logger", "outcome"), error),
        },
        coords={"logger": list(loggers), "outcome": list(OUTCOMES), "interval": [SINGLE, BOOTSTRAP]},
        attrs={"length": length, "level": LEVEL, "policy": LEARNING},
    )


def _both(runs: xr.Dataset, name: str) -> tuple[float, list[tuple[float, float]]]:
    """The estimate, and the limits of a single run and from bootstrap samples."""
    value, first = float(runs[name].mean()), float(runs[name][0])
    half = stats.norm.ppf(0.5 + LEVEL / 2.0) * float(runs[f"{name}_error"][0])
    wide = resampled_limits(value, runs[f"{name}_resampled"].values, LEVEL)
    return value, [(first - half, first + half), (wide.lower, wide.upper)]


def recorded(trace: Trace, num: int, runs: int) -> xr.Dataset:
    """The same on logs of a recorded trace in the order of its file, by uniform choice.

    The truth is that of runs on halves of the trace, drawn at random, in which every answer is known: as many requests
    as are accepted.
    """
    x = np.asarray(features.hashed_ngrams(trace.prompts, dim=HASHED), np.float64)
    size, spread = len(x), float(np.ptp(trace.cost.mean(axis=0)))
    policy = learner(trace.satisfaction.mean(axis=0), HASHED)
    at = Controls(V=1.0 / spread, alpha=0.72, c=1.0)
    rng, whole = np.random.default_rng(3), []
    for r in range(runs):
        rows = np.sort(rng.choice(size, size // 2, replace=False))
        stream = streams.replay(x[rows], trace.satisfaction[rows], trace.cost[rows], order="file")
        parts = assemble(policy, stream, None, feedback.complete)
        path = decision_log.decisions(jax.random.key(r), at, parts, len(rows))
        whole.append([float(np.mean(path.score)), float(np.mean(path.cost))])
    truth = intervals.interval(np.array(whole).T)
    estimate, half, covered = np.empty((2, num)), np.empty((2, 2, num)), np.zeros((2, 2, num), bool)
    for r in range(num):
        log = log_of(trace, np.array([0.5, 0.5]), seed=r, costs_known=True)
        found = replay_log(
            jax.random.key(r), at, policy=policy, log=log, features=x, seeds=SEEDS, resamples=RESAMPLES
        )  # fmt: skip
        for m, name in enumerate(OUTCOMES):
            estimate[m, r], limits = _both(found, name)
            for k, (low, high) in enumerate(limits):
                half[k, m, r], covered[k, m, r] = (high - low) / 2.0, low <= truth.mean[m] <= high
    return xr.Dataset(
        {
            "estimate": (("outcome", "replication"), estimate),
            "half": (("interval", "outcome", "replication"), half),
            "covered": (("interval", "outcome", "replication"), covered),
            "truth": ("outcome", truth.mean),
            "truth_error": ("outcome", (truth.upper - truth.lower) / 4.0),
            "run": (("outcome", "fresh"), np.array(whole).T),
        },
        coords={"outcome": list(OUTCOMES), "interval": [SINGLE, BOOTSTRAP]},
        attrs={"length": size, "level": LEVEL, "cost_unit": trace.cost_unit},
    )
