"""Every assumption broken on purpose, one at a time: the cases of the matrix "assumption x statement".

Each case is chosen so that a statement that needs the assumption must fail on it; "What breaks what" in docs/theory
says why. `requests` has the streams, `coins` exploration, `beliefs` feedback and predictions, `catalogue` the cases.
"""

from __future__ import annotations

from messjax.policies.router import router
from proofs_check.breaks.beliefs import PriceList, deaf, flattered, frozen
from proofs_check.breaks.catalogue import cases, mended, one, two, unbounded
from proofs_check.breaks.coins import exploring, once, tied_to
from proofs_check.breaks.requests import drifting, leaking, pareto, rare, unseen

__all__ = [
    "PriceList",
    "cases",
    "deaf",
    "drifting",
    "exploring",
    "flattered",
    "frozen",
    "leaking",
    "mended",
    "once",
    "one",
    "pareto",
    "rare",
    "router",
    "tied_to",
    "two",
    "unbounded",
    "unseen",
]
