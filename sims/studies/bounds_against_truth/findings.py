"""What the study concludes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from messjax.statistics import intervals
from messjax.statistics.intervals import Interval
from sims.common.finding import Finding, Number, Rows, verdict_of_cases
from sims.common.study import Results
from sims.studies.bounds_against_truth.runs import CHAIN, LEARNING, OPTIMISM, SMOOTH, TYPES, UCB, VIOLATION

ROUNDING = 1e-12


def highest(one: xr.Dataset, name: str) -> Interval:
    """The larger mean of both worlds with its interval over streams."""
    both = [intervals.interval(one[name].isel(world=i).values) for i in range(one.sizes["world"])]
    return max(both, key=lambda each: each.mean)


def regret(one: xr.Dataset) -> Interval:
    """The larger regret of both worlds."""
    return highest(one, "regret")


def conclude(result: Results) -> Sequence[Finding]:
    """Two findings: on bounds and exact values, and on the lower bound."""
    return [_bounds(result), _lower(result[LEARNING], result[OPTIMISM].isel(T=-1))]


def _bounds(result: Results) -> Finding:
    """Rule, per exact value and bound whose assumptions hold: the bound is not below the value."""
    cases: list[tuple[str, str, np.ndarray]] = []
    for world, names in ((SMOOTH, "T2 T2_prime"), (TYPES, "T2 T2_prime T6_finite_types"), (CHAIN, "T12 T13")):
        dataset = result[world]
        for name in names.split():
            cases.append((world, name.replace("_prime", "'").replace("_finite_types", ""), ratio(dataset, name)))
    fails = sum(int((values < 1.0 - 1e-9).sum()) for *_, values in cases)
    checks = sum(values.size for *_, values in cases)
    smooth, chain = result[SMOOTH].isel(V=-1), result[CHAIN]
    limit, old = float(smooth["exact"] / smooth["limit"]), float(smooth["T2_prime"] / smooth["exact"])
    types = result[TYPES].isel(V=-1)
    broken = int((chain["T2_prime"] < chain["exact"] - ROUNDING).sum())
    rows = tuple((world, name, f"{values.min():,.3g} to {values.max():,.3g}") for world, name, values in cases)
    return Finding(
        "Bounds against exact values",
        "The bounds lie above the truth where their assumptions hold, and say how far.",
        verdict_of_cases(checks - fails, fails, checks),
        f"Of {checks} bounds held against exact values {checks - fails} are not below them. On a smooth dual the "
        f"settled cost gap at V = {float(smooth['V']):g} is {limit:.3f} times the limit sigma^2/(4 V) (heuristic), and "
        f"T2' is {old:.2f} times the gap. On three types the regret falls exponentially: {float(types['exact']):.2g} "
        f"at V = {float(types['V']):g}, where T2' allows {float(types['T2_prime']):.2g}. Where a hidden chain selects "
        f"the requests the bound of independent requests is false at {broken} of {chain.sizes['sojourn']} sojourns; "
        "T12 and T13 are not, and T13 is the better one for fast chains only.",
        (Number("bounds not below the truth", checks - fails, f"of {checks}"),
         Number("T2' over the settled gap, smooth dual", old), Number("gap over its limit", limit)),
        Rows(("world", "bound", "bound / exact value"), rows),
    )  # fmt: skip


def ratio(dataset: xr.Dataset, name: str) -> np.ndarray:
    """Bound over exact value."""
    result: np.ndarray = (dataset[name] / np.maximum(dataset["exact"], ROUNDING)).values
    return result


def _lower(dataset: xr.Dataset, optimism: xr.Dataset) -> Finding:
    """Rule, per policy and horizon: the whole interval of the larger regret lies above the lower bound.

    The bound says nothing of a policy whose violation exceeds what it allows: such a case is left out.
    """
    holds = fails = cases = 0
    rows = []
    for policy in dataset["policy"].values:
        for T in dataset["T"].values:
            one = dataset.sel(policy=policy, T=T)
            truth, short = regret(one), highest(one, "violation")
            bound, applies = float(one["lower_bound"].max()), short.upper <= VIOLATION
            cases += applies
            holds += applies and truth.lower >= bound
            fails += applies and truth.upper < bound
            shown = f"{truth.mean / bound:.3g}" if applies else f"says nothing: violation {short.mean:.3f}"
            rows.append((str(policy), f"{T:,}", f"{truth.mean:.3g}", f"{bound:.3g}", shown))
    last = dataset.sel(policy=UCB).isel(T=-1)
    T, truth = int(last["T"]), regret(last)
    close = truth.mean / float(last["lower_bound"].max())
    seen, before, largest = (float(optimism[name]) for name in ("T11", "T11_before", "trivial"))
    word = "vacuous" if before >= largest else "informative"
    own = "vacuous, too" if seen >= largest else "informative"
    return Finding(
        "Lower bound for every policy",
        "No policy has a regret of smaller order than sqrt(T) on both of two worlds that differ by 1/sqrt(T).",
        verdict_of_cases(holds, fails, cases),
        f"In {holds} of {cases} cases the regret on the worse world is above the lower bound. A UCB router that hears "
        f"only what it serves is {close:.2g} times above it at T = {T:,}. On two types with a clear difference T11 "
        f"allows a cost gap of {before:.2g} per request before any run at T = {int(optimism['T']):,}, which is {word} "
        f"(no policy exceeds {largest:.2g}), and {seen:.2g} from the widths that an operator sees, which is {own}; "
        f"measured is {float(optimism['gap'].mean()):.2g}.",
        (Number("cases above the lower bound", holds, f"of {cases}"), Number("UCB regret over the lower bound", close)),
        Rows(("policy", "T", "regret, worse world", "lower bound", "regret / lower bound"), tuple(rows)),
    )
