"""Intervals over prompts and streams, the gain over a static mix at matched cost, and verdicts.

Orders of one trace are not fresh prompts. A replicate therefore draws prompts and streams anew, both with replacement
(the pigeonhole bootstrap of a table prompts x streams), and matches the mix to the policy's cost again.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import stats

from messjax.evaluation.bench import mixes
from messjax.evaluation.bench.measures import Path
from messjax.evaluation.bench.mixes import Realised
from messjax.statistics import intervals

LEVEL = 0.95
HALF = float(stats.norm.ppf(0.5 + LEVEL / 2.0))
KEEP, KILL, UNDECIDED, ABSENT = "keep", "kill", "undecided", "not applicable"


class Replicates(NamedTuple):
    """How often each prompt and each stream is drawn.

    Attributes:
        prompts: [B, n] float32.
        streams: [B, S] float32.
        rows: The prompt of every request [S, T].
        size: Number of requests of each replicate [B].
    """

    prompts: np.ndarray
    streams: np.ndarray
    rows: np.ndarray
    size: np.ndarray


def replicates(rows: np.ndarray, num: int, times: int, seed: int) -> Replicates:
    """Draw replicates.

    Args:
        rows: The prompt of every request [S, T].
        num: Number of prompts n.
        times: Number of replicates B.
        seed: Seed of the draws.

    Returns:
        The replicates.
    """
    rng = np.random.default_rng((seed, 2))
    prompts = rng.multinomial(num, np.full(num, 1.0 / num), times).astype(np.float32)
    streams = rng.multinomial(len(rows), np.full(len(rows), 1.0 / len(rows)), times).astype(np.float32)
    drawn = Replicates(prompts, streams, rows, np.ones(times))
    return drawn._replace(size=_total(drawn, by_prompt(np.ones(rows.shape), rows, num)))


def by_prompt(values: np.ndarray, rows: np.ndarray, num: int) -> np.ndarray:
    """Values of requests, added up by stream and prompt.

    Args:
        values: [S, T].
        rows: The prompt of every request [S, T].
        num: Number of prompts n.

    Returns:
        [S, n] float32.
    """
    place = rows + num * np.arange(len(rows))[:, None]
    return np.bincount(place.ravel(), values.ravel(), num * len(rows)).reshape(len(rows), num).astype(np.float32)


def means(drawn: Replicates, values: np.ndarray) -> np.ndarray:
    """The mean over requests in every replicate.

    Args:
        drawn: The replicates.
        values: [S, T].

    Returns:
        [B].
    """
    return _total(drawn, by_prompt(values, drawn.rows, drawn.prompts.shape[1])) / drawn.size


def _total(drawn: Replicates, values: np.ndarray) -> np.ndarray:
    """[B] sums of values [S, n] by how often each stream and each prompt is drawn."""
    return np.asarray(((values @ drawn.prompts.T) * drawn.streams.T).sum(axis=0), np.float64)


class Mix(NamedTuple):
    """A static mix of two models that is matched on cost, in one scenario.

    Attributes:
        vertices: Models on the hull that it mixes [H].
        cost: Realised mean costs [M].
        satisfaction: Realised mean satisfactions [M].
        costs: The same in every replicate [B, M].
        satisfactions: The same in every replicate [B, M].
    """

    vertices: np.ndarray
    cost: np.ndarray
    satisfaction: np.ndarray
    costs: np.ndarray
    satisfactions: np.ndarray

    def gain(self, spent: float, earned: float, spents: np.ndarray, earneds: np.ndarray) -> tuple[float, np.ndarray]:
        """A policy's satisfaction less that of the mix that costs as much.

        Args:
            spent: Its cost per request.
            earned: Its satisfaction.
            spents: Its cost in every replicate [B].
            earneds: Its satisfaction in every replicate [B].

        Returns:
            The gain, and the gain in every replicate [B].
        """
        point = earned - float(mixes.matched(self.vertices, self.cost, self.satisfaction, np.asarray(spent)))
        return point, earneds - mixes.matched(self.vertices, self.costs, self.satisfactions, spents)


def model_means(drawn: Replicates, what: Realised) -> tuple[np.ndarray, np.ndarray]:
    """Mean cost and satisfaction of every model in every replicate.

    Args:
        drawn: The replicates.
        what: What every model cost and earned.

    Returns:
        Costs [B, M] and satisfactions [B, M].
    """
    models = range(what.cost.shape[-1])
    cost, s = (np.stack([means(drawn, each[..., m]) for m in models], axis=-1) for each in what)
    return cost, s


class Drawn(NamedTuple):
    """Cost and satisfaction of a policy.

    Attributes:
        cost: Cost per request.
        satisfaction: Satisfaction per request.
        costs: Cost in every replicate [B].
        satisfactions: Satisfaction in every replicate [B].
    """

    cost: float
    satisfaction: float
    costs: np.ndarray
    satisfactions: np.ndarray


def of_path(played: Path, drawn: Replicates) -> Drawn:
    """Mean cost and satisfaction of what happened.

    Args:
        played: What happened.
        drawn: The replicates.

    Returns:
        The means and their replicates.
    """
    costs, satisfactions = means(drawn, played.paid), means(drawn, played.satisfaction)
    return Drawn(float(played.paid.mean()), float(played.satisfaction.mean()), costs, satisfactions)


def gains(own: Drawn, fitted: Mix, hindsight: Mix) -> dict[str, float]:
    """The gain over the matched mixes with its limits, and the errors of cost and satisfaction.

    Args:
        own: A policy's cost and satisfaction.
        fitted: The mix whose models were chosen on history and tuning part.
        hindsight: The mix whose models were chosen on the judged requests themselves.

    Returns:
        Numbers by name.
    """
    result = {
        "cost_error": float(np.std(own.costs, ddof=1)),
        "satisfaction_error": float(np.std(own.satisfactions, ddof=1)),
    }
    for name, mix in (("gain", fitted), ("gain_hindsight", hindsight)):
        point, again = mix.gain(*own)
        error = float(np.std(again, ddof=1))
        # Around the estimate: replicates of a concave hull lie lower than it, and their quantiles with them.
        result |= {name: point, f"{name}_lower": point - HALF * error, f"{name}_upper": point + HALF * error}
        result[f"{name}_p"] = float(2.0 * stats.norm.sf(abs(point) / error)) if error > 0 else 1.0
    return result


def violations(own: Drawn, track: str, target: float) -> dict[str, float]:
    """The violation with its limits.

    Args:
        own: A policy's cost and satisfaction.
        track: "floor" or "ceiling".
        target: alpha, or the budget per request.

    Returns:
        Numbers by name: alpha less satisfaction, or the share of the budget by which it was exceeded.
    """
    floor = track == "floor"
    point = target - own.satisfaction if floor else own.cost / target - 1.0
    error = float(np.std(own.satisfactions if floor else own.costs / target, ddof=1))
    return {
        "violation_mean": point, "violation_lower": point - HALF * error, "violation_upper": point + HALF * error,
    }  # fmt: skip


def verdicts(
    gain: np.ndarray, p: np.ndarray, violation_upper: np.ndarray, tolerance: np.ndarray | float
) -> tuple[np.ndarray, np.ndarray]:
    """Keep, kill or undecided, for policies on the same target and scenario.

    Keep: the gain over the matched mix is above 0 (Holm over the policies, 5%) and the upper limit of the violation is
    tolerable. Kill: the gain is below 0 by the same test. Undecided otherwise.

    Args:
        gain: Gains [m]; NaN where a policy does not apply.
        p: Two-sided p-values [m].
        violation_upper: Upper limits of the violation [m].
        tolerance: Largest tolerable violation, a number or [m].

    Returns:
        Verdicts [m] and Holm's adjusted p-values [m].
    """
    there = np.isfinite(gain)
    adjusted = np.full(len(gain), np.nan)
    if there.any():
        adjusted[there] = intervals.holm(np.minimum(p[there], 1.0))
    sure = there & (adjusted < 1.0 - LEVEL)
    words = np.where(
        sure & (gain > 0) & (violation_upper <= tolerance), KEEP, np.where(sure & (gain < 0), KILL, UNDECIDED)
    )
    return np.where(there, words, ABSENT), adjusted
