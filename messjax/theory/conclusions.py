"""What a statement may conclude of a run: a mean is at most a bound, an event is rare, two numbers agree.

Each conclusion holds what was measured and what the theorem says of it; `messjax.theory.margins` decides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

UNKNOWN = (-np.inf, np.inf)  # the range of numbers of which none is known


class Claim(NamedTuple):
    """E[measured] <= bound.

    Attributes:
        measured: One number per independent stream, [n].
        bound: A number, or a function of the means of `uses` that broadcasts over them.
        uses: What the bound is computed from, [n] each.
        within: What `measured` is at least and at most on every stream, known beforehand (`Run.within`): then it is
            tested by bets that are valid at any number of streams, and not only by Student's t.
        uses_within: The same of each of `uses`; only where the bound is concave in them together.
        plug_in: What else the bound takes from the same streams, in words: verdicts then say so.
    """

    measured: np.ndarray
    bound: Callable[..., Any] | float
    uses: tuple[np.ndarray, ...] = ()
    within: tuple[float, float] = UNKNOWN
    uses_within: tuple[tuple[float, float], ...] = ()
    plug_in: str = ""


class AtLeast(NamedTuple):
    """E[measured] >= bound.

    Attributes:
        measured: One number per independent stream, [n].
        bound: A number.
        within: As in `Claim`.
    """

    measured: np.ndarray
    bound: float
    within: tuple[float, float] = UNKNOWN


class Tail(NamedTuple):
    """P(event) <= bound.

    Attributes:
        events: Whether the event happened, [n] bool.
        bound: A probability.
        guide: [n], where given at least 1 on the event and with a mean of at most the bound, by the proof (for Q >= q
            it is e^{r (Q - q)}): it guides the search towards events that no stream has had. Verdicts are on events.
        plug_in: As in `Claim`.
    """

    events: np.ndarray
    bound: float
    guide: np.ndarray | None = None
    plug_in: str = ""


class Between(NamedTuple):
    """low <= E[measured] <= high.

    Attributes:
        measured: One number per independent stream, [n].
        low: A number, or a function of the means of `uses`.
        high: A number, or a function of the means of `uses`.
        centre: A number between the limits.
        uses: What the limits are computed from, [n] each.
        within: As in `Claim`.
        uses_within: As in `Claim`: only where `high` is concave in them, and `low` convex.
    """

    measured: np.ndarray
    low: Callable[..., Any] | float
    high: Callable[..., Any] | float
    centre: float
    uses: tuple[np.ndarray, ...] = ()
    within: tuple[float, float] = UNKNOWN
    uses_within: tuple[tuple[float, float], ...] = ()

    @property
    def sides(self) -> tuple[Claim, Claim]:
        """The claim on either side, as distances from the centre: above, below."""

        def from_centre(limit: Callable[..., Any] | float, sign: float) -> Callable[..., Any]:
            return lambda *means: sign * ((limit(*means) if callable(limit) else limit) - self.centre)

        low, high = (each - self.centre for each in self.within)
        more: Any = {"uses": self.uses, "uses_within": self.uses_within}
        above = Claim(self.measured - self.centre, from_centre(self.high, 1.0), within=(low, high), **more)
        below = Claim(self.centre - self.measured, from_centre(self.low, -1.0), within=(-high, -low), **more)
        return above, below


class Equal(NamedTuple):
    """E[measured] = value.

    It holds where the interval lies within the tolerance, and is violated where the value is not in it: an equality
    cannot be shown in any other way.

    Attributes:
        measured: One number per independent stream, [n].
        value: The number.
        tolerance: In the unit of the value.
        within: As in `Claim`.
    """

    measured: np.ndarray
    value: float
    tolerance: float
    within: tuple[float, float] = UNKNOWN


class Exact(NamedTuple):
    """measured <= bound, both computed without randomness.

    Attributes:
        measured: The left side.
        bound: The right side.
        rounding: Relative error that float64 may have.
    """

    measured: float
    bound: float
    rounding: float = 1e-9


class NotApplicable(NamedTuple):
    """A hypothesis fails: the statement says nothing about this run.

    Attributes:
        reason: Which one, in words.
        measured: What it would have bounded [n], for tables, or None.
    """

    reason: str
    measured: np.ndarray | None = None


class NotTested(NotApplicable):
    """The run is of another kind than the statement is about, or lacks what it is about: nothing was tested."""

    __slots__ = ()


Conclusion = Claim | AtLeast | Tail | Between | Equal | Exact | NotApplicable
