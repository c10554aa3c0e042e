"""What a statement is: one function from a run to a claim; interval, verdict, matrix and search come with it.

    @statement("T1 queue", source="T1 in docs/theory", assumptions="A1 A2 A4")
    def t1(run: Run) -> Claim | Silent:
        if <a hypothesis that can be read off fails>:
            return Silent("why it says nothing here")
        return Claim(measured=run.readings["queue_last"], bound=lambda S: ..., uses=(run.readings["S"],))

`Claim` says that the mean of `measured` over independent streams is at most the bound; `Tail` that an event has at most
a probability, `Between` that a mean lies between two limits, `Equal` that it is a number; `Exact` compares two numbers
that nothing random is in. A worked example is in docs/proofs_check.md.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from messjax import feedback as _feedback
from messjax.theory import optimum
from messjax.types import Controls, Distribution, Policy, Stream


class Case(NamedTuple):
    """What statements are tried on: a stream and a policy, and the law that the constants of the bounds come from."""

    name: str
    distribution: Distribution  # i.i.d., or the time average where A1 is broken
    stream: Stream
    policy: Policy
    controls: Controls  # scalars, or arrays: a run for each combination
    horizon: int
    breaks: frozenset[str] = frozenset()  # assumptions broken on purpose, "A1", ...
    feedback: Any = _feedback.complete
    rule: str = "mess+"  # "mess+", or another: statements about MESS+ are then silent
    sla_target: float | None = (
        None  # the agreement where the policy runs on a tightened alpha (T10), else controls.alpha
    )
    ebar: float | None = None  # a bound on E[e_t | past] that is known beforehand; None: the largest e_t measured
    about: str = ""


class Run(NamedTuple):
    """A case at one point of its grid, with what was measured [n streams] and the constants of its law."""

    case: Case
    V: float
    alpha: float  # that the policy ran with
    c: float
    a: float
    f: float
    T: int
    P_T: float
    metrics: Mapping[str, np.ndarray]
    best: optimum.Optimum  # C* and gamma* at `alpha`
    constants: optimum.Constants
    seconds: float = 0.0  # of simulating it

    @property
    def ebar(self) -> float:
        """What bounds E[e_t | past] at every t: known, or the largest error seen on any stream."""
        return float(np.max(self.metrics["error_max"])) if self.case.ebar is None else self.case.ebar

    @property
    def name(self) -> str:
        """The case and its point of the grid."""
        return f"{self.case.name}, V = {self.V:g}" + (f", f = {self.f:g}" if self.f != 1.0 else "")

    def over(self, *metrics: str) -> tuple[np.ndarray, ...]:
        """Readings by name, [n] each."""
        return tuple(self.metrics[name] for name in metrics)


class Claim(NamedTuple):
    """E[measured] <= bound. `bound` is a number, or a function of the means of `uses` that broadcasts over them."""

    measured: np.ndarray  # [n], one number per independent stream
    bound: Callable[..., Any] | float
    uses: tuple[np.ndarray, ...] = ()


class Tail(NamedTuple):
    """P(event) <= bound.

    `guide` [n], where given, is at least 1 on the event and has a mean of at most the bound, by the proof (for Q >= q
    it is e^{r (Q - q)}): it shows the search which way an event lies that no stream has seen. Verdicts are on events.
    """

    events: np.ndarray  # [n] bool
    bound: float
    guide: np.ndarray | None = None


class Between(NamedTuple):
    """low <= E[measured] <= high, the limits numbers or functions of the means of `uses`; `centre` lies between."""

    measured: np.ndarray  # [n]
    low: Callable[..., Any] | float
    high: Callable[..., Any] | float
    centre: float
    uses: tuple[np.ndarray, ...] = ()

    @property
    def sides(self) -> tuple[Claim, Claim]:
        """What it says of either side, as distances from the centre: above, below."""

        def from_centre(limit: Callable[..., Any] | float, sign: float) -> Callable[..., Any]:
            return lambda *means: sign * ((limit(*means) if callable(limit) else limit) - self.centre)

        above = Claim(self.measured - self.centre, from_centre(self.high, 1.0), self.uses)
        below = Claim(self.centre - self.measured, from_centre(self.low, -1.0), self.uses)
        return above, below


class Equal(NamedTuple):
    """E[measured] = value. It holds where the interval lies within the tolerance, and is violated where value is not
    in it: an equality cannot be shown any other way."""

    measured: np.ndarray  # [n]
    value: float
    tolerance: float  # in the unit of value


class Exact(NamedTuple):
    """measured <= bound, both computed; `rounding` is what float64 may be off."""

    measured: float
    bound: float
    rounding: float = 1e-9


class NotApplicable(NamedTuple):
    """A hypothesis fails that can be seen to fail: the statement says nothing."""

    why: str


Conclusion = Claim | Tail | Between | Equal | Exact | NotApplicable


class Statement(NamedTuple):
    """One sentence of the theory."""

    name: str
    source: str
    assumptions: frozenset[str]  # breaking another one must not break it
    evaluate: Callable[[Run], Conclusion]
    about: str  # the first line of the function's docstring
    unit: str = ""  # of what is measured, for axes


def statement(
    name: str, *, source: str, assumptions: str, unit: str = ""
) -> Callable[[Callable[[Run], Conclusion]], Statement]:
    """Make a statement of a function. `assumptions` lists those it needs, "A1 A2"; ValueError for one that is unknown.

    `unit` is that of what is measured, told on the axis of its figure.
    """
    needed = frozenset(assumptions.split())
    if unknown := sorted(needed - ASSUMPTIONS):
        raise ValueError(f"statement {name!r}: found the assumption {unknown[0]!r}, expected A1 to A8")

    def made(evaluate: Callable[[Run], Conclusion]) -> Statement:
        return Statement(name, source, needed, evaluate, (evaluate.__doc__ or "").strip().split("\n")[0], unit)

    return made


ASSUMPTIONS = frozenset(f"A{n}" for n in range(1, 9))


def load_statements(path: Path) -> list[Statement]:
    """The statements in a Python file of one's own. ValueError naming the file where there are none."""
    if not path.is_file():
        raise ValueError(f"{path}: no such file, expected Python with statements in it")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ValueError(f"{path}: {type(error).__name__}: {error}") from error
    result = [value for value in vars(module).values() if isinstance(value, Statement)]
    if not result:
        raise ValueError(f"{path}: found no statement, expected functions under @statement(...)")
    return result
