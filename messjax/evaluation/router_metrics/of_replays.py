"""All metrics of a replay as `comparison.compare` returns it, per policy, alpha, c and order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from messjax.evaluation.router_metrics import llmrouterbench, routellm, routerarena, routerbench

SINGLE = "only {}"  # what `comparison.contenders` calls a model that serves everything
CPT = {"cpt_50": 0.5, "cpt_80": 0.8}
_ABOUT = {  # name: (what it is, its unit; "cost" stands for the cost unit of the replay)
    "gain_at_best": ("Gain@Best, of each configuration", "1"),
    "gap_at_oracle": ("Gap@Oracle, of each configuration", "1"),
    "arena_score": ("Arena score, of each configuration", "1"),
    "pgr": ("PGR, of each configuration", "1"),
    "aiq": ("AIQ over the range of the single models' costs", "1"),
    "perf_gain": ("PerfGain", "1"),
    "cost_save": ("CostSave; NaN where no configuration is as good as the best single model", "1"),
    "pareto_dist": ("ParetoDist, Euclidean, to the front of all policies", "1"),
    "apgr": ("APGR", "1"),
    "cpt_50": ("CPT(50%), share of calls to the strong model", "1"),
    "cpt_80": ("CPT(80%), share of calls to the strong model", "1"),
    "zero_router_aiq": ("AIQ of mixing the single models blindly, RouterBench's zero router", "1"),
    "best_satisfaction": ("satisfaction of the best single model", "1"),
    "best_cost": ("cost per request of the best single model", "cost"),
    "oracle_satisfaction": ("satisfaction of the best model per request, chosen after the fact", "1"),
    "oracle_cost": ("its cost per request", "cost"),
    "optimal_cost": ("C*, the clairvoyant optimum at alpha", "cost"),
}


def replay_metrics(
    dataset: xr.Dataset,
    satisfaction: ArrayLike,
    cost: ArrayLike,
    *,
    along: tuple[str, ...] = ("V",),
    ledger: str = "cost",
) -> xr.Dataset:
    """Every metric that is defined for a replay, one value per order (`stream`), so that intervals can be computed.

    For a router that keeps a required satisfaction the points lie near that alpha: with along=("V", "alpha") they
    spread over the range of costs that AIQ averages over. The trace is one data set, so averages over data sets have
    one term. The best single model is the one with the highest mean satisfaction over all orders, the cheaper among
    equals. The share of calls to the strong model counts exploration. The front of ParetoDist is that of all policies,
    single models included.

    Args:
        dataset: Result of `comparison.compare`: dimensions policy, V, alpha, c, stream (and model), variables cost,
            cost_exploit, satisfaction, calls, attributes horizon and cost_unit. Policies `only MODEL` must be among its
            policies.
        satisfaction: [N, M] of the trace, in the dataset's order of models; the oracle is computed from it.
        cost: [N, M] of the trace, in the dataset's cost unit.
        along: The controls that make up a router's configurations: by default its points are the values of V at given
            alpha and c.
        ledger: "cost" (exploration pays for all models) or "cost_exploit".

    Returns:
        Dataset. Per configuration (policy, V, alpha, c, stream): gain_at_best, gap_at_oracle, arena_score, and for two
            models
        pgr. Per router (policy, alpha, c, stream): aiq, perf_gain, cost_save, pareto_dist, and for two models apgr,
            cpt_50,
        cpt_80. To compare with: zero_router_aiq, best_*, oracle_*, optimal_cost. Attributes: best_single, weak, strong,
            and
        `undefined`, which says what is left out and why.

    Raises:
        ValueError: Naming the argument: policies, variables or controls that are missing, or a trace of other models.
    """
    spent, quality = _variables(dataset, ledger, along)
    choice = llmrouterbench.oracle(satisfaction, cost)
    if np.shape(satisfaction)[1] != dataset.sizes["model"]:
        result = np.shape(satisfaction)[1]
        raise ValueError(f"satisfaction: expected the dataset's {dataset.sizes['model']} models, found {result}")
    price, level = _singles(dataset, spent), _singles(dataset, quality)  # (model, stream)
    order = np.lexsort((price.mean("stream"), -level.mean("stream")))  # best first
    best = {"cost": price.isel(model=order[0], drop=True), "quality": level.isel(model=order[0], drop=True)}
    out = xr.Dataset(attrs={"ledger": ledger, "along": ", ".join(along), "cost_unit": dataset.attrs["cost_unit"]})
    out["gain_at_best"] = _each(llmrouterbench.gain_at_best, quality, best["quality"])
    out["gap_at_oracle"] = _each(llmrouterbench.gap_at_oracle, quality, choice.quality)
    x, y = _points(spent, along), _points(quality, along)
    limits = {"low": price.min("model"), "high": price.max("model")}
    out["aiq"] = _curves(lambda x, y, low, high: routerbench.aiq(x, y, low=low, high=high), (x, y), *limits.values())
    out["perf_gain"] = _curves(llmrouterbench.perf_gain, (y,), best["quality"])
    out["cost_save"] = _curves(llmrouterbench.cost_save, (x, y), best["cost"], best["quality"])
    everything = [each.stack(any=("policy", "point"), create_index=False) for each in (x, y)]
    out["pareto_dist"] = _curves(llmrouterbench.pareto_dist, (x, y), everything=everything)
    undefined = _two_models(out, dataset, y, order, level, along)
    undefined += _arena(out, spent, quality, dataset.attrs["cost_unit"])
    out["zero_router_aiq"] = xr.apply_ufunc(
        routerbench.aiq, price, level, input_core_dims=[["model"], ["model"]], vectorize=True
    )
    out = out.assign(best_satisfaction=best["quality"], best_cost=best["cost"])
    out = out.assign(oracle_satisfaction=choice.quality, oracle_cost=choice.cost)
    if "optimal_cost" in dataset:
        out["optimal_cost"] = dataset["optimal_cost"]
    out.attrs |= {"best_single": str(dataset["model"].values[order[0]]), "undefined": "; ".join(undefined) or "nothing"}
    return _described(out, tuple(str(dim) for dim in spent.dims))


def _variables(dataset: xr.Dataset, ledger: str, along: tuple[str, ...]) -> tuple[xr.DataArray, xr.DataArray]:
    if ledger not in ("cost", "cost_exploit"):
        raise ValueError(f"ledger: expected 'cost' or 'cost_exploit', found {ledger!r}")
    for name in (ledger, "satisfaction", "calls"):
        if name not in dataset:
            raise ValueError(f"dataset: expected a variable {name!r}, found {', '.join(map(str, dataset.data_vars))}")
    if missing := sorted({"policy", "stream", "model"} - set(dataset.sizes)):
        raise ValueError(f"dataset: expected the dimension {missing[0]!r}, found {', '.join(map(str, dataset.sizes))}")
    if wrong := [name for name in along if name not in ("V", "alpha", "c", "a", "f")]:
        raise ValueError(f"along: expected names of controls, found {wrong[0]!r}")
    return dataset[ledger], dataset["satisfaction"]


def _singles(dataset: xr.Dataset, values: xr.DataArray) -> xr.DataArray:
    """What each model measured alone, (model, stream): these policies look at no control."""
    names = [SINGLE.format(model) for model in dataset["model"].values]
    if missing := [name for name in names if name not in dataset["policy"].values]:
        raise ValueError(f"dataset: expected the policy {missing[0]!r} of compare.compare beside the routers")
    alone = values.sel(policy=names).rename(policy="model").assign_coords(model=dataset["model"].values)
    return alone.isel({dim: 0 for dim in alone.dims if dim not in ("model", "stream")}, drop=True)


def _points(values: xr.DataArray, along: tuple[str, ...]) -> xr.DataArray:
    """The configurations of every router as a last dimension `point`."""
    swept = [name for name in along if name in values.dims]
    values = values.drop_vars([name for name in along if name in values.coords and name not in swept])
    result = values.stack(point=swept, create_index=False) if swept else values.expand_dims("point")
    return result.transpose(..., "point")


def _each(metric: Callable[..., Any], values: xr.DataArray, reference: Any) -> xr.DataArray:
    return xr.apply_ufunc(lambda v, r: metric(v[..., None], r[..., None]), values, xr.DataArray(reference))


def _curves(
    metric: Callable[..., float],
    points: tuple[xr.DataArray, ...],
    *references: xr.DataArray,
    everything: list[xr.DataArray] | None = None,
) -> xr.DataArray:
    """`metric(*points, *all points, *references)` of every router, order and value of the other controls."""
    every = everything or []
    dims = [["point"]] * len(points) + [["any"]] * len(every) + [[]] * len(references)
    return xr.apply_ufunc(metric, *points, *every, *references, input_core_dims=dims, vectorize=True)


def _two_models(
    out: xr.Dataset,
    dataset: xr.Dataset,
    y: xr.DataArray,
    order: np.ndarray,
    level: xr.DataArray,
    along: tuple[str, ...],
) -> list[str]:
    """Adds RouteLLM's metrics; says why where they are not defined."""
    if len(order) != 2:
        return [f"APGR, CPT: they are about two models, found {len(order)}"]
    strong, weak = (level.isel(model=int(m), drop=True) for m in order)
    if not (strong > weak).all():
        return ["APGR, CPT: the two models are equally good in some order"]
    share = dataset["calls"].isel(model=int(order[0]), drop=True) / dataset.attrs["horizon"]
    x = _points(share, along)
    out["pgr"] = xr.apply_ufunc(routellm.pgr, dataset["satisfaction"], weak, strong, vectorize=True)
    out["apgr"] = _curves(routellm.apgr, (x, y), weak, strong)
    for name, part in CPT.items():
        out[name] = _curves(lambda *rest, part=part: routellm.cpt(part, *rest), (x, y), weak, strong)
    out.attrs |= {key: str(dataset["model"].values[m]) for key, m in zip(("strong", "weak"), order, strict=True)}
    return []


def _arena(out: xr.Dataset, spent: xr.DataArray, quality: xr.DataArray, unit: str) -> list[str]:
    """Adds the Arena score; says why where it is not defined."""
    if routerarena.usd_per_request(unit) is None:
        return [f"Arena score: not defined in this unit ({unit}), only for USD per request"]
    if not (spent > 0).all():
        return ["Arena score: not defined for a cost of zero"]
    out["arena_score"] = xr.apply_ufunc(lambda a, e: routerarena.arena_score(a, e, unit=unit), quality, spent)
    return []


def _described(out: xr.Dataset, dims: tuple[str, ...]) -> xr.Dataset:
    for name, array in out.data_vars.items():
        about, unit = _ABOUT[str(name)]
        array.attrs = {"long_name": about, "units": out.attrs["cost_unit"] if unit == "cost" else unit}
    return out.transpose(*(dim for dim in dims if dim in out.dims), ...)
