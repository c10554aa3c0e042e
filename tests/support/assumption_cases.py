"""What the tests of assumptions share: names, what was rejected, dependent labels, a trace that fits."""

from __future__ import annotations

import numpy as np
from scipy import stats as distributions

from messjax.traces import Trace
from proofs_check.assumptions import Check

PRICES = {"mixtral": 0.24, "gpt-4": 24.7}
ASSUMPTIONS = [f"A{i}" for i in range(1, 9)]


def rejected(checks: list[Check]) -> set[str]:
    return {check.assumption for check in checks if check.verdict == "rejected"}


def of(checks: list[Check], assumption: str) -> list[Check]:
    return [check for check in checks if check.assumption == assumption]


def assert_rare(wrong: list[bool], level: float = 0.05) -> None:
    """At most `level` of the runs, up to a binomial error of one in a thousand."""
    allowed = distributions.binom.ppf(0.999, len(wrong), level)
    assert sum(wrong) <= allowed, f"{sum(wrong)} of {len(wrong)} rejected, expected at most {allowed:.0f}"


def labels(rng: np.random.Generator, num: int, mean: tuple[float, ...] = (0.4, 0.8)) -> np.ndarray:
    """Scores [num, M] of requests that share their difficulty: the models' scores are dependent."""
    hard = rng.uniform(-0.15, 0.15, (num, 1))
    return (rng.random((num, len(mean))) < np.array(mean) + hard).astype(float)


def planted(num: int = 2_000, seed: int = 0) -> Trace:
    """A trace on which A1 to A8 are true: words tell how hard a request is, and how long, which is what it costs."""
    rng = np.random.default_rng(seed)
    hard, length = rng.integers(0, 2, num), rng.integers(5, 60, num)
    mean = np.array([[0.8, 0.95], [0.2, 0.6]])[hard]
    prompts = tuple(("add ", "prove ")[h] * n for h, n in zip(hard, length, strict=True))
    return Trace(
        models=("small", "large"),
        prompts=prompts,
        groups=("all",) * num,
        satisfaction=(rng.random((num, 2)) < mean).astype(float),
        cost=length[:, None] * np.array([1.0, 5.0]),
        cost_unit="word",
        source="planted",
    )
