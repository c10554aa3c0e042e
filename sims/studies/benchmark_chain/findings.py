"""What the study concludes."""

from __future__ import annotations

import numpy as np
import xarray as xr

from messjax.meters import path_audit
from messjax.statistics import intervals
from sims.common import comparison
from sims.common.finding import Finding, Number, Rows, Verdict, verdict_of_cases
from sims.common.study import Results
from sims.studies.benchmark_chain import streams as chain_streams
from sims.studies.benchmark_chain.runs import LEARNED, below
from sims.studies.benchmark_chain.streams import SHUFFLED

CHAINS = ("three", "eight")


def conclude(result: Results) -> list[Finding]:
    """Three: alpha over the whole length, alpha on each benchmark, and what the theory says of such streams."""
    chains = {name: result[name] for name in CHAINS if name in result}
    return [_whole(chains), _each(chains, result), _theory(chains, result)]


def _at(dataset: xr.Dataset) -> xr.Dataset:
    """The learned head at the largest alpha and the middle V."""
    return dataset.isel(alpha=-1, V=1).sel(policy=LEARNED)


def _whole(chains: Results) -> Finding:
    """Rule: alpha is kept over the whole length at every combination of chain, order, predictor, V and alpha."""
    words = np.concatenate([dataset["sla"].values.ravel() for dataset in chains.values()])
    kept, missed = int((words == comparison.KEPT).sum()), int((words == comparison.MISSED).sum())
    short = max(float(dataset["violation"].mean("stream").max()) for dataset in chains.values())
    rows, ratios = [], []
    for name, dataset in chains.items():
        mixed = _at(dataset).sel(order=SHUFFLED)["cost"].values
        for order in dataset["order"].values:
            one = _at(dataset).sel(order=order)
            times = comparison.ratio(one["cost"].values, mixed)
            ratios.append(float(times.mean))
            text = "1" if order == SHUFFLED else comparison.formatted(times)
            level = comparison.formatted(intervals.interval(one["satisfaction"].values), 4)
            cost = f"{float(one['cost'].mean()):.3g}"
            rows.append((name, str(order), f"{float(one['alpha']):g}", level, str(one["sla"].values), cost, text))
    columns = ("benchmarks", "order", "alpha", "satisfaction", "SLA", "cost (kJ per request)", "cost over shuffled")
    V = float(_at(next(iter(chains.values())))["V"])
    return Finding(
        "SLA on benchmarks one after another",
        "On benchmarks served one after another MESS+ keeps alpha over the whole length.",
        verdict_of_cases(kept, missed, words.size),
        f"MESS+ kept alpha at {kept} of {words.size} combinations of chain, order, predictor, V and alpha and missed "
        f"it at {missed}, by at most {short:.4f}. Change has its price: with a head learned online at V = {V:g} per kJ "
        f"the same requests cost up to {max(ratios):.2f} times as much in blocks as shuffled.",
        (
            Number("combinations that kept alpha", kept, f"of {words.size}"),
            Number("largest shortfall", max(0.0, short)),
            Number("largest cost over that of the shuffled requests", max(ratios), "times"),
        ),
        Rows(columns, tuple(rows)),
    )


def _each(chains: Results, result: Results) -> Finding:
    """Rule: for every chain and order alpha is kept over the whole, and significantly not on at least one benchmark."""
    rows, holds, fails = [], 0, 0
    for name, dataset in chains.items():
        for order in dataset["order"].values:
            one = _at(dataset).sel(order=order)
            under, kept = below(one), str(one["sla"].values) == comparison.KEPT
            holds += bool(kept and under.any())
            fails += bool(kept and not under.any())
            level = one["part"].mean("stream")
            least = f"{float(level.min()):.3f} ({one['benchmark'].values[int(level.values.argmin())]!s})"
            names = ", ".join(str(each) for each in one["benchmark"].values[under]) or "none"
            rows.append((name, str(order), f"{float(one['alpha']):g}", least, names))
    text = ""
    if "MMLU" in result:
        one = result["MMLU"].isel(alpha=0, V=0)
        spread = [
            float(chain_streams.windows(one.sel(order=order), "satisfaction").std("t").mean())
            for order in one["order"].values
        ]
        text = (
            f" On the labels of MMLU the satisfaction of successive windows varies with a standard deviation of "
            f"{spread[0]:.3f} subject by subject and {spread[1]:.3f} shuffled."
        )
    columns = ("benchmarks", "order", "alpha", "least satisfaction", "benchmarks below alpha")
    most = max(int(below(_at(d).sel(order=o)).sum()) for d in chains.values() for o in d["order"].values)
    return Finding(
        "SLA on each benchmark of a chain",
        "A run that keeps alpha over its whole length may stay below alpha on some of its benchmarks.",
        verdict_of_cases(holds, fails, len(rows)),
        f"In {holds} of {len(rows)} chains and orders the run keeps alpha while at least one benchmark is "
        f"significantly below "
        f"it, up to {most} of them: what easy benchmarks satisfy beyond alpha pays for hard ones.{text}",
        (
            Number("chains and orders with a benchmark below alpha", holds, f"of {len(rows)}"),
            Number("most benchmarks below alpha", most),
        ),
        Rows(columns, tuple(rows)),
    )


def _theory(chains: Results, result: Results) -> Finding:
    """Rule: refuted where a request breaks L1 to L4 or T5 is violated; else, per check of T5, it holds."""
    failed = sum(sum(path_audit.failures(dataset).values()) for dataset in chains.values())
    worst = max(float(dataset["excess"].max()) for dataset in result.values())
    names = [str(each) for each in next(iter(chains.values()))["statement"].values]
    counts, rows = {}, []
    for statement in names:
        words = np.concatenate([d["verdict"].sel(statement=statement).values.ravel() for d in chains.values()])
        counts[statement] = {word: int((words == word).sum()) for word in np.unique(words)}
        rows.append((statement, str(words.size), ", ".join(f"{n} {word}" for word, n in counts[statement].items())))
    regret = [each for name, each in counts.items() if name.startswith("T5")]
    holds, checks = sum(each.get("holds", 0) for each in regret), sum(sum(each.values()) for each in regret)
    broken = failed or any(each.get("violated") for each in regret)
    verdict: Verdict = "refuted" if broken else verdict_of_cases(holds, 0, checks)
    exceeded = [f"{name} at {each['violated']}" for name, each in counts.items() if each.get("violated")]
    text = f" Evaluated all the same, these are exceeded: {', '.join(exceeded)} combinations." if exceeded else ""
    return Finding(
        "Theory on streams that change",
        "L1 to L4 hold on every path of a changing stream, and T5 holds with the distribution of the whole.",
        verdict,
        f"L1 to L4 and the reflection of the queue fail at {failed} requests, and L1 over a window is exceeded by "
        f"{max(0.0, worst):.0e} at most, which is rounding. T1 and T2 assume i.i.d. requests and claim "
        f"nothing here.{text}",
        (
            Number("requests at which L1 to L4 fail", failed),
            Number("combinations at which T5 is violated", sum(each.get("violated", 0) for each in regret)),
        ),
        Rows(("statement", "combinations", "outcome"), tuple(rows)),
    )
