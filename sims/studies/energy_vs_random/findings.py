"""What the study concludes."""

from __future__ import annotations

import xarray as xr

from sims.common import comparison
from sims.common.finding import Finding, Number, Rows, verdict_of_cases
from sims.common.study import Results
from sims.studies.energy_vs_random.runs import CLAIMED, LEDGERS, MIXTURE, UNIFORM, is_own_alpha, share
from sims.studies.energy_vs_random.tables import plus_minus

ALIKE = ", alike"  # ends the name of a world whose models differ alike on every request
NAMES = {"full": "the full ledger", "exploit only": "the exploit-only ledger"}


def conclude(result: Results) -> list[Finding]:
    """One per ledger, about the workshop's own worlds.

    Rule: the claim holds in a world where uniform random selection takes significantly 2.5 times the energy of MESS+
    at some alpha that MESS+ does not miss; it fails where there is no such alpha.
    """
    return [_finding(result, ledger) for ledger in LEDGERS]


def _finding(result: Results, ledger: str) -> Finding:
    shown = {name: dataset for name, dataset in result.items() if ALIKE not in name}
    workshop = {name: dataset for name, dataset in shown.items() if " to 1" in name}
    reached = {name: reach(dataset, ledger) for name, dataset in workshop.items()}
    holds = sum(far >= 0 for far in reached.values())
    own = {name: at_own(dataset, ledger) for name, dataset in workshop.items()}
    means = [float(ratio[0]) for ratio in own.values()]
    blind = max(0.0, *(dataset.attrs["break_even"] for dataset in workshop.values()))
    farthest = max(reached.values())
    where = (
        f", for an alpha at most {farthest:.0%} of the way from the cheapest model's satisfaction to the best one's"
        if farthest >= 0
        else ""
    )
    return Finding(
        f"Energy against random selection in {NAMES[ledger]}",
        f"MESS+ is up to 2.5 times more energy efficient than uniform random selection of models ([M24]), in "
        f"{NAMES[ledger]}.",
        verdict_of_cases(holds, len(workshop) - holds, len(workshop)),
        f"At the workshop's own thresholds uniform random selection takes {min(means):.2f} to {max(means):.2f} times "
        f"the energy of MESS+. A factor of 2.5 is reached in {holds} of {len(workshop)} of its worlds{where}. The "
        f"mixture of models that looks at no request reaches 2.5 up to {blind:.0%} of the way.",
        (
            Number("worlds that reach 2.5 at some alpha", holds, f"of {len(workshop)}"),
            Number("random over MESS+ at the workshop's alpha", max(means), "times at most"),
            Number("2.5 by a mixture that looks at no request, up to", 100 * blind, "% of the way"),
        ),
        _table(shown, ledger),
    )


def _table(shown: Results, ledger: str) -> Rows:
    rows = []
    for name, dataset in shown.items():
        own = next(alpha for alpha in dataset["alpha"].values if is_own_alpha(dataset, alpha))
        energy = dataset["energy"].sel(alpha=own).mean("stream")
        mixed = float(energy.sel(rival=UNIFORM) / energy.sel(rival=MIXTURE))
        far = reach(dataset, ledger)
        text = f"up to {far:.0%} of the way" if far >= 0 else "nowhere"
        rows.append((name, f"{own:g}", plus_minus(at_own(dataset, ledger)), f"{mixed:.2f}", text))
    columns = ("world", "its alpha", "random / MESS+", "random / LP mixture", f"MESS+ reaches {CLAIMED:g}")
    return Rows(columns, tuple(rows))


def at_own(dataset: xr.Dataset, ledger: str) -> xr.DataArray:
    """Mean and limits of the energy of uniform random over that of MESS+, at the source's alpha."""
    own = next(alpha for alpha in dataset["alpha"].values if is_own_alpha(dataset, alpha))
    return dataset["ratio"].sel(alpha=own, basis="plain", rival=UNIFORM, ledger=ledger)


def reach(dataset: xr.Dataset, ledger: str) -> float:
    """Up to which share of the way 2.5 is significantly reached and alpha not missed; -1 where nowhere."""
    lower = dataset["ratio"].sel(rival=UNIFORM, ledger=ledger, basis="plain", limit="lower")
    good = (lower.values >= CLAIMED) & (dataset["sla"].sel(ledger=ledger).values != comparison.MISSED)
    return max([share(dataset, alpha) for alpha in dataset["alpha"].values[good]], default=-1.0)
