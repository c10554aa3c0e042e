"""Claim: in a zoo of mixed families, where a dearer model may be the worse one, MESS+ avoids models that are no use.

Four models of two families, the second one's accuracies lower by a gap: from .17 on its models are dominated (A8 is
false), from .25 on the dearest one, which serves explored requests, falls short of alpha (beta_M < 0). Which models are
chosen; what exploring then does to the agreement, and which statements of docs/theory need beta_M; and the same zoo
with its best model named last. [M25]'s mixed zoo (Qwen2, Qwen2.5 and Llama 3) has no numbers published to us.

    python -m sims mixed_families [--quick] [--out DIR]
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence

import jax
import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from rich.table import Table

from messjax import policies, predictors, streams, zoo
from messjax.engine.grid_sweep import sweep
from messjax.predictors import learning
from messjax.statistics import intervals
from messjax.streams.continuous_features import draw
from messjax.types import Controls, Predictor, spec_of
from sims.common import other_zoos as shared
from sims.common import study
from sims.common.study import Results
from sims.common.worlds import World
from sims.studies.mixed_families import figure as _mixed_figure
from sims.studies.mixed_families import inverted_zoo
from sims.studies.mixed_families.figure import dominated_panel

ALPHA = 0.65
GAPS = (0.0, 0.1, 0.2, 0.25, 0.3, 0.35)  # beta_M is .25 - gap
ALIKE = (0.7, 1.0)  # correlation of what is hard for two models; 1: dominated on average is dominated everywhere
WEIGHTS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
C = (0.1, 1.0, 3.0, 10.0)  # [M25] has .1 and 1; at 10 the first 10,000 requests are all explored
ORDERS = ("dearest last", "best last")
HEADS = {  # name: (learning rate, c); [M25] has .06, None is an oracle
    "learned, c = 0.1": (0.06, 0.1),
    "learned, c = 1": (0.06, 1.0),
    "rate .01, c = 1": (0.01, 1.0),
    "oracle, c = 0.1": (None, 0.1),
}


def made_up(gap: float, horizon: int, alike: float = ALIKE[0]) -> World:
    """Two models of each family, by turns; the dearest is of the worse one."""
    models = zoo.synthetic(4, spread=25.0, families=2, gap=gap)
    return shared.world("mixed families", models, alpha=ALPHA, horizon=horizon, shared=alike)


def best_last(world: World) -> World:
    """The same requests and models, the most satisfying model named last: it serves what is explored."""
    best = int(np.argmax(world.accuracy))
    order = [m for m in range(len(world.models)) if m != best] + [best]
    spec = spec_of(world.stream.draw, draw)
    weights, bias, cost = (np.asarray(table)[order] for table in (spec.weights, spec.bias, spec.cost))
    names = tuple(world.models[m] for m in order)
    models = dataclasses.replace(zoo.synthetic(len(order)), models=names, cost_unit=world.cost_unit)
    stream = streams.logistic(weights, bias, cost)
    return shared.bare(world.name, stream, models, world.cost[order], world.accuracy[order], world.alpha, world.horizon)


def dominated(cost: np.ndarray, accuracy: np.ndarray) -> np.ndarray:
    """[M] whether another model costs no more and satisfies more."""
    return np.array([bool(((cost <= E) & (accuracy > s)).any()) for E, s in zip(cost, accuracy, strict=True)])


def run(quick: bool) -> Results:
    """Which models are chosen, by gap and V; what exploring does, by gap, order and c; and the statements about it."""
    gaps = (0.1, 0.35) if quick else GAPS
    explored = shared.stack([_explored(gap, 64 if quick else 256) for gap in gaps], "gap", gaps)
    return {"chosen": _chosen(gaps, quick), "explored": explored}


def _chosen(gaps: Sequence[float], quick: bool) -> xr.Dataset:
    """Over (gap, alike, head, weight, stream): which models MESS+ chooses, with C*'s calls and what is dominated."""

    def one(gap: float, alike: float) -> xr.Dataset:
        world, result = made_up(gap, 4_000 if quick else 20_000, alike), []
        for rate, c in HEADS.values():
            head = predictors.oracle(world.stream) if rate is None else _linear(world, rate)
            size = {"num_streams": 64 if quick else 256}
            run = shared.route(jax.random.key(43), world, ALPHA, head=head, weights=WEIGHTS, c=c, **size)
            result.append(run.assign(chosen=shared.chosen(run)).drop_vars(["V", "c", *shared.OF_THE_LAW]))
        best = shared.optimal_shares(world.stream.distribution(), ALPHA)  # type: ignore[misc]
        no_use = dominated(world.cost, world.accuracy)
        table = {"optimal_share": best, "dominated": no_use, "accuracy": world.accuracy, "E": world.cost}
        both = shared.stack(result, "head", list(HEADS)).assign({name: ("model", each) for name, each in table.items()})
        return both.assign(run[shared.OF_THE_LAW])

    rows = [shared.stack([one(gap, alike) for alike in ALIKE], "alike", ALIKE) for gap in gaps]
    return shared.stack(rows, "gap", gaps)


