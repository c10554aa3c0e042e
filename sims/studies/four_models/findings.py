"""What the study concludes."""

from __future__ import annotations

import xarray as xr

from messjax.statistics import intervals
from sims.common import comparison, other_zoos
from sims.common.finding import Finding, Number, Rows, verdict_of_cases
from sims.common.study import Results
from sims.studies.four_models.runs import LEARNED, ORACLE, OWN


def conclude(result: Results) -> list[Finding]:
    """Two: whether alpha is kept, and whether all models are used."""
    shown = {name: dataset.isel(alpha=-1) for name, dataset in result.items()}
    return [_sla(shown), _models(shown)]


def _sla(shown: Results) -> Finding:
    """Rule: kept with the learned head at every V, at the published alpha, on the long streams of every world."""
    words = [str(word) for at in shown.values() for word in at["sla"].sel(run=LEARNED).values]
    kept, missed = words.count(comparison.KEPT), words.count(comparison.MISSED)
    T = int(next(iter(shown.values()))["T"].sel(run=LEARNED))
    largest = [kept_up_to(at, LEARNED) for at in shown.values()]
    rows = []
    for name, at in shown.items():
        for run in (OWN, LEARNED, ORACLE):
            one = at.sel(run=run)
            settled = other_zoos.settle(one)
            cost = comparison.formatted(intervals.interval(settled.rest["cost_at_alpha"].values))
            limit = kept_up_to(at, run)
            rows.append(
                (
                    name,
                    f"{run.split(',')[0]}, {int(one['T']):,} requests",
                    f"w <= {limit:g}" if limit > 0 else "at no V",
                    f"{cost} at w = {settled.weight:g}",
                    f"{float(at['blind_cost']):.3g}",
                    f"{float(at['optimal_cost']):.3g}",
                )
            )
    columns = ("world", "predictor", "alpha kept for", "cost at alpha of the best V", "LP mixture", "C*")
    return Finding(
        "SLA with four models of one family",
        "With the four Qwen models of [M25] MESS+ keeps alpha.",
        verdict_of_cases(kept, missed, len(words)),
        f"With a head learned online and {T:,} requests MESS+ kept alpha at {kept} of {len(words)} combinations of "
        f"world and V and missed it at {missed}. It was kept up to w = V (E_M - E_1) = {min(largest):g} to "
        f"{max(largest):g}, depending on the world; beyond that the queue is still climbing when the stream ends.",
        (
            Number("combinations of world and V that kept alpha", kept, f"of {len(words)}"),
            Number("largest w that kept alpha in every world", min(largest)),
        ),
        Rows(columns, tuple(rows)),
    )


def kept_up_to(at: xr.Dataset, run: str) -> float:
    """The largest weight at which alpha was kept, 0 where at none."""
    one = at.sel(run=run)
    return float(max(one["weight"].values[one["sla"].values == comparison.KEPT], default=0.0))


def _models(shown: Results) -> Finding:
    """Rule: at some V every model serves at least 5% of the exploited requests, in every world, with a learned head."""
    rows, all_used = [], 0
    for name, at in shown.items():
        for run in (LEARNED, ORACLE):
            used = (at.sel(run=run)["chosen"] >= other_zoos.USED).sum("model")
            together = at["weight"].values[used.values == at.sizes["model"]]
            all_used += bool(together.size) and run == LEARNED
            where = f"w = {together.min():g} to {together.max():g}" if together.size else "at no V"
            best = int((at["optimal_share"] >= other_zoos.USED).sum())
            rows.append((name, run, where, str(int(used[-1])), str(best)))
    columns = (
        "world",
        "predictor",
        f"all {next(iter(shown.values())).sizes['model']} used",
        "used at the largest V",
        "C*",
    )
    return Finding(
        "Use of all models as V changes",
        "As V changes MESS+ uses all four models.",
        verdict_of_cases(all_used, len(shown) - all_used, len(shown)),
        f"A model counts as used where it serves at least {other_zoos.USED:.0%} of the exploited requests. With a "
        f"learned head there are V at which all four are used in {all_used} of {len(shown)} worlds. The offline "
        "optimum uses fewer, as the table shows.",
        (Number("worlds in which all four are used at some V", all_used, f"of {len(shown)}"),),
        Rows(columns, tuple(rows)),
    )
