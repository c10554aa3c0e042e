"""What `messjax replay` says before its tables: a summary, and warnings before a plausible wrong conclusion."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from messjax.evaluation import comparison
from messjax.traces import Trace

FEWEST = 100  # explored requests from which a head learns something


def summary(dataset: xr.Dataset) -> list[str]:
    """For every alpha the best setting of MESS+, the best single model and the mixture, one line each alpha.

    Args:
        dataset: Result of `comparison.compare`.

    Returns:
        The lines.
    """
    rows = comparison.records(dataset)
    said = []
    for alpha in np.atleast_1d(dataset["alpha"].values):
        own = [row for row in rows if row["policy"] == comparison.MESS_PLUS and row["alpha"] == alpha]
        singles = [row for row in rows if row["policy"].startswith(comparison.ONLY)]
        mixed = [row for row in rows if row["policy"] == comparison.MIXTURE and row["alpha"] == alpha]
        parts = [
            _best(own, float(alpha), "MESS+"),
            _best(singles, float(alpha), "single models"),
            _best(mixed, float(alpha), "LP mixture"),
        ]
        said.append(f"alpha {alpha:g}: {'; '.join(parts)}")
    return said


def _best(rows: list[dict[str, Any]], alpha: float, who: str) -> str:
    """The least expensive of some rows that meets alpha on average."""
    meets = [row for row in rows if row["satisfaction"] >= alpha - 1e-9]
    if not meets:
        most = max(rows, key=lambda row: row["satisfaction"])
        return f"{who} at most {most['satisfaction']:.4f}"
    best = min(meets, key=lambda row: row["cost"])
    at = f" (V = {best['V']:.3g}, c = {best['c']:g})" if best["policy"] == comparison.MESS_PLUS else ""
    name = best["policy"] if best["policy"] != comparison.MESS_PLUS else who
    return f"{name}{at} {best['cost']:.4g} at {best['satisfaction']:.4f}"


def warnings(dataset: xr.Dataset, trace: Trace) -> list[str]:
    """What should be known before the table is believed.

    Args:
        dataset: Result of `comparison.compare`.
        trace: The trace.

    Returns:
        One sentence each, with what to change.
    """
    horizon = int(dataset.attrs["horizon"])
    own = dataset.sel(policy=comparison.MESS_PLUS)
    said = []
    for c in np.atleast_1d(own["c"].values):
        explored = float((own.sel(c=c) if "c" in own.dims else own)["explored"].mean())
        if explored < FEWEST:
            said.append(
                f"c = {c:g} is too small to learn from: explored {explored:.0f} of {horizon:,} requests; "
                "a larger --c explores more"
            )
    accuracy = trace.satisfaction.mean(axis=0)
    for alpha in np.atleast_1d(dataset["alpha"].values):
        at = dataset.sel(alpha=alpha) if "alpha" in dataset.dims else dataset
        if bool((at["satisfaction"].sel(policy=comparison.MESS_PLUS).mean("stream") < alpha).all()):
            said.append(
                f"no setting of MESS+ meets alpha = {alpha:g} on average; a smaller --V may; "
                f"the best single model satisfies {accuracy.max():.4f}"
            )
        said += _exploration(at, float(alpha))
    return said


def _exploration(at: xr.Dataset, alpha: float) -> list[str]:
    """Where exploration costs more than the difference of blind mixing and knowing every label."""
    mixed = float(at["cost"].sel(policy=comparison.MIXTURE).mean())
    own = at.sel(policy=comparison.MESS_PLUS)
    paid = float((own["cost"] - own["cost_exploit"]).mean("stream").min())
    saves = mixed - float(np.atleast_1d(at["optimal_cost"].values)[0])
    if paid <= max(saves, 0.0):
        return []
    return [
        f"at alpha = {alpha:g} exploration costs at least {paid:.4g} per request, more than any router can save over "
        f"the LP mixture ({max(saves, 0.0):.4g}): give a smaller --c, or see messjax recommend"
    ]


def predictor_warning(measured: float, base: float, c: float, explored: float, score: str = "log loss") -> list[str]:
    """Where the predictor is worse than the base rate.

    Args:
        measured: Its score at the end, the smaller the better.
        base: That of the models' mean satisfactions.
        c: Scale of exploration.
        explored: Explored requests.
        score: Name of the score.

    Returns:
        A sentence, or nothing.
    """
    if not measured > base:
        return []
    return [
        f"at c = {c:g} the predictor is worse than the base rate ({score} {measured:.4f}, base rate {base:.4f}): "
        f"nothing was learned in {explored:,.0f} explored requests; change --c or --learning-rate, or add requests"
    ]
