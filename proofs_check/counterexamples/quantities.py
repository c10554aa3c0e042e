"""Quantities of an instance that a search holds fixed or within a range: `c=0`, `V=1:50`, `mu[0,1]=0.9`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import numpy as np

Range = tuple[float, float]

NUMBERS: dict[str, Range] = {  # what each may be, smallest and largest
    "V": (0.0, 1e6),
    "alpha": (0.0, 1.0),
    "c": (0.0, 1e3),
    "a": (0.0, 2.0),
    "f": (1e-3, 1.0),
    "T": (1, 100_000),
    "asked": (0.0, 1.0),
    "error": (0.0, 1.0),
}
TABLES: dict[str, Range] = {"weight": (0.0, 1.0), "E": (0.0, 1e6), "mu": (0.0, 1.0), "s_hat": (-1e3, 1e3)}
MEANING = (
    "V, alpha, c, a, f, T: controls and horizon; asked: satisfaction of the SLA that T10 is about, at most alpha; "
    "error: how far s_hat is from mu, 0 (an oracle) to 1; per type k and model m, from 0 on: weight[k], E[k,m], "
    "mu[k,m], s_hat[k,m]"
)
_GEOMETRIC = ("V", "T")  # are spread evenly over orders of magnitude
_NAME = re.compile(r"(\w+)(?:\[(\d+)(?:,(\d+))?\])?\s*=\s*(\S+)")


def parse(fixed: Iterable[str], ranges: Iterable[str], types: int, models: int) -> dict[str, Range]:
    """The ranges that options name, by quantity; a fixed one has two equal ends.

    Args:
      fixed: texts such as "c=0" and "mu[0,1]=0.9".
      ranges: texts such as "V=1:50".
      types: number of request types K.
      models: number of models M.

    Raises:
      ValueError: a text that is none, an unknown quantity or one given twice, or a number that it cannot have.
    """
    limits: dict[str, Range] = {}
    for option, texts, form in (("--fix", fixed, "NAME=NUMBER"), ("--range", ranges, "NAME=LOW:HIGH")):
        for text in texts:
            found = _NAME.fullmatch(text.strip())
            ends = found[4].split(":") if found else []
            if not found or len(ends) != (1 if option == "--fix" else 2):
                raise ValueError(f"{option}: found {text!r}, expected {form}")
            name = _name(option, found, types, models)
            low, high = _number(option, text, ends[0]), _number(option, text, ends[-1])
            least, most = {**NUMBERS, **TABLES}[found[1]]
            if not least <= low <= high <= most:
                raise ValueError(f"{option}: found {text!r}, expected numbers from {least:g} to {most:g}, LOW <= HIGH")
            if name in limits:
                raise ValueError(f"{option}: {name} is given twice")
            limits[name] = (low, high)
    _check_attainable(limits, types, models)
    return limits


def _number(option: str, text: str, end: str) -> float:
    try:
        return float(end)
    except ValueError:
        raise ValueError(f"{option}: found {text!r}, expected a number after =") from None


def _name(option: str, found: re.Match[str], types: int, models: int) -> str:
    """The name as `decode` knows it."""
    name, k, m = found[1], found[2], found[3]
    if name in NUMBERS and k is None:
        return name
    if name in TABLES and k is not None and (m is None) == (name == "weight"):
        if int(k) >= types or (m is not None and int(m) >= models):
            raise ValueError(f"{option}: found {found[0]!r}, expected types below {types} and models below {models}")
        return f"{name}[{int(k)}]" if m is None else f"{name}[{int(k)},{int(m)}]"
    raise ValueError(
        f"{option}: found {found[0]!r}, expected one of {', '.join(NUMBERS)}, weight[k], E[k,m], mu[k,m], s_hat[k,m]"
    )


def _check_attainable(limits: Mapping[str, Range], types: int, models: int) -> None:
    """alpha must be attainable by every type's best model, and weights must be able to sum to one."""
    alpha = limits.get("alpha", (0.0, 0.0))[1]
    for k in range(types):
        best = max(limits.get(f"mu[{k},{m}]", (0.0, 1.0))[1] for m in range(models))
        if best < alpha:
            raise ValueError(
                f"--fix, --range: alpha is up to {alpha:g}, expected mu[{k},m] of some m that may reach it"
            )
    weights = [limits.get(f"weight[{k}]", (0.0, 1.0)) for k in range(types)]
    if sum(low for low, _ in weights) > 1.0 or sum(high for _, high in weights) < 1.0:
        raise ValueError("--fix, --range: the weights cannot sum to 1")


def between(name: str, limit: Range, u: float) -> float:
    """The number at u in [0, 1] of a range, to three figures within it."""
    low, high = limit
    if low == high:
        return low
    geometric = name in _GEOMETRIC and low > 0
    value = low * (high / low) ** u if geometric else low + u * (high - low)
    return float(np.clip(float(f"{value:.3g}"), low, high))


def entries(name: str, values: np.ndarray, u: np.ndarray, limits: Mapping[str, Range]) -> np.ndarray:
    """A table [K] or [K, M] with its entries that have a range moved into it, at `u` of the same shape."""
    out = values.copy()
    for place in np.ndindex(values.shape):
        key = f"{name}[{','.join(map(str, place))}]"
        if key in limits:
            out[place] = between(name, limits[key], float(u[place]))
    return out


def weights(share: np.ndarray, u: np.ndarray, limits: Mapping[str, Range]) -> np.ndarray:
    """Weights [K] that sum to one, those with a range within it; the others share what is left as they did."""
    given = [k for k in range(len(share)) if f"weight[{k}]" in limits]
    if not given:
        return share
    low, high = np.array([limits.get(f"weight[{k}]", (0.0, 1.0)) for k in range(len(share))]).T
    out = np.clip(entries("weight", share, u, limits), low, high)
    for _ in range(len(share)):  # what is missing goes to those that have room, the ones without a range first
        for order in ([k for k in range(len(share)) if k not in given], given):
            missing = 1.0 - out.sum()
            room = (high - out if missing > 0 else out - low)[order]
            if room.sum() > 0:
                out[order] += np.sign(missing) * room * min(1.0, abs(missing) / room.sum())
    return out.round(9)


def lifted(mean: np.ndarray, share: np.ndarray, alpha: float, limits: Mapping[str, Range]) -> np.ndarray:
    """Means [K, M] raised towards what they may be at most, by the least share at which alpha is attainable."""
    most = np.array(
        [[limits.get(f"mu[{k},{m}]", (0.0, 1.0))[1] for m in range(mean.shape[1])] for k in range(len(mean))]
    )
    low, high = 0.0, 1.0
    if float(share @ mean.max(axis=1)) >= alpha:
        return mean
    for _ in range(30):
        middle = (low + high) / 2.0
        reached = float(share @ (mean + middle * (most - mean)).max(axis=1)) >= alpha
        low, high = (low, middle) if reached else (middle, high)
    return np.minimum(np.ceil((mean + high * (most - mean)) * 1000.0) / 1000.0, np.maximum(most, mean))
