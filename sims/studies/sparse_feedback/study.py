"""Claim: MESS+ keeps the agreement also when only a fifth of the requests give feedback.

[M25] compares feedback on 20% of the requests with complete feedback; its numbers were not to be had. Here f = .2, .5
and 1, on requests calibrated to its Llama zoo (with the linear head learned online, and with an oracle, for which the
bounds are tight enough to mean something) and on the recorded traces: satisfaction, queue, cost in two ledgers, and the
request from which the agreement holds, beside T9 and T2. The reading of sparse feedback is that of T9
(`feedback.sparse`): one coin per request, and without feedback neither the queue nor the predictor moves, while an
explored request asks all models and is paid for all the same. (The authors' simulator.py freezes the queue only, their
main.py exploits what was to be explored; see docs/scenarios.md.)

    python -m sims sparse_feedback [--quick] [--out DIR]
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import jax
import numpy as np
import xarray as xr
from rich.table import Table

from messjax import feedback, policies, predictors, results
from messjax.engine.grid_sweep import sweep
from messjax.types import Controls
from sims.common import comparison, sla_status, study
from sims.common import worlds as _worlds
from sims.common.settling import holds_from, when
from sims.common.study import Results
from sims.common.worlds import World
from sims.studies.sparse_feedback import figure as _sparse_figure
from sims.studies.sparse_feedback.figure import LEARNED, ORACLE, F
from sims.studies.sparse_feedback.statements import verdicts

STEPS = (0, 2, 4)  # of the published V: 1e-6, 1e-4 and 1e-2 per J
NEAR = 0.01  # how close to alpha the running satisfaction has to come, in the second reading of when it holds


def run(quick: bool) -> Results:
    """MESS+ for every f and V, per world."""
    worlds = [_worlds.llama(1_500 if quick else 13_528), *([] if quick else _worlds.all_recorded())]
    return {world.name: grid(world, quick) for world in worlds}


def grid(world: World, quick: bool) -> xr.Dataset:
    """One world: readings over (policy, V, f, stream), with the bounds' verdicts over (statement, policy, V, f)."""
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
    result = sla_status.sla_status(result, world)
    result["near_from"] = holds_from(result["satisfaction_curve"], world.alpha - NEAR)
    distribution = None if world.recorded or world.stream.distribution is None else world.stream.distribution()
    return result.merge(verdicts(result, distribution), join="exact").assign_attrs(spread=world.spread, near=NEAR)


# --- tables -------------------------------------------------------------------------------------------------------


def tables(result: Results) -> Sequence[Table]:
    """Per world and predictor, every V and f."""
    return [_table(name, dataset, policy) for name, dataset in result.items() for policy in dataset["policy"].values]


def _table(name: str, dataset: xr.Dataset, policy: str) -> Table:
    T, unit = dataset.attrs["horizon"], dataset.attrs["cost_unit"]
    out = Table(
        title=f"{name}, {policy}: T = {T:,}, alpha = {float(dataset['alpha']):g}, c = 0.1; cost in {unit} per request",
        caption="intervals at 95% over streams (of a trace: over its orders); holds, near: share of streams and median "
        f"request from which the running satisfaction stays >= alpha, >= alpha - {NEAR:g}",
    )
    for column in (
        "V (E_M - E_1)",
        "f",
        "satisfaction",
        "SLA",
        "missing",
        "E[Q]/(fT)",
        "T9",
        "Q",
        "T9, Q",
        "cost, full",
    ):
        out.add_column(column, justify="right")
    for column in ("exploit-only", "at alpha", "mean e_t", "holds", "near"):
        out.add_column(column, justify="right")
    summary = results.summary(dataset.drop_vars(["sla", "verdict"]))
    for V in dataset["V"].values:
        for f in F:
            out.add_row(*_row(dataset.sel(policy=policy, V=V, f=f), summary.sel(policy=policy, V=V, f=f)))
        out.add_section()
    return out


def _row(one: xr.Dataset, row: xr.Dataset) -> list[str]:
    mean, bound = row.sel(limit="mean"), one["bound"]
    return [
        f"{float(one['V']) * one.attrs['spread']:.2g}",
        f"{float(one['f']):g}",
        text(row["satisfaction"]),
        str(one["sla"].values),
        f"{float(mean['violation']):.4f}",
        f"{float(bound.sel(statement='T9 violation, by the queue')):.4f}",
        f"{float(bound.sel(statement='T9 violation')):.3g}",
        text(row["queue_last"]),
        f"{float(bound.sel(statement='T9 queue')):.3g}",
        text(row["cost"]),
        f"{float(mean['cost_exploit']):.4g}",
        text(row["cost_at_alpha"]),
        f"{float(mean['error_mean']):.3f}",
        when(one["sla_from"].values, one.attrs["horizon"]),
        when(one["near_from"].values, one.attrs["horizon"]),
    ]


def text(limits: xr.DataArray) -> str:
    """Mean +- half of the interval."""
    mean, low, high = limits.transpose("limit").values
    return f"{mean:.4g} +- {(high - low) / 2:.2g}"


# --- finding ------------------------------------------------------------------------------------------------------


def finding(result: Results) -> str:
    """What f = .2 leaves of the agreement, per world and predictor, and what became of the bounds."""
    V = next(iter(result.values()))
    text = [_found(name, one.sel(policy=policy)) for name, one in result.items() for policy in one["policy"].values]
    words, counts = np.unique(
        np.concatenate([one["verdict"].values.ravel() for one in result.values()]), return_counts=True
    )
    tally = ", ".join(f"{count} {word}" for word, count in zip(words, counts, strict=True) if word != "not applicable")
    scaled = ", ".join(f"{v * V.attrs['spread']:.2g}" for v in V["V"].values)
    return f"alpha - satisfaction at V (E_M - E_1) = {scaled}: {'; '.join(text)}; checks of T9 and T2: {tally}"


def _found(name: str, dataset: xr.Dataset) -> str:
    label = []
    for f in (F[0], F[-1]):
        one = dataset.sel(f=f)
        missing = one["violation"].mean("stream").values
        label.append(", ".join(f"{x:+.4f} {word}" for x, word in zip(missing, one["sla"].values, strict=True)))
    cost = dataset["cost_at_alpha"].isel(V=dataset.sizes["V"] // 2)
    ratio = comparison.ratio(cost.sel(f=F[0]).values, cost.sel(f=F[-1]).values)
    return (
        f"{name} ({dataset['policy'].values}, T = {dataset.attrs['horizon']:,}) {label[0]} at f = {F[0]:g} against "
        f"{label[1]} at f = 1, full cost at alpha x {comparison.formatted(ratio)} at the middle V"
    )


STUDY = study.Study(
    "sparse_feedback",
    __doc__,
    run,
    tables,
    _sparse_figure.figure,
    finding,
    quick="a short stream of the calibrated zoo only",
)
main = STUDY.main


if __name__ == "__main__":
    sys.exit(main())
