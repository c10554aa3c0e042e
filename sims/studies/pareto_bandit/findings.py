"""What the study concludes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr

from messjax.statistics import intervals
from messjax.statistics.intervals import Interval
from sims.common.finding import Finding, Number, verdict_of_cases
from sims.common.study import Results
from sims.studies.pareto_bandit import published, tables
from sims.studies.pareto_bandit.courses import DEGRADED, DRIFT, LIST_PRICE_CUT, ONBOARDING
from sims.studies.pareto_bandit.court import CEILING, FLOOR, FROZEN, MESS_PLUS, MIX, PARETO, SPENDING, TUNED
from sims.studies.pareto_bandit.requests import FLASH, LLAMA, OWN, PRO
from sims.studies.pareto_bandit.runs import NO_BAN, PUBLISHED, SLOW

UPPER = slice(3, None)  # the four upper budgets


def conclude(result: Results) -> list[Finding]:
    """Five: published numbers, the static mix, the ban, the overshoot, and who does better at equal spend."""
    pacer = result["pacer"]
    return [
        _replicated(pacer, result["experiments"]), _mix(pacer), _ban(pacer), _overshoot(pacer),
        *_contest(result["court"]),
    ]  # fmt: skip


def _agrees(values: xr.DataArray, known: float, digits: int) -> bool:
    """Whether a published number lies in our interval over the seeds, widened by half a unit of its last digit."""
    one, half = intervals.interval(values.values), 0.5 * 10.0**-digits + 1e-9
    return bool(one.lower - half <= known <= one.upper + half)


def _numbers(pacer: xr.Dataset, experiments: xr.Dataset) -> Iterator[bool]:
    """Of every published reward, cost and share: whether ours agrees."""
    own = pacer.sel(variant=PUBLISHED)
    for i, (reward, cost) in enumerate(published.STATIONARY):
        yield _agrees(own["reward"].isel(budget=i), reward, 4)
        yield _agrees(own["cost"].isel(budget=i) / cost, 1.0, 3)
    for name, known in ((DRIFT, published.DRIFT), (DEGRADED, published.DEGRADED)):
        for level, phases in known.items():
            for p, (reward, ratio) in enumerate(phases):
                one = experiments.sel(experiment=name, level=level).isel(phase=p)
                yield _agrees(one["reward"], reward, 4)
                yield _agrees(one["cost"] / float(one["budget"]), ratio, 2)
    for level, (reward, _, share, adopted) in published.ONBOARDING.items():
        one = experiments.sel(experiment=ONBOARDING, level=level).isel(phase=0)
        yield _agrees(one["reward"], reward, 3)
        yield _agrees(one["share"].isel(model=FLASH), share, 3)
        yield bool(np.isfinite(one["adopted"]).all()) and _agrees(one["adopted"], adopted, 0)


def _replicated(pacer: xr.Dataset, experiments: xr.Dataset) -> Finding:
    """Rule: every published reward, cost and share lies in our interval over seeds, widened by half its last digit."""
    agree = list(_numbers(pacer, experiments))
    source = experiments.attrs["source"]
    on_theirs = source == OWN
    tight = experiments.sel(experiment=DEGRADED, level="tight").mean("seed")
    drop, spent = tight["reward"].values, tight["cost"].values / published.LEVELS["tight"]
    return Finding(
        "ParetoBandit as published",
        "In its four experiments our ParetoBandit gives the numbers that its authors publish.",
        verdict_of_cases(sum(agree), len(agree) - sum(agree), len(agree)) if on_theirs else "undecided",
        ("" if on_theirs else f"On {source}, which the published numbers are not about: ")
        + f"{sum(agree)} of {len(agree)} published rewards, costs and shares agree, with the authors' seeds. Where "
        f"Mistral-Large's reward falls to .75 in silence, {spent[1]:.2f} of the tight budget is spent, and the reward "
        f"goes from {drop[0]:.3f} to {drop[1]:.3f}; after the recovery it is {drop[2]:.3f} on the prompts that gave "
        f"{drop[0]:.3f} before. The price cut of their code is to .1 USD per 1M tokens, {LIST_PRICE_CUT:.3f} of the "
        "list price, and not a tenth of it, as the text says.",
        (Number("published numbers that ours agree with", sum(agree), f"of {len(agree)}"),),
        tables.changes(experiments),
    )


def _mix(pacer: xr.Dataset) -> Finding:
    """Rule, at each of the four upper budgets: our gain over the best static mix at equal spend is below 0 with its
    whole interval (prompts and seeds drawn anew), and so is that of the published numbers. It fails above 0."""
    own = pacer.sel(variant=PUBLISHED)
    gains = [tables.gain_of(own.isel(budget=i)) for i in range(own.sizes["budget"])]
    theirs = [reward - tables.mix_at(own.isel(budget=i), cost) for i, (reward, cost) in enumerate(published.STATIONARY)]
    if pacer.attrs["source"] != OWN:
        theirs = [gain.mean for gain in gains]
    pairs = list(zip(gains, theirs, strict=True))[UPPER]
    holds = sum(ours.upper < 0 and known < 0 for ours, known in pairs)
    fails = sum(ours.lower > 0 for ours, _ in pairs)
    i = int(np.argmin([each.mean for each in gains]))
    return Finding(
        "Static mix at the spend of ParetoBandit",
        "At equal spend a static mix of two models beats ParetoBandit at its four upper budgets.",
        verdict_of_cases(holds, fails, len(pairs)),
        f"The mix is ahead of the published rewards at {sum(known < 0 for _, known in pairs)} of {len(pairs)} upper "
        f"budgets and of ours by more than the interval at {holds}; the most at B = {published.BUDGETS[i]:.3g}, by "
        f"{-gains[i].mean:.4f}. At the lower three ParetoBandit is ahead by up to "
        f"{max(each.mean for each in gains[:3]):.4f}: where only Llama and Mistral can be paid for, its contexts help. "
        "Intervals draw prompts and seeds anew, since seeds are orders of the same requests.",
        (
            Number("upper budgets at which the mix is better", holds, f"of {len(pairs)}"),
            Number("largest loss to the mix", -gains[i].mean),
        ),
        tables.stationary(pacer),
    )


def _paired(pacer: xr.Dataset, variant: str, against: str = PUBLISHED) -> list[Interval]:
    """By budget: the gain over the mix of one variant less that of another, over seeds."""
    less = pacer["gain_of_seed"].sel(variant=variant) - pacer["gain_of_seed"].sel(variant=against)
    return [intervals.interval(less.isel(budget=i).values) for i in range(less.sizes["budget"])]


def _ban(pacer: xr.Dataset) -> Finding:
    """Rule, at each of the four upper budgets: without the ban the gain over the mix is larger; it fails if smaller."""
    less = _paired(pacer, NO_BAN)[UPPER]
    holds, fails = sum(each.lower > 0 for each in less), sum(each.upper < 0 for each in less)
    before, after = (pacer["share"].sel(variant=name).isel(budget=3).values for name in (PUBLISHED, NO_BAN))
    return Finding(
        "Ban of the most expensive model",
        "ParetoBandit loses to the static mix because any positive dual price bans the most expensive model.",
        verdict_of_cases(holds, fails, len(less)),
        f"Without the ban the gain over the mix changes by {less[0].mean:+.4f} at B = {published.BUDGETS[3]:.3g} and "
        f"by {less[1].mean:+.4f} at {published.BUDGETS[4]:.3g}. At the former Gemini-Pro then serves {after[PRO]:.1%} "
        f"of the requests in place of {before[PRO]:.1%}, and Llama-8B {after[LLAMA]:.0%} in place of "
        f"{before[LLAMA]:.0%}, which makes up for what that costs. The table has the gain over the mix and the share "
        "of Llama-8B for every change.",
        (
            Number("upper budgets at which the ban costs reward", holds, f"of {len(less)}"),
            Number(f"gain without the ban at B = {published.BUDGETS[3]:.3g}", less[0].mean),
        ),
        tables.parts(pacer),
    )


def _overshoot(pacer: xr.Dataset) -> Finding:
    """Rule, at each of the four upper budgets: with a tenth of the step the gain over the mix is larger; fails if
    smaller."""
    less = _paired(pacer, SLOW)[UPPER]
    holds, fails = sum(each.lower > 0 for each in less), sum(each.upper < 0 for each in less)
    at = pacer.isel(budget=3)
    before, after = (tables.gain_of(at.sel(variant=name)).mean for name in (PUBLISHED, SLOW))
    llama = [float(at["share"].sel(variant=name).isel(model=LLAMA)) for name in (PUBLISHED, SLOW)]
    slow = [tables.gain_of(pacer.isel(budget=i).sel(variant=SLOW)) for i in range(pacer.sizes["budget"])][UPPER]
    dearest = float(at.sel(variant=PUBLISHED)["mix_cost"].max()) / published.BUDGETS[3]
    rows = tables.Rows(
        ("budget, USD", "gain, as published", "gain, a tenth of the step", "difference, paired by seed",
         "share with l > 0", "with a tenth"),
        tuple(
            (
                f"{budget:.3g}",
                *(tables.signed(tables.gain_of(pacer.isel(budget=i).sel(variant=name))) for name in (PUBLISHED, SLOW)),
                tables.signed(_paired(pacer, SLOW)[i]),
                *(f"{float(pacer['price_positive'].isel(budget=i).sel(variant=n)):.2f}" for n in (PUBLISHED, SLOW)),
            )
            for i, budget in enumerate(published.BUDGETS)
        ),
    )  # fmt: skip
    return Finding(
        "Overshoot of the pacer",
        "ParetoBandit loses to the static mix because its dual price overshoots: a tenth of the step gains reward.",
        verdict_of_cases(holds, fails, len(less)),
        f"At B = {published.BUDGETS[3]:.3g}, which pays for Mistral-Large on every request, one request served by "
        f"Gemini-Pro costs {dearest:.0f} budgets. The dual price that follows sends {llama[0]:.0%} of all requests to "
        f"Llama-8B, with a tenth of the step {llama[1]:.0%}, and the gain over the mix goes from {before:+.4f} to "
        f"{after:+.4f}. The mix is then beaten by more than the interval at {sum(each.lower > 0 for each in slow)} of "
        f"{len(slow)} upper budgets, and better by more than it at {sum(each.upper < 0 for each in slow)}.",
        (
            Number("upper budgets at which a tenth of the step is better", holds, f"of {len(less)}"),
            Number(f"share of the loss at B = {published.BUDGETS[3]:.3g} that goes", 100 * (1 - after / before), "%"),
        ),
        rows,
    )


def _case(one: xr.Dataset, ours: str, theirs: str = PARETO) -> int:
    """1 if ours does better for a target, -1 if worse, else 0.

    Better: it keeps the target, and the other does not, or it is ahead over paired seeds: on the ceiling track by its
    gain over the static mix at its own spend, on the floor track by its cost. Worse: it does not keep the target, or
    the other is ahead and keeps it.
    """
    a, b = one.sel(policy=ours), one.sel(policy=theirs)
    if not tables.keeps(a):
        return -1
    if not tables.keeps(b):
        return 1
    on_ceiling = str(one["track"].values) == CEILING
    ahead = a["gain_of_seed"] - b["gain_of_seed"] if on_ceiling else b["cost"] - a["cost"]
    less = intervals.interval(ahead.values)
    return int(less.lower > 0) - int(less.upper < 0)


def _contest(court: xr.Dataset) -> Iterator[Finding]:
    """Rule of each track: `_case` at every target, for the MESS+ whose own knob the target is."""
    for track, ours, what in (
        (
            CEILING,
            SPENDING,
            "At the same budget MESS+ with a budget queue earns more for what it spends than ParetoBandit.",
        ),
        (FLOOR, MESS_PLUS, "At the same alpha MESS+ costs less than ParetoBandit with a budget tuned to it."),
    ):
        one = court.where(court["track"] == track, drop=True) if (court["track"] == track).any() else None
        if one is not None:
            yield _of_track(one, track, ours, what)


def _of_track(court: xr.Dataset, track: str, ours: str, what: str) -> Finding:
    targets = [str(each) for each in court["target"].values]

    def against(other: str) -> list[int]:
        there = other in court["policy"].values
        return [_case(court.sel(target=each), ours, other) if there else 0 for each in targets]

    def worse(cases: list[int]) -> str:
        return ", ".join(target for target, case in zip(targets, cases, strict=True) if case < 0) or "none"

    cases, tuned, mix, frozen = (against(name) for name in (PARETO, TUNED, MIX, FROZEN))
    at = court["gain_of_seed"].mean("seed")
    most = float((at.sel(policy=ours) - at.sel(policy=PARETO)).max())
    spent = court["cost"].mean("seed")
    ratio = (spent.sel(policy=PARETO) / spent.sel(policy=ours)).values
    holds, fails = cases.count(1), cases.count(-1)
    paid = (
        f"ParetoBandit costs {ratio.min():.2g} to {ratio.max():.2g} times as much. "
        if track == FLOOR
        else f"It spends {float((spent.sel(policy=ours) / court['level']).max()):.3f} budgets at most. "
    )
    return Finding(
        f"Equal spend, {track} track",
        what,
        verdict_of_cases(holds, fails, len(cases)),
        f"With the same prior, the same feedback and list prices only, on requests that do not change, {ours} does "
        f"better than ParetoBandit at {holds} of {len(cases)} targets, by up to {most:.4f} of reward at equal spend, "
        f"and worse at {fails} ({worse(cases)}). {paid}Against ParetoBandit with step, forgetting and width tuned as V "
        f"is, it does better at {tuned.count(1)} and worse at {tuned.count(-1)} ({worse(tuned)}); against the static "
        f"mix of the validation requests at {mix.count(1)} and {mix.count(-1)} ({worse(mix)}), and against a "
        f"regression that learns nothing after the prior, with a price tuned to the target, at {frozen.count(1)} and "
        f"{frozen.count(-1)} ({worse(frozen)}). The table has the "
        "reward at the cost per request, and in parentheses the gain over the static mix of two models that costs as "
        "much.",
        (
            Number(f"targets at which {ours} does better", holds, f"of {len(cases)}"),
            Number("targets at which it does worse", fails, f"of {len(cases)}"),
        ),
        tables.contest(court),
    )
