"""What the study concludes."""

from __future__ import annotations

import numpy as np

from sims.common import comparison
from sims.common.finding import Finding, Number, Rows, verdict_of_cases
from sims.common.settling import when
from sims.common.study import Results
from sims.studies.time_to_sla.runs import ALPHA, MIDDLE, PLAIN, WARM_V

HUNDREDS = 1_000  # "some hundred requests": fewer than this
MOST_STREAMS = 0.95  # of the streams must hold alpha for good by then


def conclude(result: Results) -> list[Finding]:
    """Three: when alpha holds for good, what a warm start changes, and what the published satisfaction averages."""
    return [_holds(result), _warm(result), _readings(result)]


def _holds(result: Results) -> Finding:
    """Rule, for every alpha and V: at least 95% of the streams hold alpha for good from a request before 1,000."""
    plain = result["Winogrande"].sel(policy=PLAIN)
    T, published = plain.attrs["horizon"], plain.attrs["published"]
    rows, holds, cases = [], 0, 0
    for alpha in ALPHA:
        for v in plain["V"].values:
            start = plain["sla_from"].sel(alpha=alpha, V=v).values
            soon = float((start < HUNDREDS).mean())
            holds, cases = holds + (soon >= MOST_STREAMS), cases + 1
            held = float((start <= T).mean())
            middle = f"{np.median(start):,.0f}" if held > 0.5 else "never"
            noted = f"{int(plain['annotated_from'].sel(alpha=alpha))}"
            rows.append((f"{alpha:g}", f"{v:g}", f"{soon:.0%}", f"{held:.0%}", middle, noted))
    table_V = plain.isel(V=0)
    text = ", ".join(
        f"{when(table_V['sla_from'].sel(alpha=alpha).values, T).split(', ')[-1]} at alpha = {alpha:g}"
        for alpha in ALPHA
    )
    columns = (
        "alpha", "V (per kJ)", f"streams that hold alpha for good before {HUNDREDS:,}", f"by the end, {T:,}",
        "median request", "published annotation",
    )  # fmt: skip
    return Finding(
        "Time until the SLA holds",
        "MESS+ satisfies the SLA within some hundred requests and stays there.",
        verdict_of_cases(holds, cases - holds, cases),
        f"On requests calibrated to Winogrande ({published:,} requests in the benchmark, {T:,} here) alpha holds for "
        f"good before request {HUNDREDS:,} in at least {MOST_STREAMS:.0%} of the streams at {holds} of {cases} "
        f"combinations of alpha and V. At the V of the published table the median stream holds it from request {text} "
        "(a percentage: the share of streams that hold it at all).",
        (Number("combinations of alpha and V that hold the SLA within 1,000 requests", holds, f"of {cases}"),),
        Rows(columns, tuple(rows)),
    )


def _warm(result: Results) -> Finding:
    """Rule, at the largest V and for every alpha: the warm start leaves significantly less missing than the "
    "cold one."""
    warm = result["warm start"].sel(V=WARM_V[-1])
    names = [str(name) for name in warm["policy"].values if str(name) != PLAIN]
    rows, holds, fails, cases = [], 0, 0, 0
    for alpha in ALPHA:
        missing = {str(name): warm["violation"].sel(policy=name, alpha=alpha).values for name in warm["policy"].values}
        for name in names:
            less = comparison.difference(missing[PLAIN], missing[name])
            holds, fails, cases = holds + bool(less.lower > 0), fails + bool(less.upper < 0), cases + 1
            cells = (f"{missing[PLAIN].mean():+.4f}", f"{missing[name].mean():+.4f}")
            rows.append((f"{alpha:g}", name, *cells, comparison.formatted(less, 2)))
    at = {str(name): float(warm["violation"].sel(policy=name, alpha=MIDDLE).mean()) for name in warm["policy"].values}
    text = ", ".join(f"{value:+.4f} ({name})" for name, value in at.items())
    return Finding(
        "Warm start of the queue",
        "A queue that starts at V gamma_hat misses less of alpha than one that starts at 0.",
        verdict_of_cases(holds, fails, cases),
        f"At V = {WARM_V[-1]:g} per kJ and alpha = {MIDDLE:g} alpha - satisfaction at the end is {text}. A warm start "
        f"misses significantly less than a cold one at {holds} of {cases} combinations of alpha and known price.",
        (Number("combinations that miss less with a warm start", holds, f"of {cases}"),),
        Rows(("alpha", "warm start", "missing, cold", "missing, warm", "cold less warm"), tuple(rows)),
    )


def _readings(result: Results) -> Finding:
    """Rule: the mean of the running satisfaction differs significantly from the value at the end, on every "
    "benchmark."""
    both = result["benchmarks"].isel(V=0)
    rows, differs, means = [], 0, []
    for name in both["benchmark"].values:
        one = both.sel(benchmark=name).mean("c")
        end, running = one["satisfaction"].values, one["satisfaction_logged"].values
        gap = comparison.difference(running, end)
        differs += bool(gap.lower > 0 or gap.upper < 0)
        means.append(float(gap.mean))
        rows.append((str(name), f"{end.mean():.4f}", f"{running.mean():.4f}", comparison.formatted(gap, 2)))
    largest = max(means, key=abs)
    return Finding(
        "Satisfaction as the published code averages it",
        "The mean over requests of the running satisfaction, which the code of [M25] tabulates, differs from the "
        "satisfaction at the end.",
        verdict_of_cases(differs, 0, len(rows)),
        f"The two differ significantly on {differs} of {len(rows)} benchmarks, by {min(means):+.4f} to "
        f"{max(means):+.4f} "
        "(mean of the running satisfaction less the value at the end).",
        (
            Number("benchmarks on which the two differ significantly", differs, f"of {len(rows)}"),
            Number("largest difference", largest),
        ),
        Rows(("benchmark", "at the end", "mean of the running one", "difference"), tuple(rows)),
    )
