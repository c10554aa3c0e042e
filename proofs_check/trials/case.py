"""A case: what statements are tested on beyond the result of a sweep."""

from __future__ import annotations

from typing import Any, NamedTuple

from messjax import feedback as _feedback
from messjax.theory.laws import Laws
from messjax.theory.setting import Setting
from messjax.types import Controls, Distribution, Meter, Policy, Stream


class Case(NamedTuple):
    """A stream and a policy to be simulated, and the distribution that the constants of the bounds come from.

    The kinds are those under which statements are evaluated. Where an assumption is broken on purpose (`breaks`) they
    claim that it holds, so that its statements are evaluated all the same.
    """

    name: str
    distribution: Distribution  # i.i.d., or the time average where A1 is broken
    stream: Stream
    policy: Policy
    controls: Controls  # scalars, or arrays: a run for each combination
    horizon: int
    breaks: frozenset[str] = frozenset()  # assumptions broken on purpose, "A1", ...
    feedback: Any = _feedback.complete
    policy_kind: str = "mess_plus"
    sla_target: float | None = None  # the satisfaction agreed where the policy runs on a tightened alpha (T10)
    ebar: float | None = None  # a bound on E[e_t | past] that is known beforehand; None: the largest e_t measured
    finite_variance: bool = True  # whether costs and scores are known to have one (`theory.statement.Run`)
    about: str = ""
    laws: Laws | None = None  # the law of each request where it moves (T12, T13)
    setting: Setting | None = None  # late feedback, estimated costs, classes
    audited: bool = True  # whether paths are audited: not where a queue is that of other requests, or of a class
    meter: Meter | None = None  # measured beside the standard meters
    partitions: bool = True  # whether the losses against three partitions are measured (MESS+ only)
