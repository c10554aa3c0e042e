"""The runs of the study: coverage, errors by length, policies that learn, and what each log identifies."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jax
import numpy as np
import xarray as xr

from messjax import feedback, policies, results, run_folder
from messjax.engine import decision_log
from messjax.engine.simulation import assemble
from messjax.predictors import ridge_regression
from messjax.types import Controls
from sims.common import logging_policies, worlds
from sims.common.logging_policies import GREEDY, LOGGERS, MESS, UNIFORM
from sims.common.study import Results
from sims.common.worlds import World
from sims.studies.logs import frozen, learned

PAPER, CERTAIN = "MESS+ of the paper", "router without exploration"
USABLE = 0.02  # least share of requests that a replay by rejection may accept


def run(quick: bool) -> Results:
    """Datasets by name: frozen, length, learned, identifiable, and MMLU where its trace is there."""
    length = 300 if quick else 1_000
    world = worlds.llama(length)
    loggers = (UNIFORM, GREEDY) if quick else LOGGERS
    learning = (UNIFORM,) if quick else (UNIFORM, GREEDY, MESS)
    lengths = (125, 250) if quick else (250, 500, 1_000, 2_000, 4_000, 8_000)
    most = 20_000 if quick else frozen.TRUTH
    folder = run_folder.parts_folder()
    with ThreadPoolExecutor(2) as pool:  # what does not change is NumPy's work, what learns is a compiled program's

        def submitted(part: str, names: tuple[str, ...], make: Callable[..., xr.Dataset], *rest: Any) -> list[Any]:
            return [pool.submit(_kept, folder, f"{part}_{i}", make, world, (n,), *rest) for i, n in enumerate(names)]

        parts = {
            "frozen": submitted("frozen", loggers, frozen.coverage, 20 if quick else 1_000, length, most),
            "learned": submitted(
                "learned", learning, learned.coverage, 8 if quick else 1_000, length, 500 if quick else 8_000
            ),
            "length": submitted("length", loggers, frozen.by_length, lengths, 10 if quick else 100, most),
        }
        found = {name: _joined([each.result() for each in several]) for name, several in parts.items()}
    found["identifiable"] = identifiable(world, length)
    trace = None if quick else worlds.trace("MMLU")
    recorded = None if trace is None else _kept(folder, "MMLU", learned.recorded, trace, 20, 32)
    return found | ({} if recorded is None else {"MMLU": recorded})


def _kept(folder: Path | None, name: str, make: Callable[..., xr.Dataset], *arguments: Any) -> xr.Dataset:
    """A part of the study: as an interrupted run has kept it, or made and kept."""
    path = None if folder is None else folder / f"{name}.nc"
    if path is not None and path.is_file():
        try:
            return results.load(path).drop_encoding()  # or the longest name of this part would be that of all
        except ValueError as error:
            print(f"warning: {error}; this part is made again", file=sys.stderr)
    made = make(*arguments)
    if path is not None:
        results.save(made, path)
    return made


def _joined(parts: list[xr.Dataset]) -> xr.Dataset:
    """Routers that log, one after the other."""
    return xr.concat(parts, "logger", data_vars="minimal", coords="minimal", compat="equals", join="exact")


def identifiable(world: World, length: int) -> xr.Dataset:
    """By router that logs and policy: the share of requests on which all that the policy may choose was possible.

    Of a policy that learns: the share of requests that a replay by rejection accepts, the least propensity.
    """
    made = {name: logging_policies.logs(name, world, 1, length, seed=4)[0] for name in LOGGERS}
    mu = {name: (log.propensity, log.features) for name, log in made.items()}
    x = made[UNIFORM].features
    assert x is not None
    mu[CERTAIN] = logging_policies.fitted(world, logging_policies.PRICE).choices(x), x
    rates = world.prefix.satisfaction.mean(axis=0)
    ridge = ridge_regression.ridge(ridge_regression.prior(rates, world.num_features, trust=10.0))
    parts = assemble(policies.mess_plus(ridge), world.stream, None, feedback.complete)
    at = Controls(V=logging_policies.weight(world), alpha=world.alpha, c=logging_policies.C)
    path = decision_log.decisions(jax.random.key(4), at, parts, length)
    mu[PAPER] = np.asarray(path.propensity), np.asarray(path.features, np.float64)
    targets = frozen.targets_of(world)
    names: list[str] = []
    share = []
    for chance, seen in mu.values():
        assert chance is not None
        assert seen is not None
        wanted = targets.policies(seen) | {"uniform random": np.full(chance.shape, 1.0 / chance.shape[1])}
        names = [*wanted, "MESS+ that learns"]
        covered = [np.where(chance > 0, policy, 0.0).sum(axis=1) > 1 - 1e-6 for policy in wanted.values()]
        least = float(chance.min())
        share.append([float(each.mean()) for each in covered] + [least])
    return xr.Dataset({"share": (("logger", "policy"), np.array(share))}, coords={"logger": list(mu), "policy": names})
