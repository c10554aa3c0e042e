"""What the study concludes."""

from __future__ import annotations

import numpy as np

from messjax.statistics import intervals
from messjax.statistics.intervals import Interval
from sims.common import comparison, routers
from sims.common.finding import Finding, Number, Rows, verdict_of_interval
from sims.common.study import Results
from sims.studies.cheaper_than_routers.runs import (
    ALL_PAID,
    BEST,
    EXPLOIT,
    FULL,
    TABLE,
    TWICE,
    limits_of,
    median,
    shared,
    twice,
)


def conclude(result: Results) -> list[Finding]:
    """One per ledger. Rule: the geometric mean of the published baselines' cost ratios, over worlds, is at least 2."""
    return [_exploit_only(result), _full(result)]


def average(result: Results, ledger: str, ours: str = BEST) -> Interval:
    """Geometric mean over worlds and published baselines of their cost at alpha over that of MESS+, 95% over worlds."""
    logs = [[np.log(limits_of(d, name, ledger, ours)[0]) for name in routers.PUBLISHED] for d in result.values()]
    each = np.nanmean(np.array(logs), axis=1)
    each = each[np.isfinite(each)]
    if len(each) < 2:  # one world has no interval over worlds
        return Interval(np.exp(each.mean()), np.nan, np.nan, 0.95, len(each))
    measured = intervals.interval(each)
    return measured._replace(mean=np.exp(measured.mean), lower=np.exp(measured.lower), upper=np.exp(measured.upper))


def _exploit_only(result: Results) -> Finding:
    ratio, at_table = average(result, EXPLOIT), average(result, EXPLOIT, TABLE)
    return Finding(
        "Cost against routers in the exploit-only ledger",
        "Where exploration is not charged, as in [M25], existing routers cost at least twice what MESS+ costs at the "
        "same alpha.",
        verdict_of_interval(ratio, TWICE),
        f"Over {len(result)} worlds the baselines of [M25] (educated guess, RouteLLM and RouterDC) cost on average "
        f"{comparison.formatted(ratio)} times what MESS+ costs at its best published setting in this ledger. At the V "
        f"of the published table the average is {comparison.formatted(at_table)}.",
        (
            Number("baselines over MESS+, exploit-only", float(ratio.mean), "times"),
            Number("at the V of the published table", float(at_table.mean), "times"),
            Number("worlds", len(result)),
        ),
        _table(result, (EXPLOIT,)),
    )


def _full(result: Results) -> Finding:
    ratio, with_prefix = average(result, FULL), average(result, ALL_PAID)
    kept = sum(str(dataset["sla"].sel(policy=BEST).values) == comparison.KEPT for dataset in result.values())
    mixed = median(result, routers.MIXTURE, FULL) if routers.MIXTURE in shared(result) else np.nan
    return Finding(
        "Cost against routers in the full ledger",
        "Where every call is charged, existing routers cost at least twice what MESS+ costs at the same alpha.",
        verdict_of_interval(ratio, TWICE),
        f"Over {len(result)} worlds the baselines of [M25] cost on average {comparison.formatted(ratio)} times what "
        f"MESS+ costs at its best published setting; with the calls that trained them charged to the trained ones the "
        f"average is {comparison.formatted(with_prefix)}. The mixture of models that looks at no request (LP mixture) "
        f"costs {mixed:.2f} times as much as MESS+ in the median world. MESS+ kept alpha in {kept} of {len(result)} "
        "worlds.",
        (
            Number("baselines over MESS+, full ledger", float(ratio.mean), "times"),
            Number("with the baselines' training charged", float(with_prefix.mean), "times"),
            Number("LP mixture over MESS+", float(mixed), "times"),
        ),
        _table(result, (FULL, ALL_PAID)),
    )


def _table(result: Results, ledgers: tuple[str, ...]) -> Rows:
    heads = [f"{what}, {ledger}" for ledger in ledgers for what in ("median ratio", "worlds significantly at least 2")]
    rows = []
    for name in shared(result):
        cells = [
            text
            for ledger in ledgers
            for text in (f"{median(result, name, ledger):.2f}", f"{len(twice(result, name, ledger))} of {len(result)}")
        ]
        rows.append((name, *cells))
    return Rows(("policy, its cost at alpha over that of MESS+", *heads), tuple(rows))
