"""The search for counterexamples: an optimiser looks for the instance on which a statement has the least to spare.

What is minimised is the relative margin, the upper 95% limit of bound - measured over a scale: the larger of |bound|
and the root mean square of what is measured (so a bound of zero has a scale, too); |value| for an equality, whose
margin is how far its interval reaches past the value. By the upper limit, noise is no achievement: below zero is what
a test would call a violation. Where no test would, because all samples agree or their tail looks heavy, it is 0 at
least: or the search ends in worlds without chance, on which nothing is decided. 0 is tight, 1 means that nothing of the
bound is used; a statement that does not apply counts as 3.

All instances meet the same random numbers, so the best of thousands is partly the luckiest. The population is therefore
taken to new numbers every few generations, where what was luck is lost; the leaders are run again on others, and the
best of those once more, afresh and with more streams, by `trial.run_case` on the library's own stream and engine: only
that last row counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import jax
import numpy as np
from scipy.optimize import differential_evolution
from scipy.stats import qmc

from messjax.theory.hypothesis_tests import of_conclusion
from messjax.theory.statement import (
    AtLeast,
    Between,
    Claim,
    Conclusion,
    Equal,
    Exact,
    NotApplicable,
    Run,
    Statement,
    Tail,
)
from messjax.types import Array
from proofs_check.counterexamples import instances
from proofs_check.counterexamples.instances import Instance, Space
from proofs_check.trials import trial

SPACE = Space()
SCREENED = 512  # quasi-random instances before the optimiser starts
POPULATION = 64  # of them it starts from the best
GENERATIONS = 4  # on the same numbers, the first of them the population that there is
STREAMS = instances.STREAMS  # per instance while searching
LEADERS = 16  # run again, on eight times the streams
QUICK, FULL = SCREENED + 8 * POPULATION, 4 * SCREENED + 24 * POPULATION  # instances tried, by default
NOT_APPLICABLE = 3.0
RAREST = 1e-3  # tails below it are not sought: no number of streams would tell
ROUNDING = 1e-6  # of the scale: metrics are float32 sums


class SearchResult(NamedTuple):
    """The tightest instance of a statement. Relative margins: smaller is tighter, below zero is a violation."""

    statement: Statement
    instance: Instance
    row: trial.Row  # afresh
    tried: int
    seconds: float
    path: np.ndarray  # [calls, 2] instances tried so far, least objective on the numbers of that time
    promised: float  # the objective, the upper limit of the relative margin, on the last numbers that the search saw
    fresh: tuple[int, ...]  # words of the key that `row` was simulated with
    margin: tuple[float, float, float]  # afresh: lower limit, estimate, upper limit. The last less `promised` was luck


class Screen(NamedTuple):
    """Quasi-random instances, simulated once for all statements."""

    points: np.ndarray  # [n, dimensions]
    runs: list[Run]
    space: Space = SPACE


def screen(key: Array, count: int = SCREENED, space: Space = SPACE) -> Screen:
    """So many instances (a power of two is best) of Sobol's sequence, scrambled, and their runs under `key`."""
    points = qmc.Sobol(space.dimensions, rng=_seed(key)).random(count)
    return Screen(points, instances.simulate([instances.decode(x, space) for x in points], key, STREAMS), space)


def find_counterexample(
    statement: Statement, key: Array, *, quick: bool = True, budget: int | None = None, seen: Screen | None = None
) -> SearchResult:
    """The tightest instance among `budget` (QUICK or FULL by default), and what the statement says on it afresh.

    `seen` is what was screened already, under the same key and in the space to be searched; four times as much is in
    full mode. ValueError where the
    budget is smaller than screen and first population.
    """
    started = time.perf_counter()
    budget = (QUICK if quick else FULL) if budget is None else budget
    seen = screen(key, SCREENED if quick else 4 * SCREENED) if seen is None else seen
    epochs = (budget - len(seen.points)) // (POPULATION * GENERATIONS)
    if epochs < 1:
        least = len(seen.points) + POPULATION * GENERATIONS
        raise ValueError(f"budget: found {budget} instances, expected at least {least}")
    *each, leading, fresh = jax.random.split(key, epochs + 2)
    search = _Search(statement, seen)
    for epoch in each:
        search.evolve(epoch)
    points, promised = search.best(LEADERS)
    leaders = [instances.decode(x, seen.space) for x in points]
    again = instances.simulate(leaders, leading, 8 * STREAMS)
    best = int(np.argmin([tightness(statement, run) for run in again]))
    row, limits = afresh(statement, leaders[best], fresh, 1_024 if quick else 4_096)
    seconds = time.perf_counter() - started
    return SearchResult(
        statement,
        leaders[best],
        row,
        search.tried,
        seconds,
        np.array(search.path),
        float(promised[best]),
        tuple(np.asarray(jax.random.key_data(fresh)).tolist()),
        limits,
    )


def find_counterexamples(
    statements: Iterable[Statement],
    key: Array,
    *,
    quick: bool = True,
    seen: Screen | None = None,
    progress: Callable[[int], None] | None = None,
) -> list[SearchResult]:
    """`find_counterexample` for each statement, screened together; verdicts are corrected for their number (Holm).

    `progress(done)` is called after each.
    """
    seen, result = screen(key, SCREENED if quick else 4 * SCREENED) if seen is None else seen, []
    for done, each in enumerate(statements, start=1):
        result.append(find_counterexample(each, key, quick=quick, seen=seen))
        if progress is not None:
            progress(done)
    rows = trial.corrected([each.row for each in result])
    return [each._replace(row=row) for each, row in zip(result, rows, strict=True)]