def _linear(world: World, rate: float = 0.06) -> Predictor:
    return predictors.linear(world.num_features, len(world.models), tx=learning.sgd(rate))


def _explored(gap: float, num_streams: int) -> xr.Dataset:
    """Over (order, policy, c, stream) at one gap: oracle and learned head, 4,000 requests, and the statements."""
    result = []
    for order in ORDERS:
        world = made_up(gap, 4_000)
        world = best_last(world) if order == ORDERS[1] else world
        heads = {"oracle": predictors.oracle(world.stream), "learned": _linear(world)}
        run = sweep(
            jax.random.key(44),
            Controls(V=1.0 / world.spread, alpha=ALPHA, c=C),
            policy={name: policies.mess_plus(head) for name, head in heads.items()},
            stream=world.stream,
            horizon=world.horizon,
            num_streams=num_streams,
            cost_unit=world.cost_unit,
        )
        distribution = world.stream.distribution()  # type: ignore[misc]
        run = run.merge(
            inverted_zoo.verdicts(run.sel(policy="oracle"), distribution, int(np.argmax(world.accuracy))),
            combine_attrs="override",
        )
        result.append(run.assign(beta_M=float(world.accuracy[-1]) - ALPHA))
    return shared.stack(result, "order", ORDERS)


def tables(result: Results) -> Sequence[Table]:
    """Models chosen; what exploring does; the statements."""
    widest = result["explored"].isel(gap=-1)
    return [_chosen_table(result["chosen"]), _explored_table(result["explored"]), _statements_table(widest)]


def _chosen_table(dataset: xr.Dataset) -> Table:
    out = Table(title=f"MESS+ at alpha = {ALPHA:g}, T = {dataset.attrs['horizon']:,}, V chosen on other streams; 95%")
    columns = ("gap", "alike", "beta_M", "head", "w", "satisfaction", "cost at alpha", "LP mixture", "C*")
    for column in (*columns, "% to dominated models", "largest V", "C*"):
        out.add_column(column, justify="right")
    for i, gap in enumerate(dataset["gap"].values):
        for alike in dataset["alike"].values:
            for head in dataset["head"].values:
                one = dataset.sel(alike=alike, head=head).isel(gap=i)
                settled, share = shared.settle(one), dominated_panel(one, "chosen")
                level, cost = (
                    intervals.interval(settled.rest[what].values) for what in ("satisfaction", "cost_at_alpha")
                )
                shares = (share.sel(weight=settled.weight), share[-1], dominated_panel(one, "optimal_share"))
                out.add_row(
                    f"{gap:g}",
                    f"{alike:g}",
                    f"{float(one['accuracy'][-1]) - ALPHA:+.2f}",
                    str(head),
                    f"{settled.weight:g}" + ("" if settled.kept else " (none kept)"),
                    f"{level.mean:.4f} +- {level.upper - level.mean:.4f}",
                    f"{cost.mean:.3f} +- {cost.upper - cost.mean:.3f}",
                    *(f"{float(one[name]):.3f}" for name in ("blind_cost", "optimal_cost")),
                    *(f"{100 * float(part):.1f}" for part in shares),
                )
        out.add_section()
    return out


