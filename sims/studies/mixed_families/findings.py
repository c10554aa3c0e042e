"""What the study concludes."""

from __future__ import annotations

import numpy as np
import xarray as xr

from messjax.statistics import intervals
from sims.common import comparison, other_zoos
from sims.common.finding import Finding, Number, Rows, Verdict, verdict_of_cases
from sims.common.study import Results
from sims.studies.mixed_families.figure import dominated_share
from sims.studies.mixed_families.runs import ALIKE, ORDERS, C

AVOIDED, RANDOM = 0.05, 0.5  # share of requests that is no use worth mentioning; that of uniform random selection
WEAKENED = ("without", "ignored")  # in the names of statements without what beta_M adds to them


def conclude(result: Results) -> list[Finding]:
    """Two: which models are chosen, and which statements need what beta_M adds to them."""
    return [_dominated(result), _statements(result["explored"].isel(gap=-1))]


def _dominated(result: Results) -> Finding:
    """Rule, for every learned head at its best V and the widest gap: the share sent to dominated models.

    supported: at most 5% for all heads. refuted: at least half, as with uniform random selection, for one. else partly.
    """
    one = result["chosen"].isel(gap=-1)
    shares, rows = {}, []
    for head in one["head"].values:
        at = one.sel(alike=ALIKE[0], head=head)
        settled = other_zoos.settle(at)
        shares[str(head)] = float(dominated_share(at, "chosen").sel(weight=settled.weight))
        cost = comparison.formatted(intervals.interval(settled.rest["cost_at_alpha"].values))
        level = comparison.formatted(intervals.interval(settled.rest["satisfaction"].values), 4)
        kept = "" if settled.kept else ", alpha kept at no V"
        rows.append((f"MESS+, {head}", f"{shares[str(head)]:.1%}", cost, f"{level}{kept}"))
    best = float(dominated_share(one.sel(alike=ALIKE[0]), "optimal_share"))
    rows.append(("C*", f"{best:.1%}", f"{float(one['optimal_cost'].values.ravel()[0]):.3g}", ""))
    rows.append(("LP mixture", "", f"{float(one['blind_cost'].values.ravel()[0]):.3g}", ""))
    learned = [share for head, share in shares.items() if "oracle" not in head]
    verdict: Verdict = "supported" if max(learned) <= AVOIDED else "refuted" if max(learned) >= RANDOM else "partly"
    return Finding(
        "Models that are no use in a zoo of mixed families",
        "MESS+ avoids models that another model beats at no higher cost.",
        verdict,
        f"Where the second family satisfies {float(one['gap']):g} less, two of four models are dominated. MESS+ with a "
        f"learned head sends {min(learned):.1%} to {max(learned):.1%} of the exploited requests to them, depending on "
        f"the head, the offline optimum {best:.1%} and uniform random selection {RANDOM:.0%}.",
        (
            Number("requests sent to dominated models, at most", 100 * max(learned), "%"),
            Number("the same of C*", 100 * best, "%"),
        ),
        Rows(("policy", "to dominated models", "cost at alpha", "satisfaction"), tuple(rows)),
    )


def _statements(wide: xr.Dataset) -> Finding:
    """Rule, per weakened statement: it is violated. A violated statement with all its terms refutes the claim."""
    verdicts = wide["verdict"]
    rows: list[tuple[str, ...]] = []
    broken: list[str] = []
    needed: list[str] = []
    for name in (str(each) for each in verdicts["statement"].values):
        cells = []
        for order in ORDERS:
            words = verdicts.sel(statement=name, order=order).values
            counts = zip(*np.unique(words, return_counts=True), strict=True)
            cells.append(", ".join(f"{count} {word}" for word, count in counts))
            if "violated" in words:
                (needed if any(word in name for word in WEAKENED) else broken).append(name)
        rows.append((name, *cells))
    over = [-float(wide["violation"].sel(order=order, policy="learned", c=C[1]).mean()) for order in ORDERS]
    weakened = {str(each) for each in verdicts["statement"].values if any(word in str(each) for word in WEAKENED)}
    verdict: Verdict = "refuted" if broken else verdict_of_cases(len(set(needed)), 0, len(weakened))
    text = f"{', '.join(sorted(set(needed)))} are violated" if needed else "none is violated"
    return Finding(
        "Statements where the explored requests fall short of alpha",
        "Where the model that serves explored requests falls short of alpha, T1 to T3 need the terms in beta_M.",
        verdict,
        f"At beta_M = {float(wide['beta_M'].sel(order=ORDERS[0])):+.2f} {len(set(broken))} of the statements with "
        f"these terms are violated. Of the statements without them {text}. At c = {C[1]:g} satisfaction - alpha is "
        f"{over[0]:+.4f} with the worse model serving what is explored and {over[1]:+.4f} with the best one.",
        (
            Number("weakened statements that are violated", len(set(needed))),
            Number("full statements that are violated", len(set(broken))),
        ),
        Rows(("statement", *(f"{order}, {len(C)} values of c" for order in ORDERS)), tuple(rows)),
    )
