"""What a run's policy was given beside MESS+: late feedback, estimated costs, or targets by class."""

from __future__ import annotations

from typing import NamedTuple


class Setting(NamedTuple):
    """The numbers that statements about other settings need (`theory.other_settings`).

    Attributes:
        delay: By how many requests feedback is late.
        cost_error: What no cost that the policy decides by is further than from the mean cost given the request, in
            cost units.
        class_alphas: The target of each class, where the policy has a queue for each.
    """

    delay: int = 0
    cost_error: float = 0.0
    class_alphas: tuple[float, ...] = ()
