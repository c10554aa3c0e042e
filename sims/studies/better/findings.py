"""What the study concludes."""

from __future__ import annotations

import numpy as np

from sims.common import comparison
from sims.common.finding import Finding, Number, Rows, verdict_of_cases
from sims.common.study import Results
from sims.studies.better.tables import (
    OURS,
    PLAIN,
    PUBLISHED,
    TERMS,
    against_blind,
    better,
    ratio,
    shares,
    shrank,
    sla,
)


def conclude(result: Results) -> list[Finding]:
    """Three: whether ours cost less, what the saving consists of, and whether MESS+ beats mixing blindly."""
    return [_cheaper(result), _terms(result), _blind(result)]


def _cheaper(result: Results) -> Finding:
    """Rule, per world, on fresh streams: ours keeps alpha and costs significantly less; it fails where it does "
    "significantly not."""
    won = [name for name, dataset in result.items() if better(dataset)]
    lost = [
        name
        for name, dataset in result.items()
        if sla(dataset, OURS) == comparison.MISSED or float(ratio(dataset, OURS).lower) > 1.0
    ]
    means = {name: float(ratio(dataset, OURS).mean) for name, dataset in result.items()}
    low, high = min(means, key=means.__getitem__), max(means, key=means.__getitem__)
    plain = sum(better(dataset, PLAIN) for dataset in result.values())
    exploit = sum(float(ratio(dataset, OURS, "cost_exploit").upper) < 1.0 for dataset in result.values())
    rows = [
        (
            name,
            str(dataset["who"].values[OURS]),
            comparison.formatted(ratio(dataset, OURS)),
            sla(dataset, OURS),
            comparison.formatted(ratio(dataset, PLAIN)),
            comparison.formatted(ratio(dataset, OURS, "cost_exploit")),
        )
        for name, dataset in result.items()
    ]
    columns = (
        "world",
        "our policy",
        "cost over published",
        "SLA",
        "the same, nothing known beforehand",
        "exploit-only",
    )
    return Finding(
        "Cheaper policies than MESS+ as published",
        "Wherever MESS+ at its published settings meets the SLA, a policy of ours meets it at lower cost in the full "
        "ledger.",
        verdict_of_cases(len(won), len(lost), len(result)),
        f"In {len(won)} of {len(result)} worlds a policy of ours keeps alpha and costs significantly less than "
        f"MESS+ at its "
        f"best published setting. Its cost is {means[low]:.2f} ({low}) to {means[high]:.2f} ({high}) times the "
        f"published one. A policy that knows no more beforehand than MESS+ does is cheaper in {plain} worlds, and in "
        f"the exploit-only ledger ours is cheaper in {exploit}.",
        (
            Number("worlds in which ours is cheaper", len(won), f"of {len(result)}"),
            Number("least cost ratio", means[low]),
            Number("largest cost ratio", means[high]),
        ),
        Rows(columns, tuple(rows)),
    )


def _terms(result: Results) -> Finding:
    """Rule, per world with a known distribution: of the terms of T2 exploration shrank most."""
    known = {name: dataset for name, dataset in result.items() if not dataset.attrs["recorded"]}
    saved = {name: shares(dataset) for name, dataset in known.items()}
    most = {name: shrank(dataset)[0] for name, dataset in known.items()}
    holds = sum(term == "exploration" for term in most.values())
    mean = {label: float(np.mean([each[key] for each in saved.values()])) for key, label in TERMS.items()}
    rows = [(name, *(f"{each[key]:.0%}" for key in TERMS), most[name]) for name, each in saved.items()]
    text = ", ".join(f"{share:.0%} {label}" for label, share in mean.items())
    return Finding(
        "Where the savings come from",
        "Most of what our policies save is what exploration costs.",
        verdict_of_cases(holds, len(known) - holds, len(known)),
        f"The cost above C* is split without a rest into the terms of T2. On average over {len(known)} worlds the "
        f"saving consists of {text}. Exploration is the term that shrinks most in {holds} of them.",
        (
            Number("saved by less exploration", 100 * mean["exploration"], "%"),
            Number("saved by better prediction", 100 * mean["prediction"], "%"),
            Number("saved by control of the queue", 100 * mean["control"], "%"),
        ),
        Rows(("world", *TERMS.values(), "shrank most"), tuple(rows)),
    )


def _blind(result: Results) -> Finding:
    """Rule, per world: the best published setting costs significantly less than mixing models blindly at alpha."""
    published = {name: against_blind(dataset, PUBLISHED) for name, dataset in result.items()}
    ours = {name: against_blind(dataset, OURS) for name, dataset in result.items()}
    less, more = (sum(sign == want for sign in published.values()) for want in (-1, 1))
    words = {-1: "less", 0: "not shown to differ", 1: "more"}
    rows = [(name, words[published[name]], words[ours[name]]) for name in result]
    return Finding(
        "MESS+ as published against mixing blindly",
        "MESS+ at its best published setting costs less than mixing models without looking at the requests.",
        verdict_of_cases(less, more, len(result)),
        f"In the full ledger the best published setting costs significantly less than the blind mixture at alpha "
        f"in {less} of "
        f"{len(result)} worlds and significantly more in {more}. Our policies cost significantly less in "
        f"{sum(sign == -1 for sign in ours.values())}.",
        (
            Number("worlds in which MESS+ as published beats blind mixing", less, f"of {len(result)}"),
            Number("worlds in which it costs more", more),
        ),
        Rows(("world", "MESS+ as published costs", "ours costs"), tuple(rows)),
    )
