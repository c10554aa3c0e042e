"""Metrics -> xarray.Dataset with named dimensions and provenance; saving and loading.

Dimensions: the controls that were swept (V, alpha, c, a, f), `stream`, `t` (checkpoints of the curves), `model`, and
`policy` after `concat`. Per-stream results are kept, never averaged away.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from messjax import files, result_files
from messjax.origin import provenance
from messjax.statistics import intervals
from messjax.summary_tables import to_flat_dict, to_frame, to_latex
from messjax.theory import optimum
from messjax.types import Distribution

__all__ = [
    "concat",
    "load",
    "load_tree",
    "provenance",
    "save",
    "summary",
    "to_dataset",
    "to_flat_dict",
    "to_frame",
    "to_latex",
    "with_optimum",
]

_ABOUT = {  # name: (what it is, its unit; "cost" stands for the cost unit of the stream)
    "cost": ("operating cost per request, full ledger", "cost"),
    "cost_exploit": ("operating cost per request, exploit steps only", "cost"),
    "satisfaction": ("satisfaction per request", "1"),
    "violation": ("alpha - satisfaction", "1"),
    "satisfaction_window": ("satisfaction of the last requests", "1"),
    "cost_window": ("cost per request of the last requests", "cost"),
    "queue_mean": ("mean of Q_1..Q_T", "requests"),
    "queue_last": ("Q_{T+1}", "requests"),
    "queue_max": ("max of Q_2..Q_{T+1}", "requests"),
    "explored": ("explored requests N_T", "requests"),
    "calls": ("queries to each model, exploration included", "requests"),
    "served": ("requests served by each model", "requests"),
    "sla_from": ("request from which satisfaction stayed >= alpha; T + 1: not met for good", "requests"),
    "S": ("S_T = sum (1 - p_t) Q_t e_t", "requests"),
    "exploration_queue": ("sum p_t Q_t", "requests"),
    "decision_loss": ("D, excess score of exploited decisions by the true means", "requests"),
    "decision_loss_above": ("its part where Q_t > V gamma*", "requests"),
    "dual_gap": ("V Gap, sum of V (C* - Dual(Q_t / V)) over exploited requests", "requests"),
    "price_loss": ("L, what exploited decisions lose at the price gamma*", "cost"),
    "noise": ("W = sum (alpha - s_t)^2 / 2", "requests"),
    "reflection": ("U, sum of what the reflection at zero adds to the queue", "requests"),
    "reflection_squares": ("U2, half the sum of its squares", "requests"),
    "error_mean": ("mean of e_t", "1"),
    "error_last": ("e_T", "1"),
    "error_max": ("max of e_t where p_t < 1", "1"),
    "optimal_cost": ("C*, least cost per request of any stationary policy at alpha", "cost"),
    "gamma": ("gamma*, multiplier of the satisfaction constraint at C*", "cost"),
    "cost_gap": ("cost - C*", "cost"),
    "adjusted_regret": ("sum cost_t - C* T + gamma* sum (alpha - s_t)", "cost"),
}


CONVENTIONS = "CF-1.11"  # whose attributes `units` and `long_name` every variable and coordinate has

_COORDINATES = {  # name: (what it is, its unit)
    "V": ("weight of cost against satisfaction", "1/cost"),
    "alpha": ("required satisfaction", "1"),
    "c": ("scale of the exploration probability min(1, c t^-a)", "1"),
    "a": ("exponent of the exploration probability", "1"),
    "f": ("probability of feedback on a request", "1"),
    "budget": ("budget per request", "cost"),
    "t": ("requests served so far", "requests"),
    "model": ("language model, the least expensive first", "1"),
}


def host(metric: Any) -> np.ndarray:
    """A metric as a NumPy array.

    Args:
        metric: An array, or an exact number (Fixed, Sum, Mean), which becomes float64.

    Returns:
        The array, of the same shape.
    """
    return metric.to_host() if hasattr(metric, "to_host") else np.asarray(metric)


def to_dataset(
    final: Mapping[str, np.ndarray],
    curve: Mapping[str, np.ndarray] | None,
    axes: Mapping[str, np.ndarray],
    *,
    times: np.ndarray,
    horizon: int,
    models: tuple[str, ...],
    cost_unit: str,
) -> xr.Dataset:
    """Final metrics and their curves as one Dataset with dimensions (controls, stream, t, model).

    Args:
        final: Metrics by name after the last request, [stream, *axes(, model)].
        curve: The same along the way, [stream, *axes, t(, model)], or None; they come out as `NAME_curve`.
        axes: Every control with its values: those of shape [n] become dimensions, those of shape [] coordinates.
        times: Checkpoints, [n] numbers of requests; empty for no curves.
        horizon: T, the number of requests.
        models: Names of the M models.
        cost_unit: Unit of the costs.

    Returns:
        The Dataset, with `violation` added, and units of every variable.

    Raises:
        ValueError: A metric is neither [] nor [M] per stream.
    """
    swept = tuple(name for name, values in axes.items() if values.ndim)
    data = {name: _array(value, ("stream", *swept), len(models)) for name, value in final.items()}
    coords: dict[str, Any] = {name: values for name, values in axes.items()} | {"model": list(models)}
    if curve and len(times):
        coords["t"] = times
        for name, value in curve.items():
            data[f"{name}_curve"] = _array(value, ("stream", *swept, "t"), len(models))
    dataset = xr.Dataset(data, coords=coords)
    if "satisfaction" in dataset:
        # Variables: what is in one dataset needs no alignment, which takes as long as serving a million requests.
        dataset["violation"] = dataset["alpha"].variable - dataset["satisfaction"].variable
    dataset.attrs |= {"horizon": horizon, "cost_unit": cost_unit}
    return _describe(dataset.transpose(*swept, "stream", ..., "model"))


def _array(value: np.ndarray, dims: tuple[str, ...], num_models: int) -> tuple:
    more = value.ndim - len(dims)
    if more == 0:
        return (dims, value)
    if more == 1 and value.shape[-1] == num_models:
        return ((*dims, "model"), value)
    raise ValueError(f"a reading must be [] or [M] per stream, found shape {value.shape} for dimensions {dims}")


def _describe(dataset: xr.Dataset) -> xr.Dataset:
    for name, array in dataset.data_vars.items():
        if about := _ABOUT.get(str(name).removesuffix("_curve")):
            array.attrs = {
                "long_name": about[0],
                "units": dataset.attrs["cost_unit"] if about[1] == "cost" else about[1],
            }
    for name, (what, unit) in _COORDINATES.items():
        if name in dataset.coords:
            own = {"1/cost": f"1/({dataset.attrs['cost_unit']})", "cost": str(dataset.attrs["cost_unit"])}
            dataset.coords[name].attrs = {"long_name": what, "units": own.get(unit, unit)}
    dataset.attrs["Conventions"] = CONVENTIONS
    return dataset


def with_optimum(dataset: xr.Dataset, distribution: Distribution) -> xr.Dataset:
    """The dataset with C* and gamma* per alpha, and `cost_gap` and `adjusted_regret` (T5 in docs/theory).

    Args:
        dataset: A result of `sweep`.
        distribution: Distribution of its requests. For a recorded trace it is that of the realised labels, and C* and
            gamma* are the clairvoyant ones (attribute `optimum_kind` = "labels").

    Returns:
        The dataset with the variables `optimal_cost`, `gamma`, `cost_gap` and `adjusted_regret`.

    Raises:
        ValueError: As `theory.optimum.solve`.
    """
    alphas = np.atleast_1d(dataset["alpha"].values)
    solved = optimum.values(distribution, [float(alpha) for alpha in alphas])
    alpha = dataset["alpha"].variable.to_base_variable()
    best = alpha.copy(data=np.reshape([s.cost for s in solved], alpha.shape))
    gamma = alpha.copy(data=np.reshape([s.gamma for s in solved], alpha.shape))
    result = {"optimal_cost": best, "gamma": gamma}
    if "cost" in dataset and "violation" in dataset:
        gap, violation = dataset["cost"].variable - best, dataset["violation"].variable
        result |= {"cost_gap": gap, "adjusted_regret": dataset.attrs["horizon"] * (gap + gamma * violation)}
    dataset = dataset.assign(result)
    dataset.attrs["optimum_kind"] = distribution.kind
    return _describe(dataset)


def summary(dataset: xr.Dataset, level: float = 0.95) -> xr.Dataset:
    """Mean and two-sided limits over streams of every per-stream variable, along a new dimension `limit`.

    Args:
        dataset: A result with a dimension `stream`.
        level: Coverage of the limits, in (0, 1).

    Returns:
        The dataset with `limit` = ("mean", "lower", "upper") instead of `stream`. Limits are NaN where there is one
        stream only; everything is NaN where a value is (no known distribution, no prediction).

    Example:
        >>> import xarray as xr
        >>> runs = xr.Dataset({"cost": ("stream", [1.0, 2.0, 3.0])})
        >>> summary(runs)["cost"].sel(limit="mean").item()
        2.0
    """
    reduced = {}
    for name, array in dataset.data_vars.items():
        if "stream" not in array.dims:
            reduced[name] = array
            continue
        moved = array.transpose(..., "stream")
        values = np.asarray(moved.values, np.float64)
        usable = np.asarray(np.isfinite(values).all(axis=-1))
        if values.shape[-1] > 1:
            result = intervals.interval(np.where(usable[..., None], values, 0.0), level)
            limits = np.stack([result.mean, result.lower, result.upper])
        else:
            limits = np.stack([values[..., 0], np.full(usable.shape, np.nan), np.full(usable.shape, np.nan)])
        reduced[name] = xr.DataArray(
            np.where(usable, limits, np.nan), dims=("limit", *moved.dims[:-1]), attrs=array.attrs
        )
    coords = {name: c for name, c in dataset.coords.items() if "stream" not in c.dims}
    out = xr.Dataset(reduced, coords=coords | {"limit": ["mean", "lower", "upper"]}, attrs=dataset.attrs)
    out.attrs["level"] = level
    return out


def concat(datasets: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """Results of several policies on the same grid, along a new dimension `policy`.

    Args:
        datasets: Results by the name of their policy.

    Returns:
        One Dataset. What belongs to the distribution and not to a policy (C*, gamma*) has no such dimension.

    Raises:
        ValueError: The grids differ.
    """
    joined = xr.concat(
        list(datasets.values()),
        dim="policy",
        data_vars="all",
        coords="minimal",
        compat="override",
        join="exact",
        combine_attrs="drop_conflicts",
    )
    for name in {"optimal_cost", "gamma"} & set(joined.data_vars):
        joined[name] = joined[name].isel(policy=0)  # of the distribution, not of a policy
    joined = joined.assign_coords(policy=list(datasets))
    label = [f"{name} = {ds.attrs['policy']}" for name, ds in datasets.items() if "policy" in ds.attrs]
    if label:
        joined.attrs["policy"] = "; ".join(label)
    for name in ("policy_kinds", "engine_reason"):
        if all(name in ds.attrs for ds in datasets.values()):
            joined.attrs[name] = json.dumps({own: _only(ds.attrs[name]) for own, ds in datasets.items()})
    return joined


def _only(attribute: str) -> Any:
    """The value for the one policy that a dataset without the dimension `policy` is about."""
    values = list(json.loads(attribute).values())
    return values[0] if len(values) == 1 else None


def save(dataset: xr.Dataset | xr.DataTree, path: str | os.PathLike) -> Path:
    """Write a result as NetCDF-4 with a checksum, a tree as groups; the file appears whole or not at all.

    Args:
        dataset: A Dataset or a tree of them.
        path: Where to write; the folder is made where there is none.

    Returns:
        The path.

    Raises:
        OSError: The file cannot be written.
    """
    # In memory first: on a full disk HDF5 fails where nothing can be caught, with a segmentation fault.
    if isinstance(dataset, xr.DataTree):
        groups = {node.path: _packed(node.to_dataset(inherit=False)) for node in dataset.subtree}
        content = dataset.to_netcdf(None, engine="h5netcdf", encoding=groups)
    else:
        content = dataset.to_netcdf(None, engine="h5netcdf", encoding=_packed(dataset))
    with files.drafted(path) as draft:
        draft.write_bytes(content)
        result_files.seal(draft)
    return Path(path)


def _packed(dataset: xr.Dataset) -> dict[Any, dict[str, Any]]:
    return {name: {"zlib": True, "complevel": 1} for name, array in dataset.data_vars.items() if array.ndim}


def load(path: str | os.PathLike, *, sealed: bool = True) -> xr.Dataset:
    """Read a result that `save` has written, after comparing its checksum.

    Args:
        path: The file.
        sealed: Whether a checksum is required; False reads files of older versions and other programs unchecked.

    Returns:
        The Dataset, in memory.

    Raises:
        ValueError: The file is missing, is not NetCDF, is damaged, or asks for what it may not (`result_files`); the
            message names it and what to do.
    """
    with result_files.checked(path, sealed=sealed) as whole:
        return xr.load_dataset(whole, engine="h5netcdf")


def load_tree(path: str | os.PathLike, *, sealed: bool = True) -> xr.DataTree:
    """Read a tree of results that `save` has written, as `load` reads one.

    Args:
        path: The file.
        sealed: As for `load`.

    Returns:
        The tree, in memory.

    Raises:
        ValueError: As `load` raises.
    """
    with result_files.checked(path, sealed=sealed) as whole, xr.open_datatree(whole, engine="h5netcdf") as tree:
        return tree.load()
