"""The four experiments as recorded requests in an order: what the bench's compiled program runs.

Every stream first learns on the validation requests and is judged on what follows, as in the authors' experiments, with
their seeds: seed s orders the requests by NumPy's `default_rng(offset + s)`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from messjax.evaluation.bench.program import Table
from messjax.evaluation.bench.scenarios import Scenario, stacked
from sims.studies.pareto_bandit.requests import FLASH, MISTRAL, PRICE, PRO, Data, Part

STATIONARY, DRIFT, DEGRADED, ONBOARDING = "stationary", "price drift", "degradation", "onboarding"
NAMES = (STATIONARY, DRIFT, DEGRADED, ONBOARDING)
OFFSET = {STATIONARY: 3000, DRIFT: 8000, DEGRADED: 6000, ONBOARDING: 9000}
PHASE = 608  # requests of a phase where something changes
LIST_PRICE_CUT = 1e-4 / PRICE[PRO]  # Gemini-Pro's list price falls to .1 USD per 1M tokens, by which costs are scaled
BAD_REWARD = 0.75  # of Mistral-Large on every degraded request
THREE, FOUR = range(2)  # scenarios: three models throughout; the fourth one comes where the judged requests begin


class Course(NamedTuple):
    """S streams of T requests of one experiment."""

    name: str
    rows: np.ndarray  # [S, T] rows of the pool
    phase: np.ndarray  # [T] 0 while learning on val, then 1, 2, 3
    first: int  # the first request that is judged
    last: int  # the first after those that are judged: what follows fills the array up
    scenario: int

    @property
    def judged(self) -> slice:
        """The requests that count."""
        return slice(self.first, self.last)


class Sizes(NamedTuple):
    """How much is run."""

    seeds: int
    val: int | None  # requests of each part; None: all
    test: int | None
    phase: int


FULL, QUICK = Sizes(20, None, None, PHASE), Sizes(4, 240, 240, 80)


class Pool(NamedTuple):
    """All requests that can come, with what becomes of them where prices or quality change."""

    part: Part
    val: np.ndarray  # rows of each
    test: np.ndarray
    test4: np.ndarray
    cheaper: np.ndarray  # the test requests after Gemini-Pro's price cut
    worse: np.ndarray  # the test requests with Mistral-Large degraded
    listed: np.ndarray  # [4] mean costs, known beforehand


def pool(data: Data, price_factor: float = LIST_PRICE_CUT) -> Pool:
    """The requests of `data`, and what becomes of them; Gemini-Pro's costs are multiplied with `price_factor`."""
    cheap, bad = data.test.cost.copy(), data.test.reward.copy()
    cheap[:, PRO] *= price_factor
    bad[:, MISTRAL] = BAD_REWARD
    parts = [
        data.val, data.test, data.test4, data.test._replace(cost=cheap), data.test._replace(reward=bad),
    ]  # fmt: skip
    ends = np.cumsum([len(part.x) for part in parts])
    rows = np.split(np.arange(ends[-1]), ends[:-1])
    every = Part(*(np.concatenate(each) for each in zip(*parts, strict=True)))
    val, test, test4, cheaper, worse = rows
    return Pool(every, val, test, test4, cheaper, worse, mean_costs(data))


def course(name: str, requests: Pool, sizes: Sizes) -> Course:
    """One experiment's streams; all of them have the same number of requests, which makes one compiled program."""
    streams = [_order(name, requests, sizes, np.random.default_rng(OFFSET[name] + s)) for s in range(sizes.seeds)]
    val, after = streams[0]
    ends = np.cumsum([len(val), *map(len, after)])
    longest = len(val) + max(3 * sizes.phase, len(requests.test[: sizes.test]))
    rows = np.zeros((sizes.seeds, longest), np.int32)
    for s, (head, tail) in enumerate(streams):
        whole = np.concatenate([head, *tail])
        rows[s] = np.append(whole, np.full(longest - len(whole), whole[-1]))
    phase = np.searchsorted(ends[:-1], np.arange(longest), side="right").astype(np.int32)
    return Course(
        name, rows, np.minimum(phase, len(after)), len(val), int(ends[-1]), FOUR if name == ONBOARDING else THREE
    )


def _order(name: str, requests: Pool, sizes: Sizes, rng: np.random.Generator) -> tuple[np.ndarray, list[np.ndarray]]:
    """Rows of one stream: the validation requests, then those of each judged phase."""
    val = rng.permutation(requests.val)[: sizes.val]
    if name in (STATIONARY, ONBOARDING):
        return val, [rng.permutation(requests.test if name == STATIONARY else requests.test4)[: sizes.test]]
    drawn = np.random.default_rng(42).permutation(len(requests.test))
    first, second = drawn[: sizes.phase], drawn[sizes.phase : 2 * sizes.phase]
    middle = requests.cheaper if name == DRIFT else requests.worse
    phases = [requests.test[first], middle[second], requests.test[first]]  # the third repeats the first's prompts
    return val, [rng.permutation(rows) for rows in phases]


def tuning(requests: Pool, sizes: Sizes, like: Course, streams: int) -> Course:
    """Streams of validation requests only, drawn with replacement, on which settings are chosen."""
    rng = np.random.default_rng(7)
    rows = rng.choice(requests.val[: sizes.val], (streams, like.rows.shape[1]))
    return like._replace(rows=rows.astype(np.int32))


def table(requests: Pool, chosen: Course) -> Table:
    """What the program reads. A model without an answer is never available where its row comes."""
    x, reward, cost = (np.nan_to_num(each).astype(np.float32) for each in requests.part)
    return Table(x, reward, cost, requests.listed.astype(np.float32), chosen.rows, chosen.phase, reward)


def mean_costs(data: Data) -> np.ndarray:
    """[4] mean costs on the validation requests, of the fourth model on those that it answers: what is known before."""
    cost = data.val.cost.mean(axis=0)
    return np.where(np.arange(len(cost)) == FLASH, data.test4.cost.mean(axis=0), cost)


def scenarios() -> Scenario:
    """Both scenarios, stacked: four phases, of which the first is the learning on validation requests.

    Policies see listed costs: no router knows beforehand how long an answer will be.
    """
    ones, zero = np.ones((4, len(PRICE)), np.float32), np.float32(0.0)
    three = ones > 0
    three[:, FLASH] = False
    four = three.copy()
    four[1:, FLASH] = True
    base = Scenario(
        ones, ones, three, np.int32(0), np.float32(1.0), np.True_, zero, zero, zero, np.False_, np.int32(FLASH)
    )
    return stacked([base, base._replace(available=four)])