def afresh(
    statement: Statement, instance: Instance, key: Array, num_streams: int
) -> tuple[trial.Row, tuple[float, float, float]]:
    """The statement on the instance by `trial.run_case` and `trial.evaluate`, and limits of the relative margin.

    The limits are (lower, estimate, upper). A margin of ROUNDING is none: "undecided".
    """
    run = trial.run_case(instances.case(instance, "tightest found"), key, num_streams, audit=False)[0]
    row, margin = trial.evaluate(statement, run), relative(statement, run)
    if row.verdict == "violated" and margin[1] > -ROUNDING:
        row = row._replace(p_violated=1.0, p_violated_asymptotic=1.0, verdict="undecided")
    return row, margin


class _Search:
    """The population, and its memory of what was tried."""

    def __init__(self, statement: Statement, seen: Screen):
        self.statement, self.tried, self.path = statement, 0, list[tuple[int, float]]()
        self.space = seen.space
        self._renew(seen.points, self._values(seen.runs))

    def evolve(self, key: Array) -> None:
        """GENERATIONS of differential evolution on the numbers of `key`."""
        self.key, start = key, self.best(POPULATION)[0]
        self._renew(np.empty((0, self.space.dimensions)), np.empty(0))
        differential_evolution(
            self,
            [(0.0, 1.0)] * self.space.dimensions,
            init=start,
            maxiter=GENERATIONS - 1,
            strategy="best1bin",
            mutation=(0.3, 0.9),
            recombination=0.8,
            tol=0.0,
            polish=False,
            updating="deferred",
            vectorized=True,
            rng=_seed(key),
        )

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Points [dimensions, S] -> objective [S]."""
        runs = instances.simulate([instances.decode(point, self.space) for point in x.T], self.key, STREAMS)
        values = self._values(runs)
        self._renew(np.concatenate([self.points, x.T]), np.concatenate([self.values, values]))
        return values

    def best(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The best different points [count, dimensions] on the present numbers, and their values."""
        _, first = np.unique(self.points, axis=0, return_index=True)
        chosen = first[np.argsort(self.values[first], kind="stable")[:count]]
        return self.points[chosen], self.values[chosen]

    def _values(self, runs: Sequence[Run]) -> np.ndarray:
        self.tried += len(runs)
        return np.array([tightness(self.statement, run) for run in runs])

    def _renew(self, points: np.ndarray, values: np.ndarray) -> None:
        self.points, self.values = points, values
        if len(values):
            self.path.append((self.tried, float(values.min())))


def tightness(statement: Statement, run: Run) -> float:
    """The number that is minimised: the upper limit of the relative margin, or NOT_APPLICABLE."""
    return relative(statement, run)[2]


def relative(statement: Statement, run: Run) -> tuple[float, float, float]:
    """Lower limit, estimate and upper limit of the relative margin; NOT_APPLICABLE for 0 <= 0, too."""
    conclusion = statement.conclude(run)
    return _relative(statement, run, conclusion)


def _relative(statement: Statement, run: Run, conclusion: Conclusion) -> tuple[float, float, float]:
    if isinstance(conclusion, NotApplicable):
        return NOT_APPLICABLE, NOT_APPLICABLE, NOT_APPLICABLE
    guided = False
    if isinstance(conclusion, Tail) and conclusion.guide is not None:
        guided = True
        if conclusion.bound < RAREST:
            return NOT_APPLICABLE, NOT_APPLICABLE, NOT_APPLICABLE
        conclusion = Claim(conclusion.guide, conclusion.bound)
    if isinstance(conclusion, AtLeast):
        conclusion = Claim(-conclusion.measured, -conclusion.bound)
    if isinstance(conclusion, Between):  # the side on which less is left, of what the limit is away from the centre
        return min(_relative(statement, run, side) for side in conclusion.sides)
    row = of_conclusion(statement, run, conclusion)
    scale = _scale(conclusion, row)
    if not (ROUNDING * isinstance(conclusion, Exact) < scale < np.inf):  # of two numbers near zero none is the larger
        return NOT_APPLICABLE, NOT_APPLICABLE, NOT_APPLICABLE
    low, high = row.margin_lower, row.margin_upper
    least = -np.inf if guided or row.verdict == "violated" else 0.0
    if isinstance(conclusion, Equal):  # it may fail on either side: the nearer one
        middle = -abs(row.bound - row.measured)
        half = (high - low) / 2.0
        return (middle - half) / scale, middle / scale, max(middle + half, least) / scale
    return low / scale, (row.bound - row.measured) / scale, max(high, least) / scale


def _scale(text: Conclusion, row: trial.Row) -> float:
    if isinstance(text, Equal):
        return abs(text.value)
    if isinstance(text, Claim):
        return max(abs(row.bound), float(np.sqrt(np.mean(np.square(text.measured)))))
    if isinstance(text, Tail):
        return max(row.bound, np.sqrt(row.measured))
    assert isinstance(text, Exact)
    return max(abs(row.bound), abs(row.measured))


def _seed(key: Array) -> np.random.Generator:
    return np.random.default_rng(np.asarray(jax.random.key_data(key)))
