"""What the study concludes."""

from __future__ import annotations

import xarray as xr

from messjax.statistics import intervals
from messjax.statistics.intervals import Interval
from sims.common import comparison
from sims.common.finding import Finding, Number, Rows, verdict_of_cases
from sims.common.study import Results
from sims.studies.exploration.runs import LEAST, MOST, cheapest, held_out, weight_label


def conclude(result: Results) -> list[Finding]:
    """Three: what a small c costs in the full ledger, what the exploit-only ledger prefers, what is still learned."""
    return [_cost(result), _ledgers(result), _learning(result)]


def cost_ratio(one: xr.Dataset, ledger: str) -> Interval:
    """Cost at the least published c over that at the largest one, paired over streams; of one V."""
    return comparison.ratio(one[ledger].sel(c=LEAST).values, one[ledger].sel(c=MOST).values)


def gain(dataset: xr.Dataset) -> Interval:
    """Log loss of the base rate less that of the predictor at the least published c, on held-out requests."""
    last = held_out(dataset)
    return intervals.interval((last["base_log_loss"] - last["log_loss"]).sel(c=LEAST).values)


def _points(result: Results) -> list[tuple[str, xr.Dataset]]:
    """Every world at every V shown."""
    return [(name, one.isel(V=V)) for name, one in result.items() for V in range(one.sizes["V"])]


def _cost(result: Results) -> Finding:
    """Rule: the full cost at alpha is significantly lower at c = 0.01 than at c = 1, in every world and at every V."""
    points = _points(result)
    ratios = [cost_ratio(one, "cost_at_alpha") for _, one in points]
    holds, fails = (
        sum(bool(x) for x in each) for each in zip(*((r.upper < 1, r.lower > 1) for r in ratios), strict=True)
    )
    name, first = next(iter(result.items()))
    share = first["explored"].isel(V=0).mean("stream") / first.attrs["horizon"]
    low, high = min(float(r.mean) for r in ratios), max(float(r.mean) for r in ratios)
    rows = [
        (
            world,
            weight_label(one),
            f"{float(one['explored'].sel(c=MOST).mean()) / one.attrs['horizon']:.1%}",
            f"{float(one['explored'].sel(c=LEAST).mean()) / one.attrs['horizon']:.2%}",
            comparison.formatted(ratio),
            " / ".join(str(one["sla"].sel(c=c).values) for c in (MOST, LEAST)),
        )
        for (world, one), ratio in zip(points, ratios, strict=True)
    ]
    columns = (
        "world",
        "V",
        "explored at c = 1",
        "at c = 0.01",
        "full cost at alpha, c = 0.01 over c = 1",
        "SLA at both",
    )
    return Finding(
        "Exploration constant c and the full cost",
        "A small c explores less and costs less at alpha in the full ledger.",
        verdict_of_cases(holds, fails, len(points)),
        f"From c = {MOST:g} to c = {LEAST:g} the share of explored requests goes from {float(share.sel(c=MOST)):.1%} "
        f"to {float(share.sel(c=LEAST)):.2%} ({name}). The full cost at alpha is significantly lower at the small c at "
        f"{holds} of {len(points)} combinations of world and V, and significantly higher at {fails}; its "
        f"ratio is {low:.2f} to {high:.2f}.",
        (
            Number("combinations with lower full cost at c = 0.01", holds, f"of {len(points)}"),
            Number("least cost ratio", low),
            Number("largest cost ratio", high),
        ),
        Rows(columns, tuple(rows)),
    )


def _ledgers(result: Results) -> Finding:
    """Rule: the same published c is the cheapest in both ledgers, chosen on half of the streams, at every point."""
    points, rows, agree = _points(result), [], 0
    worst = 1.0
    for name, one in points:
        full, exploit = cheapest(one, "cost"), cheapest(one, "cost_exploit")
        rest = one["cost_at_alpha"].isel(stream=slice(one.sizes["stream"] // 2, None)).mean("stream")
        agree += full == exploit
        extra = float(rest.sel(c=exploit) / rest.sel(c=full))
        worst = max(worst, extra)
        rows.append((name, weight_label(one), f"{full:g}", f"{exploit:g}", f"{extra:.2f}"))
    columns = ("world", "V", "cheapest c, full", "cheapest c, exploit-only", "full cost of the latter over the former")
    return Finding(
        "Choice of c by the exploit-only ledger",
        "The exploit-only ledger of [M25] prefers the same c as the full ledger.",
        verdict_of_cases(agree, len(points) - agree, len(points)),
        f"Of the published c the two ledgers prefer the same one at {agree} of {len(points)} combinations of world and "
        f"V. The c that the exploit-only ledger prefers costs up to {worst:.2f} times as much in full, because that "
        "ledger leaves out what exploration costs.",
        (
            Number("combinations where both ledgers agree", agree, f"of {len(points)}"),
            Number("largest extra cost of the exploit-only choice", worst, "times"),
        ),
        Rows(columns, tuple(rows)),
    )


def _learning(result: Results) -> Finding:
    """Rule: at c = 0.01 the predictor's held-out log loss is significantly below that of the base rate, in "
    "every world."""
    gains = {name: gain(one) for name, one in result.items()}
    holds, fails = sum(bool(g.lower > 0) for g in gains.values()), sum(bool(g.upper < 0) for g in gains.values())
    rows = []
    for name, one in result.items():
        last, loss = held_out(one), held_out(one)["log_loss"].mean("path")
        base = float(last["base_log_loss"].sel(c=LEAST).mean())
        losses = (f"{float(loss.sel(c=c)):.3f}" for c in (MOST, LEAST))
        rows.append((name, *losses, f"{base:.3f}", comparison.formatted(gains[name], 2)))
    columns = ("world", "log loss at c = 1", "at c = 0.01", "base rate at c = 0.01", "gain at c = 0.01")
    first, measured = next(iter(gains.items()))
    return Finding(
        "Learning under little exploration",
        "At a small c the predictor still learns: its held-out log loss is below that of the base rate.",
        verdict_of_cases(holds, fails, len(gains)),
        f"At c = {LEAST:g} the linear head beats the base rate in {holds} of {len(gains)} worlds and is worse than "
        f"it in {fails}. On {first} its gain is {comparison.formatted(measured, 2)} nat per model and request.",
        (
            Number("worlds with a predictor better than the base rate at c = 0.01", holds, f"of {len(gains)}"),
            Number(f"gain on {first}", float(measured.mean), "nat"),
        ),
        Rows(columns, tuple(rows)),
    )
