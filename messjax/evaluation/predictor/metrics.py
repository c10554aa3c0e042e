"""The sums of the scoring program as a Dataset, and its summary over models and streams."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from messjax import results
from messjax.evaluation.predictor.scoring_program import BINNED, SUMS
from messjax.statistics import intervals, scoring_rules

ON = ("passed", "held out")
_ABOUT = {
    "log_loss": ("log loss of the predictor", "nat"),
    "brier": ("Brier score of the predictor", "1"),
    "calibration_error": ("ECE of the predictor, biased upwards", "1"),
    "calibration_chance": ("ECE that a calibrated predictor would have by chance", "1"),
    "base_log_loss": ("log loss of the base rate", "nat"),
    "base_brier": ("Brier score of the base rate", "1"),
    "learned": ("explored requests learned from", "requests"),
    "requests": ("requests scored", "requests"),
    "bin_count": ("predictions in the bin at the last checkpoint", "requests"),
    "bin_predicted": ("mean prediction in the bin", "1"),
    "bin_observed": ("mean satisfaction in the bin", "1"),
}


def to_dataset(
    result: dict[str, Any], on: tuple[str, ...], c: np.ndarray, times: np.ndarray, models: tuple[str, ...], bins: int
) -> xr.Dataset:
    """The sums of `scoring_program.program` as scores over (on, c, stream, t, model), and bins at the last checkpoint.

    Args:
        result: Sums by name, on the host.
        on: "passed", and "held out" where there are held-out requests.
        c: Exploration scales [C].
        times: Checkpoints [K].
        models: Names of the models [M].
        bins: Number of bins B of the predictions.

    Returns:
        The Dataset that `over_time` describes.
    """
    sums = np.stack([result[name].to_host() for name in ("passed", "held")[: len(on)]])
    sums = np.moveaxis(sums, 1, 2)  # (on, c, stream, t, model, ...)
    plain, binned = sums[..., :SUMS], sums[..., SUMS:].reshape(*sums.shape[:-1], BINNED, bins)
    count, predicted, observed, squared = np.moveaxis(binned, -2, 0)
    num = count.sum(axis=-1)
    calibration = scoring_rules.calibration(count, predicted, observed, squared)
    each, last = ("on", "c", "stream", "t", "model"), ("on", "c", "stream", "model", "bin")
    data: dict[str, Any] = {
        "log_loss": (each, plain[..., 0] / num),
        "brier": (each, squared.sum(axis=-1) / num),
        "calibration_error": (each, calibration.error),
        "calibration_chance": (each, calibration.chance),
        "base_log_loss": (each, plain[..., 1] / num),
        "base_brier": (each, plain[..., 2] / num),
        "learned": (("c", "stream", "t"), np.moveaxis(result["learned"], 0, 1)),
        "requests": (("on", "t"), num[:, 0, 0, :, 0].round().astype(np.int64)),
        "bin_count": (last, count[..., -1, :, :].round().astype(np.int64)),
    }
    with np.errstate(invalid="ignore"):
        data["bin_predicted"] = (last, (predicted / count)[..., -1, :, :])
        data["bin_observed"] = (last, (observed / count)[..., -1, :, :])
    coords = {"on": list(on), "c": c, "t": times, "model": list(models), "bin": (np.arange(bins) + 0.5) / bins}
    dataset = xr.Dataset(data, coords=coords)
    for name, array in dataset.data_vars.items():
        array.attrs = {"long_name": _ABOUT[str(name)][0], "units": _ABOUT[str(name)][1]}
    return dataset


def summary(dataset: xr.Dataset, level: float = 0.95) -> xr.Dataset:
    """Means over models, with limits over streams, of the Dataset of `over_time`.

    Scores have dimensions (limit, on, c, t), and `learned` likewise, as `results.summary` makes them. Reliability has
    (limit, on, c, model, bin): bin_count is the mean per stream, bin_predicted and bin_observed are of the predictions
    of all streams together, with limits by the jackknife over streams; NaN where there are none, or all are in one
    stream.

    Args:
        dataset: Result of `over_time`.
        level: Coverage of the limits, in (0, 1).

    Returns:
        The Dataset that `plot.predictor_quality` shows, with a dimension `limit` (mean, lower, upper).
    """
    binned = [name for name in dataset.data_vars if "bin" in dataset[name].dims]
    averaged = dataset.drop_vars(binned)
    for name in averaged.data_vars:
        if "model" in averaged[name].dims:
            averaged[name] = averaged[name].mean("model", keep_attrs=True)
    out = results.summary(averaged.drop_vars("model"), level)
    count = dataset["bin_count"].transpose(..., "stream")
    limits = ("limit", *count.dims[:-1])
    empty = np.full(count.shape[:-1], np.nan)
    out["bin_count"] = limits, np.stack([count.mean("stream").values, empty, empty]), dataset["bin_count"].attrs
    for name in ("bin_predicted", "bin_observed"):
        total = (dataset[name] * dataset["bin_count"]).fillna(0.0).transpose(*count.dims)
        out[name] = limits, _ratio(total.values, count.values.astype(np.float64), level), dataset[name].attrs
    return out.assign_coords(model=dataset["model"], bin=dataset["bin"])


def _ratio(total: np.ndarray, count: np.ndarray, level: float) -> np.ndarray:
    """total / count over streams [..., S] as (mean, lower, upper) [3, ...]."""
    batch, num = count.sum(axis=-1), count.shape[-1]
    with np.errstate(invalid="ignore"):
        mean = total.sum(axis=-1) / batch
    nothing = np.full(mean.shape, np.nan)
    usable = (batch - count.max(axis=-1) > 0) & (num > 1)  # something is left whichever stream is left out
    if not usable.any():
        return np.stack([mean, nothing, nothing])
    parts = (np.where(usable[..., None], values, 1.0) for values in (total, count))
    result = intervals.jackknife(lambda top, bottom: top / bottom, *parts, level=(1.0 + level) / 2.0)
    return np.stack([mean, np.where(usable, result.lower, np.nan), np.where(usable, result.upper, np.nan)])
