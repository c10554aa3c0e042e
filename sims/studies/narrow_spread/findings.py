"""What the study concludes."""

from __future__ import annotations

import numpy as np

from sims.common.finding import Finding, Number, Rows, verdict_of_cases
from sims.common.study import Results
from sims.studies.narrow_spread.runs import LEARNED, break_even, curve, possible


def conclude(result: Results) -> list[Finding]:
    """Two: what routing could save, and where exploration costs more than is saved."""
    return [_possible(result), _exploration(result)]


def _possible(result: Results) -> Finding:
    """Rule: what C* saves against the LP mixture grows from every spread to the next, for every set of requests."""
    saved = {name: possible(dataset, "blind_cost") for name, dataset in result.items()}
    holds = sum(bool((np.diff(each) > 0).all()) for each in saved.values())
    spread, first = result[LEARNED]["spread"].values, saved[LEARNED]
    rows = [(name, *(f"{x:.1f}%" for x in each)) for name, each in saved.items()]
    return Finding(
        "What routing can save as costs come closer together",
        "The closer the costs of a zoo lie together, the less routing can save.",
        verdict_of_cases(holds, len(saved) - holds, len(saved)),
        f"Against the mixture of models that looks at no request, the offline optimum C* saves {first[0]:.1f}% where "
        f"the most expensive model costs {spread[0]:g} times the cheapest one, and {first[-1]:.1f}% where it costs "
        f"{spread[-1]:g} times as much.",
        (
            Number(f"C* saves at spread {spread[0]:g}", float(first[0]), "%"),
            Number(f"C* saves at spread {spread[-1]:g}", float(first[-1]), "%"),
        ),
        Rows(("C* saves against the LP mixture", *(f"spread {x:g}" for x in spread)), tuple(rows)),
    )


def _exploration(result: Results) -> Finding:
    """Rule, for every predictor and c: MESS+ saves significantly at some spread, and loses significantly at the
    narrowest one.

    It fails where MESS+ saves at no spread or at the narrowest one as well.
    """
    rows, holds, fails, cases = [], 0, 0, 0
    for name, dataset in result.items():
        spread = dataset["spread"].values
        for c in dataset["c"].values:
            mean, low, high = curve(dataset.sel(c=c), "cost", "blind_cost")
            saves = spread[low > 0]
            cases += 1
            holds += bool(high[0] < 0 and saves.size)
            fails += bool(not saves.size or low[0] > 0)
            even = break_even(spread, mean)
            edge = f"{even:.2f}" if spread[0] < even else "none"
            where = f"{saves.min():g} to {saves.max():g}" if saves.size else "none"
            best = f"{mean.max():.1f}% at {spread[mean.argmax()]:g}"
            rows.append((name, f"{c:g}", where, edge, f"{mean[0]:.1f}%", best, f"{mean[-1]:.1f}%"))
    widest, narrow = result[LEARNED]["spread"].values[-1], result[LEARNED]["spread"].values[0]
    columns = ("predictor", "c", "saves at spreads", "break-even", f"at {narrow:g}", "best", f"at {widest:g}")
    learned = curve(result[LEARNED].sel(c=0.1), "cost", "blind_cost")[0]
    return Finding(
        "Exploration against what routing saves",
        "At a narrow spread of costs exploration costs more than routing saves.",
        verdict_of_cases(holds, fails, cases),
        f"With a learned head and c = 0.1, MESS+ saves {learned[0]:.1f}% against the LP mixture at spread {narrow:g} "
        f"and at most {learned.max():.1f}%, at spread {result[LEARNED]['spread'].values[learned.argmax()]:g}. A loss "
        f"at the narrowest spread that turns into a saving at wider ones is seen for {holds} of {cases} combinations "
        f"of predictor and c; in {fails} MESS+ saves at no spread, or at the narrowest one as well.",
        (
            Number("combinations of predictor and c with a break-even spread", holds, f"of {cases}"),
            Number(f"saving at spread {narrow:g}, learned head, c = 0.1", float(learned[0]), "%"),
            Number("largest saving, learned head, c = 0.1", float(learned.max()), "%"),
        ),
        Rows(columns, tuple(rows)),
    )
