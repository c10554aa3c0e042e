"""The runs of the study: MESS+ for every share of requests with feedback."""

from __future__ import annotations

import jax
import xarray as xr

from messjax import feedback, policies, predictors
from messjax.engine.grid_sweep import sweep
from messjax.types import Controls
from sims.common import sla_status, worlds
from sims.common.settling import holds_from
from sims.common.study import Results
from sims.common.worlds import World
from sims.studies.sparse_feedback.figure import LEARNED, ORACLE, F
from sims.studies.sparse_feedback.statements import verdicts

STEPS = (0, 2, 4)  # of the published V: 1e-6, 1e-4 and 1e-2 per J
NEAR = 0.01  # how close to alpha the running satisfaction has to come, in the second metric of when it holds


def run(quick: bool) -> Results:
    """MESS+ for every f and V, per world."""
    chosen_worlds = [worlds.llama(1_500 if quick else 13_528), *([] if quick else worlds.all_recorded())]
    return {world.name: grid(world, quick) for world in chosen_worlds}


def grid(world: World, quick: bool) -> xr.Dataset:
    """One world: metrics over (policy, V, f, stream), with the bounds' verdicts over (statement, policy, V, f)."""
    contenders = {LEARNED: policies.mess_plus(predictors.linear(world.num_features, len(world.models)))}
    if not world.recorded:
        contenders[ORACLE] = policies.mess_plus(predictors.oracle(world.stream))
    result = sweep(
        jax.random.key(33),
        Controls(V=world.published_V()[list(STEPS)], alpha=world.alpha, c=0.1, f=F),
        policy=contenders,
        stream=world.stream,
        feedback=feedback.sparse,
        horizon=world.horizon,
        num_streams=8 if world.recorded else 64,
        checkpoints=60,
        curves=("satisfaction", "queue_last"),
        models=world.models,
        cost_unit=world.cost_unit,
    )
    result = sla_status.add_sla_status(result, world)
    result["near_from"] = holds_from(result["satisfaction_curve"], world.alpha - NEAR)
    distribution = None if world.recorded or world.stream.distribution is None else world.stream.distribution()
    return result.merge(verdicts(result, distribution), join="exact").assign_attrs(spread=world.spread, near=NEAR)
