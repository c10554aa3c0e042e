"""What the study concludes."""

from __future__ import annotations

import numpy as np

from sims.common import worlds
from sims.common.finding import Finding, Number, Rows, Verdict, verdict_of_cases
from sims.common.published_results import (
    AVERAGES,
    LEDGERS,
    SKILLS,
    Point,
    Reached,
    at_alpha,
    learned,
    least_skill,
    mean_of,
    points,
    skill_of,
)
from sims.common.study import Results


def conclude(result: Results) -> list[Finding]:
    """Two: whether the published cost is reproduced, and whether the published points beat a static mixture."""
    return [_reproduced(result), _mixture(result)]


def mean_cost(result: Results, policy: str, ledger: str) -> float:
    """MJ per benchmark of MESS+ at its cheapest published setting that kept alpha, the mean over benchmarks."""
    return float(np.mean([one.cost.mean for one in at_alpha(result, policy, ledger).values()]))


def at_published_V(result: Results) -> float:
    """MJ per benchmark of MESS+ with an oracle at V = 1e-6 per J, exploit-only, all c together."""
    at = [one["cost_exploit"].isel(sla_target=0, V=0).sel(policy=SKILLS[-1]) for one in result.values()]
    return float(np.mean([float(one.mean()) for one in at]))


def _reproduced(result: Results) -> Finding:
    """Rule: the mean cost of MESS+ with a head learned online, at its cheapest published setting that kept alpha.

    supported: at most 1.07 MJ in the full ledger. partly: in the exploit-only ledger only. refuted: in neither.
    undecided: not all of the eight benchmarks were run.
    """
    head = learned(next(iter(result.values())))[-1]
    costs = {ledger: mean_cost(result, head, ledger) for ledger in LEDGERS}
    published = AVERAGES["MESS+"]
    verdict: Verdict = "partly" if costs["exploit only"] <= published else "refuted"
    verdict = "supported" if costs["full"] <= published else verdict
    verdict = verdict if len(result) == len(worlds.BENCHMARKS) else "undecided"
    rows = [
        (f"MESS+, {policy.removeprefix('MESS+, ')}", *(f"{mean_cost(result, policy, each):.2f}" for each in LEDGERS))
        for policy in (*learned(next(iter(result.values()))), SKILLS[0], SKILLS[-1])
    ]
    rows += [(line, "", f"{mean_of(result, line):.2f}") for line in ("coin", "LP mixture", "C*")]
    rows += [(f"{name}, as published", f"{cost:.2f}", "") for name, cost in AVERAGES.items()]
    return Finding(
        "Published cost of MESS+ on eight benchmarks",
        "On eight benchmarks MESS+ needs 1.07 MJ on average, where RouteLLM and RouterDC need 2.11 and 2.09 ([M25]).",
        verdict,
        f"On requests calibrated to {len(result)} of the eight benchmarks, MESS+ with the "
        f"{head.removeprefix('MESS+, ')} learned online needs {costs['exploit only']:.2f} MJ where exploration is "
        f"not charged and {costs['full']:.2f} MJ where it is, at its cheapest setting that kept alpha. At the V of "
        f"the published table even an oracle needs {at_published_V(result):.2f} MJ. The mixture of models that looks "
        f"at no request needs {mean_of(result, 'LP mixture'):.2f} MJ.",
        (
            Number("MESS+, exploit-only", costs["exploit only"], "MJ"),
            Number("MESS+, full ledger", costs["full"], "MJ"),
            Number("LP mixture", mean_of(result, "LP mixture"), "MJ"),
        ),
        Rows(("policy at alpha, mean over benchmarks", "MJ, exploit-only", "MJ, full"), tuple(rows)),
    )


def _mixture(result: Results) -> Finding:
    """Rule: a reported point beats the static mixture where it costs less than the LP mixture of its satisfaction."""
    reported = points(result)
    below = sum(point.cost < point.mixture for point in reported.values())
    ratios = {name: point.cost / point.mixture for name, point in reported.items()}
    rows = []
    for name, point in reported.items():
        least = (least_skill(point.runs, ledger, point.cost, point.wanted) for ledger in LEDGERS)
        cells = tuple(_least(point, each) for each in least)
        rows.append((name, f"{point.cost:.2f}", f"{point.mixture:.2f}", f"{ratios[name]:.2f}", *cells))
    columns = ("reported point", "MJ", "LP mixture, MJ", "ratio", *(f"MESS+ reaches it, {each}" for each in LEDGERS))
    low, high = min(ratios, key=ratios.__getitem__), max(ratios, key=ratios.__getitem__)
    return Finding(
        "Published points against a static mixture",
        "The published costs are below those of a static mixture of models with the same satisfaction.",
        verdict_of_cases(below, len(reported) - below, len(reported)),
        f"A static mixture knows the models' average accuracies and looks at no request. {below} of {len(reported)} "
        f"reported points cost less than it does; the others cost {ratios[low]:.2f} ({low}) to {ratios[high]:.2f} "
        f"({high}) times as much.",
        (
            Number("reported points cheaper than the mixture", below, f"of {len(reported)}"),
            Number("least ratio to the mixture", ratios[low]),
            Number("largest ratio to the mixture", ratios[high]),
        ),
        Rows(columns, tuple(rows)),
    )


def _least(point: Point, least: tuple[str, Reached] | None) -> str:
    if least is None:
        return "with no predictor"
    return f"with skill {skill_of(point, least[0]):.2f}, V = {least[1].V / 1000:.0e} per J"
