"""A comparison in words: whom to keep, who misses the target for sure, and which targets nobody reached."""

from __future__ import annotations

import numpy as np
import xarray as xr

from messjax.evaluation.bench.bootstrap import ABSENT, KEEP


def flag(one: xr.Dataset, tolerated: float) -> str:
    """Whether a target is kept (""), missed for sure ("!"), or that this is open ("?").

    Args:
        one: A cell of a result of `run_bench`.
        tolerated: The violation that is tolerable.

    Returns:
        The mark.
    """
    if float(one["violation_upper"]) <= tolerated:
        return ""
    return "!" if float(one["violation_lower"]) > tolerated else "?"


def tolerated(dataset: xr.Dataset, track: str) -> float:
    """The violation that is tolerable on a track.

    Args:
        dataset: A result of `run_bench`.
        track: "floor" or "ceiling".

    Returns:
        A satisfaction, or a share of the budget.
    """
    return float(dataset.attrs["tolerance" if track == "floor" else "overspend"])


def in_words(dataset: xr.Dataset, track: str, target: str, scenario: str) -> list[str]:
    """What follows at a target in a scenario, and which targets of the track were out of reach.

    Args:
        dataset: A result of `run_bench`.
        track: "floor" or "ceiling".
        target: Label of the target.
        scenario: Name of the scenario.

    Returns:
        Sentences.
    """
    at = dataset.sel(target=target, scenario=scenario, setting="tuned")
    verdict = {str(name): str(at["verdict"].sel(policy=name).values) for name in at["policy"].values}
    kept = [name for name, word in verdict.items() if word == KEEP]
    sure = [
        name for name, word in verdict.items()
        if word != ABSENT and flag(at.sel(policy=name), tolerated(dataset, track)) == "!"
    ]  # fmt: skip
    lines = [
        f"{track.capitalize()} track, {target}, {scenario}: keep {', '.join(kept)}."
        if kept
        else f"{track.capitalize()} track, {target}, {scenario}: no policy is kept; `messjax recommend` says what to "
        "serve for one target, single models and mixtures included."
    ]
    if sure:
        lines.append(f"It is missed for sure by {', '.join(sure)}.")
    return lines + _out_of_reach(dataset, track, scenario)


def _out_of_reach(dataset: xr.Dataset, track: str, scenario: str) -> list[str]:
    mine = dataset.isel(target=np.flatnonzero(dataset["track"].values == track)).sel(scenario=scenario)
    labels = [str(label) for label in mine["target"].values]
    lines = []
    if track == "floor":
        best = mine["control_satisfaction"].sel(control="mix (hindsight)").values
        if never := [label for label, s, level in zip(labels, best, mine["level"].values, strict=True) if s < level]:
            lines.append(f"No static mix reaches {', '.join(never)} on the judged requests.")
    missed: dict[tuple[str, ...], list[str]] = {}
    for name in mine["policy"].values:
        there = mine["reached"].sel(policy=name).values
        missed.setdefault(tuple(np.array(labels)[~there]), []).append(str(name))
    missed.pop((), None)
    for targets, names in missed.items():
        lines.append(
            f"No setting of {', '.join(names)} reached {', '.join(targets)} on the tuning requests: "
            "the one that misses least is judged."
        )
    return lines
