"""The table of a comparison: the rows worth reading, one line each where there is room, no number ever broken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from rich.table import Table

from messjax import results, runtime
from messjax.evaluation import comparison

MOST_ROWS = 12  # settings of MESS+ in a table
_CAPTION = (
    "cost per request in {} (full: exploration pays for {}); 95% intervals over streams; "
    "met for good: share of streams whose satisfaction stayed >= alpha, and the median request from which it did"
)


def table(
    dataset: xr.Dataset,
    title: str,
    *,
    everything: bool = False,
    more: Sequence[dict[str, Any]] = (),
    width: int = 2 * runtime.NARROW,
) -> Table:
    """A table of costs in both ledgers, satisfaction with interval, when alpha was met for good, and calls per model.

    Args:
        dataset: Result of `comparison.compare`.
        title: Title of the table.
        everything: Whether to show single models that another one beats, and every setting, however many.
        more: Records of further policies, with the fields of `comparison.records` that they have.
        width: Columns of the terminal; below `runtime.NARROW` cells are broken into lines, between numbers only.

    Returns:
        A `rich` table with one row per entry of `comparison.rows`, and of `more`.
    """
    summary, (shown, omitted) = comparison.clipped(results.summary(dataset)), _shown(dataset, everything)
    pays = "the slowest model" if dataset.attrs.get("paid") == "largest" else "all models"
    out = Table(title=title, caption=" ".join([_CAPTION.format(dataset.attrs["cost_unit"], pays), *omitted]))
    names = ("policy", "cost, full", "cost, exploit", "satisfaction", "met for good", "calls")
    arrange = _narrow if width < runtime.NARROW else tuple
    for name in arrange(names):
        number = name not in ("policy", "calls")  # a number is never broken
        out.add_column(name, justify="right" if number else "left", overflow="fold", no_wrap=number)
    for policy, index in shown:
        one, mean = dataset.sel(policy=policy).isel(index), summary.sel(policy=policy, limit="mean").isel(index)
        cells = (
            label(dataset, policy, index),
            f"{float(mean['cost']):.4g}",
            f"{float(mean['cost_exploit']):.4g}",
            _interval(summary.sel(policy=policy).isel(index)["satisfaction"]),
            _met(one) if not comparison.fixed_model(policy) or dataset["alpha"].size == 1 else "",
            calls(one),
        )
        out.add_row(*arrange(cells))
    for row in more:
        costs = (f"{row[name]:.4g}" for name in ("cost", "cost_exploit"))
        share = np.array([row[f"{comparison.CALLS}{name}"] for name in dataset["model"].values])
        called = _named(dataset["model"].values, share)
        out.add_row(*arrange((row["policy"], *costs, f"{row['satisfaction']:.4f}", "", called)))
    return out


def _narrow(cells: Sequence[str]) -> tuple[str, ...]:
    """The cells of a row for a narrow terminal: both costs in one, and a new line wherever a cell may be broken."""
    policy, full, exploit, satisfied, met, called = cells
    called = "" if policy.startswith(comparison.ONLY) else called  # its name says it
    for separator in (" +- ", " (", " to "):
        satisfied = satisfied.replace(separator, f"\n{separator[1:]}")
    costs = f"{full}\n{exploit.removeprefix('cost, ')}"
    return policy.replace(", ", "\n  "), costs, satisfied, met.replace(", ", ",\n"), called.replace(", ", "\n")


def label(dataset: xr.Dataset, policy: str, index: dict[str, Any]) -> str:
    """A policy with the controls that it reads.

    Args:
        dataset: Result of `comparison.compare`.
        policy: Name of the policy.
        index: Indices of its controls.

    Returns:
        For example "MESS+ alpha = 0.7, V = 0.1, c = 1".
    """
    at = dataset.isel(index)
    reads = comparison.reads(dataset, policy)
    numbers = ", ".join(f"{name} = {float(at[name]):.4g}" for name in reads)
    return f"{policy}\n  {numbers}" if numbers else policy


def calls(one: xr.Dataset, most: int = 4) -> str:
    """The models that are queried, with their shares of the requests.

    Args:
        one: A policy at one point of the grid.
        most: Largest number of models that are named.

    Returns:
        For example "gpt-4 61.8%, mixtral 40.1%", the largest share first.
    """
    share = np.asarray(one["calls"].mean("stream").values, np.float64) / one.attrs["horizon"]
    return _named(one["model"].values, share, most)


def _named(models: np.ndarray, share: np.ndarray, most: int = 4) -> str:
    order = [int(m) for m in np.argsort(-share, kind="stable") if share[m] > 0]
    named = ", ".join(f"{models[m]} {share[m]:.1%}" for m in order[:most])
    rest = order[most:]
    return f"{named}, {len(rest)} others at most {share[rest].max():.1%} each" if rest else named


def _shown(dataset: xr.Dataset, everything: bool) -> tuple[list[tuple[str, dict[str, Any]]], list[str]]:
    """The rows that are shown, and in words what is not."""
    every = comparison.rows(dataset)
    if everything:
        return every, []
    fold = comparison.folded(dataset)
    shown, omitted = [row for row in every if row[0] not in fold], []
    if fold:
        omitted.append(
            f"{len(fold)} single models are left out that another beats at no higher cost; --all shows them."
        )
    own = [row for row in shown if row[0] == comparison.MESS_PLUS]
    if len(own) > MOST_ROWS:
        kept = _best(dataset, own)
        shown = [row for row in shown if row[0] != comparison.MESS_PLUS or row in kept]
        omitted.append(
            f"{len(own) - len(kept)} of {len(own)} settings of MESS+ are left out; --all shows them, table.csv has all."
        )
    return shown, omitted


def _best(dataset: xr.Dataset, own: list[tuple[str, dict[str, Any]]]) -> list[tuple[str, dict[str, Any]]]:
    """The settings of MESS+ that meet alpha on average from the least expensive on, then those that miss it least."""
    at = [dataset.sel(policy=policy).isel(index) for policy, index in own]
    short = [float(one["violation"].mean()) for one in at]
    cost = [float(one["cost"].mean()) for one in at]
    order = sorted(range(len(own)), key=lambda i: (short[i] > 0, short[i] if short[i] > 0 else cost[i]))
    return [own[i] for i in order[:MOST_ROWS]]


def _interval(limits: xr.DataArray) -> str:
    mean, lower, upper = (float(limits.sel(limit=name)) for name in ("mean", "lower", "upper"))
    if np.isnan(lower):
        return f"{mean:.4f}"
    half = (upper - lower) / 2
    symmetric = abs(mean - (lower + upper) / 2) < 5e-5
    return f"{mean:.4f} +- {half:.4f}" if symmetric else f"{mean:.4f} ({lower:.3f} to {upper:.3f})"


def _met(one: xr.Dataset) -> str:
    start, horizon = one["sla_from"].values, one.attrs["horizon"]
    met = start <= horizon
    if not met.any():
        return "never"
    return f"{met.mean():.0%}, from {int(np.median(start[met])):,}"
