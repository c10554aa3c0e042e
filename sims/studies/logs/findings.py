"""What the study concludes."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sims.common.finding import Finding, Number, Rows, verdict_of_cases
from sims.common.study import Results
from sims.studies.logs import tables
from sims.studies.logs.frozen import PAIR, ROUTER
from sims.studies.logs.learned import BOOTSTRAP, SINGLE
from sims.studies.logs.runs import USABLE

SURE = 4.0  # standard errors that a mean of replications may be off


def conclude(result: Results) -> list[Finding]:
    """Four: bias, coverage, policies that learn, and what is identifiable."""
    return [_bias(result["frozen"]), _coverage(result["frozen"]), _learned(result), _identifiable(result)]


def z_of(dataset: xr.Dataset) -> xr.DataArray:
    """Mean error over its standard error, by case."""
    error = dataset["estimate"] - dataset["truth"]
    spread = error.std("replication", ddof=1) / np.sqrt(error.sizes["replication"])
    return error.mean("replication") / spread.where(spread > 1e-12)


def _bias(dataset: xr.Dataset) -> Finding:
    """Rule: the mean error of dr and ips is within four standard errors, for every router, policy and outcome."""
    z = z_of(dataset).sel(estimator=["dr", "ips"])
    known = z.values[np.isfinite(z.values)]
    holds = int((np.abs(known) <= SURE).sum())
    error = dataset["estimate"] - dataset["truth"]
    shown = error.sel(policy=ROUTER, outcome="satisfaction")
    rows = [
        (
            str(logger),
            *(
                f"{float(one.mean()):+.4f} ({np.sqrt(float((one**2).mean())):.4f})"
                for one in (shown.sel(logger=logger, estimator=name) for name in dataset["estimator"].values)
            ),
        )
        for logger in dataset["logger"].values
    ]
    worst = float(np.abs(known).max())
    dm = float(np.abs(shown.sel(estimator="dm").mean("replication")).max())
    return Finding(
        "Bias of estimates from decision logs",
        "IPS and the doubly robust estimator are unbiased, whichever router wrote the log.",
        verdict_of_cases(holds, len(known) - holds, len(known)),
        f"Over {error.sizes['replication']:,} logs of {dataset.attrs['length']:,} requests the mean error of IPS and "
        f"DR is within {SURE:g} standard errors at {holds} of {len(known)} combinations of logging router, policy and "
        f"outcome; the largest is {worst:.1f}. The direct method is biased by up to {dm:.3f} of satisfaction for the "
        "router. The table has the bias and, in parentheses, the root mean square error of the router's satisfaction.",
        (Number("combinations without bias", holds, f"of {len(known)}"), Number("largest bias of dm", dm)),
        Rows(("router of the log", *map(str, dataset["estimator"].values)), tuple(rows)),
    )


def _holds(hits: xr.DataArray, level: float) -> bool:
    """Whether the coverage may be nominal: the upper Clopper-Pearson limit is not below it."""
    return bool(tables.clopper_pearson(hits).upper >= level)


def _coverage(dataset: xr.Dataset) -> Finding:
    """Rule: the 95% upper limit of the coverage is at least the level, for every router, policy, outcome, interval."""
    level = dataset.attrs["level"]
    rows, holds, cases = [], 0, 0
    for logger in dataset["logger"].values:
        row = [str(logger)]
        for kind in dataset["interval"].values:
            one = dataset.sel(logger=logger, interval=kind)
            flat = one["covered"].stack(case=("policy", "outcome"))
            good = [_holds(flat.isel(case=k), level) for k in range(flat.sizes["case"])]
            holds, cases = holds + sum(good), cases + len(good)
            half = float(one["half"].sel(policy=ROUTER, outcome="satisfaction").mean())
            row.append(f"{float(tables.worst(one['covered']).mean()):.3f} (half width {half:.2g})")
        rows.append(tuple(row))
    t = dataset["covered"].sel(interval="t").mean("replication")
    least = t.min(("policy", "outcome"))
    where = str(least["logger"].values[int(np.argmin(least.values))])
    pair = dataset["half"].sel(interval="t", outcome="satisfaction").mean("replication")
    narrower = float((pair.sel(policy=PAIR) / np.hypot(pair.sel(policy=ROUTER), pair.sel(policy="static mixture")))[0])
    return Finding(
        "Limits of policies that do not change",
        "Student t, empirical Bernstein and betting intervals cover the truth as often as they say.",
        verdict_of_cases(holds, cases - holds, cases),
        f"At {holds} of {cases} combinations of logging router, policy, outcome and interval the coverage in "
        f"{dataset.sizes['replication']:,} replications is not shown to be below {level:g}. Student's t covers least "
        f"on logs by {where} ({float(least.min()):.3f}): single requests with small propensities decide the estimate. "
        f"The limits of a paired difference are {narrower:.2f} times those of independent ones (uniform logs). The "
        "table has the least coverage over policies and outcomes, and the half width of the router's satisfaction.",
        (
            Number("combinations that cover", holds, f"of {cases}"),
            Number("least coverage of Student's t", float(least.min())),
            Number("paired over independent width", narrower),
        ),
        Rows(("router of the log", *map(str, dataset["interval"].values)), tuple(rows)),
    )


def _learned(result: Results) -> Finding:
    """Rule: the coverage of the bootstrap limits is not shown to be below the level, for every log and outcome."""
    rows, holds, cases, single = [], 0, 0, []
    for label, one in tables.learned_worlds(result):
        for outcome in one["outcome"].values:
            at = one.sel(outcome=outcome)
            holds, cases = holds + _holds(at["covered"].sel(interval=BOOTSTRAP), one.attrs["level"]), cases + 1
            single.append(float(at["covered"].sel(interval=SINGLE).mean()))
            cells = []
            for kind in (SINGLE, BOOTSTRAP):
                here = at.sel(interval=kind)
                cells += [f"{float(here['covered'].mean()):.3f}", f"{float(here['half'].mean()):.3g}"]
            spread = float(at["estimate"].std("replication", ddof=1))
            bias = f"{float((at['estimate'] - at['truth']).mean()):+.2g}"
            rows.append((label, str(outcome), f"{float(at['truth']):.4g}", bias, f"{spread:.2g}", *cells))
    columns = ("log", "outcome", "truth", "bias", "deviation", f"{SINGLE}: coverage", "half width")
    return Finding(
        "Limits of policies that learn",
        "From one log the mean over runs of MESS+ that learns is told, with limits that cover it as often as they say.",
        verdict_of_cases(holds, cases - holds, cases),
        f"The limits from bootstrap samples cover at least nominally at {holds} of {cases} combinations of log and "
        f"outcome. Those of a single run, which value what it happened to learn, cover the mean over runs in "
        f"{min(single):.1%} of the replications at worst.",
        (
            Number("combinations that cover", holds, f"of {cases}"),
            Number("least coverage of the limits of one run", min(single)),
        ),
        Rows((*columns, f"{BOOTSTRAP}: coverage", "half width "), tuple(rows)),
    )


def _identifiable(result: Results) -> Finding:
    """Rule: every policy that does not change is covered on every request, and MESS+ accepts at least 2%."""
    dataset = result["identifiable"]
    fixed = dataset["share"].isel(policy=slice(0, -1))
    covered, learns = (fixed >= 1 - 1e-9).all("policy"), dataset["share"].isel(policy=-1) >= USABLE
    good = covered & learns
    holds = int(good.sum())
    rows = [
        (str(logger), *(f"{float(each):.3f}" for each in dataset["share"].sel(logger=logger).values))
        for logger in dataset["logger"].values
    ]
    named = ", ".join(str(each) for each in dataset["logger"].values[good.values])
    bad = ", ".join(str(each) for each in dataset["logger"].values[~covered.values])
    return Finding(
        "Which log identifies which router",
        "A log identifies every router, also one that learns.",
        verdict_of_cases(holds, len(good) - holds, len(good)),
        f"Logs by {named} identify everything that was tried. Those by {bad} do not: their router never chooses some "
        f"models. Of a policy that learns a replay accepts a share of the requests that is the least propensity: below "
        f"{USABLE:.0%} too little is left to learn from.",
        (Number("logging routers that identify every policy", holds, f"of {len(good)}"),),
        Rows(("router of the log", *map(str, dataset["policy"].values)), tuple(rows)),
    )