def _explored_table(dataset: xr.Dataset) -> Table:
    T = dataset.attrs["horizon"]
    out = Table(
        title=f"satisfaction - {ALPHA:g} after {T:,} requests (95%), and cost, w = 1, by who serves explored requests"
    )
    for column in (
        "gap",
        "last model",
        "beta_M",
        "c",
        "explored",
        *(f"{name}" for name in dataset["policy"].values),
        "cost",
    ):
        out.add_column(str(column), justify="right")
    for i, gap in enumerate(dataset["gap"].values):
        for order in dataset["order"].values:
            for c in dataset["c"].values:
                one = dataset.sel(order=order, c=c).isel(gap=i)
                over = [
                    intervals.interval(-one["violation"].sel(policy=name).values) for name in dataset["policy"].values
                ]
                out.add_row(
                    f"{gap:g}",
                    str(order),
                    f"{float(one['beta_M']):+.3f}",
                    f"{c:g}",
                    f"{float(one['explored'].mean()) / T:.1%}",
                    *(f"{each.mean:+.4f} +- {each.upper - each.mean:.4f}" for each in over),
                    f"{float(one['cost'].sel(policy='learned').mean()):.3f}",
                )
        out.add_section()
    return out


def _statements_table(one: xr.Dataset) -> Table:
    gap = float(one["gap"])
    out = Table(title=f"statements at gap {gap:g}, an oracle's run: measured / bound, verdict (each at 95%)")
    out.add_column("statement")
    for order in ORDERS:
        for c in C:
            out.add_column(f"{order}, c = {c:g}", justify="right")
    for statement in one["statement"].values:
        cells = [_cell(one.sel(statement=statement, order=order, c=c)) for order in ORDERS for c in C]
        out.add_row(str(statement), *cells)
    return out


def _cell(one: xr.Dataset) -> str:
    word = str(one["verdict"].values)
    return word if word == "not applicable" else f"{float(one['measured']):.3g} / {float(one['bound']):.3g} {word}"


def figure(result: Results) -> Figure:
    """What is chosen, what it costs, what exploring does to the agreement and to the queue."""
    return _mixed_figure.draw(result, ALPHA)


def finding(result: Results) -> str:
    """Shares of dominated models and costs by head, what exploring through the worse model did, and the statements."""
    one = result["chosen"].isel(gap=-1)
    heads = [_of_head(str(head), one.sel(alike=ALIKE[0], head=head)) for head in one["head"].values]
    wide = result["explored"].isel(gap=-1)
    over = [-float(wide["violation"].sel(order=order, policy="learned", c=C[1]).mean()) for order in ORDERS]
    words = wide["verdict"].sel(order=ORDERS[0])
    named = [(str(name), words.sel(statement=name).values) for name in words["statement"].values]
    empty = ", ".join(name for name, verdicts in named if (verdicts == "not applicable").all()) or "none"
    failed = [(name, [f"{c:g}" for c in np.array(C)[verdicts == "violated"]]) for name, verdicts in named]
    violated = ", ".join(f"{name} (c = {', '.join(cs)})" for name, cs in failed if cs) or "none"
    best = 100 * float(dominated_panel(one.sel(alike=ALIKE[0]), "optimal_share"))
    cost, blind = (float(one[what][0]) for what in ("optimal_cost", "blind_cost"))
    return (
        f"gap {float(one['gap']):g}, beta_M = {float(wide['beta_M'][0]):+.2f}: C* sends {best:.1f}% of requests to "
        f"dominated models at cost {cost:.3g} (LP mixture {blind:.3g}), MESS+ {'; '.join(heads)}. "
        f"At c = 1 satisfaction - alpha is {over[0]:+.4f} with the worse model serving what is explored and "
        f"{over[1]:+.4f} with the best; of the statements not applicable: {empty}; violated: {violated}"
    )


def _of_head(name: str, one: xr.Dataset) -> str:
    settled = shared.settle(one)
    share = 100 * float(dominated_panel(one, "chosen").sel(weight=settled.weight))
    cost, level = (intervals.interval(settled.rest[what].values) for what in ("cost_at_alpha", "satisfaction"))
    kept = "" if settled.kept else f", alpha kept at no V ({level.mean:.3f})"
    return f"({name}) {share:.1f}% at {cost.mean:.3g} [{cost.lower:.3g}, {cost.upper:.3g}]{kept}"


STUDY = study.Study(
    "mixed_families", __doc__, run, tables, figure, finding, quick="two gaps, 64 streams, 4,000 requests"
)
main = STUDY.main


if __name__ == "__main__":
    sys.exit(main())
