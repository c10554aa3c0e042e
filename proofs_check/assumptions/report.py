"""The result of a check, how an interval becomes a verdict, the intervals that several checks share, and the table.

Every check measures a deviation from its assumption. It is "rejected" where the deviation is beyond chance,
"holds" only where the interval shows that it is negligible, and "undecided" otherwise: little data never confirm.
"""

from __future__ import annotations

import itertools
import re
import textwrap
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from rich.table import Table
from rich.text import Text
from scipy import optimize, special

from messjax.statistics import intervals, one_sided_limits
from messjax.theory import ALL
from messjax.theory.statement import Statement
from proofs_check.tables import Column, build, is_wide

LEVEL = 0.95  # of every interval; within one assumption, intervals and p-values are corrected for their number
TOLERANCE = 0.05  # a negligible deviation of a satisfaction or a share
TOLERANCE_SD = 0.1  # a negligible deviation in standard deviations of one request


class Check(NamedTuple):
    """One verdict on one assumption. Statistics are without unit: satisfactions, shares, standard deviations."""

    assumption: str  # "A1" to "A8"
    what: str  # name of the statistic
    statistic: float  # NaN where there is nothing to compute
    lower: float  # interval at `level`
    upper: float
    verdict: str  # "holds", "rejected", "undecided" or "not checkable"
    detail: str  # which model, row, group or count
    source: str = ""  # the trace or stream that was checked
    p: float = np.nan  # corrected p-value, where the verdict comes from a permutation test
    level: float = LEVEL


def corrected(count: int) -> float:
    """The level of each of `count` intervals that hold together with LEVEL (Bonferroni)."""
    return 1.0 - (1.0 - LEVEL) / max(count, 1)


def positive(result: intervals.Interval) -> str:
    """The verdict on "the number is above zero"."""
    return "holds" if result.lower > 0 else "rejected" if result.upper < 0 else "undecided"


def at_most(result: intervals.Interval, limit: float = TOLERANCE) -> str:
    """The verdict on "the number is negligible", at most `limit`."""
    return "holds" if result.upper <= limit else "rejected" if result.lower > limit else "undecided"


def zero(result: intervals.Interval, limit: float = TOLERANCE) -> str:
    """The verdict on "the number is zero": rejected where the interval leaves it out, whatever its size."""
    if result.lower > 0 or result.upper < 0:
        return "rejected"
    return "holds" if max(-result.lower, result.upper) <= limit else "undecided"


def row(assumption: str, what: str, result: intervals.Interval, verdict: str, detail: str, p: float = np.nan) -> Check:
    """A check from its interval; the source is filled in by whoever has it."""
    return Check(
        assumption, what, float(result.mean), float(result.lower), float(result.upper), verdict, detail, p=float(p)
    )


def exactly(value: float, n: int = 0) -> intervals.Interval:
    """A number that is known: an interval without width."""
    return intervals.Interval(value, value, value, LEVEL, n)


def not_checkable(assumption: str, what: str, detail: str) -> Check:
    """A row that gives the reason why there is no verdict."""
    return row(assumption, what, exactly(np.nan), "not checkable", detail)


def share(count: int, total: int) -> intervals.Interval:
    """A share with its exact interval (Clopper and Pearson 1934)."""
    lower, upper = one_sided_limits.share_limits(count, total, (1.0 - LEVEL) / 2.0)
    return intervals.Interval(count / total, float(lower), float(upper), LEVEL, total)


def rms_of_means(values: np.ndarray, groups: np.ndarray, *, centred: bool, level: float = LEVEL) -> intervals.Interval:
    """Root mean square of the true group means of `values` [N, k], with the chance part taken off.

    groups [N] are numbers 0, 1, ... of non-empty groups; with `centred` the means are taken from the common one. The
    sum of squared standardised group means is a noncentral chi-square whose noncentrality is the number wanted:
    the limits invert it. All k columns are averaged and must be about uncorrelated. Where N is no larger than
    the number of groups or nothing varies the interval is that of the bare means.
    """
    num, columns = values.shape
    counts = np.bincount(groups).astype(np.float64)
    means = np.stack([np.bincount(groups, column) for column in values.T], axis=-1) / counts[:, None]  # [G, k]
    within = ((values - means[groups]) ** 2).sum(axis=0) / max(num - len(counts), 1)
    means = means - values.mean(axis=0) if centred else means
    squares = counts @ means**2  # [k]
    usable = within > 1e-12 * np.maximum(squares, 1e-300)
    if not usable.all():  # constant within groups: no chance part
        bare = float(np.sqrt(squares.sum() / (num * columns)))
        return exactly(bare, num)
    total, freedom = float((squares / within).sum()), float((len(counts) - centred) * columns)
    scale = float(within.mean()) / (num * columns)
    limits = [_noncentrality(total, freedom, (1.0 + sign * level) / 2.0) for sign in (1.0, -1.0)]
    lower, mean, upper = (float(np.sqrt(scale * x)) for x in (limits[0], max(0.0, total - freedom), limits[1]))
    return intervals.Interval(mean, lower, upper, level, num)


def _noncentrality(total: float, freedom: float, probability: float) -> float:
    """The noncentrality under which a chi-square is below `total` with this probability; 0 where there is none."""

    def excess(noncentrality: float) -> float:
        return float(special.chndtr(total, freedom, noncentrality)) - probability

    if special.chdtr(freedom, total) <= probability:
        return 0.0
    high = max(total, 1.0)
    while excess(high) > 0:
        high *= 2.0
    return float(optimize.brentq(excess, 0.0, high, xtol=1e-6 * high))


def short(model: str) -> str:
    """A model's name without its publisher, as tables and figures show it."""
    return re.sub(r"^(?:[\w.-]+/)+(?=\w)", "", model)


VERDICTS = ("rejected", "undecided", "holds", "not checkable")  # of an assumption: the first that a check of it has
IN_PART = "holds where it can be checked"
RULE = (
    "An assumption is rejected where any of its checks rejects it, else undecided where any is: each check looks at "
    "another way to violate it."
)
REPLAYED = (
    "A7 is about deployment: the features do not tell these costs before a model is run. `messjax replay` gives the "
    "router each request's recorded costs, so that in a replay A7 holds and rules out none of these statements."
)


def verdicts(checks: Sequence[Check]) -> dict[str, str]:
    """One verdict per assumption: rejected by any of its checks, else undecided by any, else what all others say."""
    found: dict[str, list[str]] = {}
    for check in checks:
        found.setdefault(check.assumption, []).append(check.verdict)
    named = {name: next(word for word in VERDICTS if word in words) for name, words in sorted(found.items())}
    part = {name for name, word in named.items() if word == "holds" and "not checkable" in found[name]}
    return {name: IN_PART if name in part else word for name, word in named.items()}


def conclusions(checks: Sequence[Check], statements: Sequence[Statement] = ALL, width: int = 80) -> str:
    """One line per assumption, and which statements of docs/theory.md do not apply where some are rejected.

    An assumption that is undecided or cannot be checked says nothing against a statement, nor for it.
    """
    lines = [f"{name} {word}{_by(name, word, checks)}" for name, word in verdicts(checks).items()]
    broken = {name for name, word in verdicts(checks).items() if word == "rejected"}
    lost = [each for each in statements if each.assumptions & broken]
    whole = [each.name for each in statements if not each.assumptions & broken]
    text = ["Verdicts: " + "; ".join(lines) + ".", RULE]
    if lost:
        by = dict.fromkeys(" and ".join(sorted(each.assumptions & broken)) for each in lost)
        for names in by:
            concerned = [each.name for each in lost if " and ".join(sorted(each.assumptions & broken)) == names]
            text.append(f"{names} rejected, hence these statements do not apply: {'; '.join(concerned)}.")
        if "A1" in broken:
            text.append("A1 is about the order given: shuffling restores it, and --shuffle checks that.")
        if "A7" in broken:
            text.append(REPLAYED)
        text.append(f"Not touched by a rejected assumption: {'; '.join(whole)}.")
    else:
        text.append("No assumption is rejected, hence no statement is ruled out.")
    return "\n".join(textwrap.fill(line, width, subsequent_indent="  ", break_on_hyphens=False) for line in text)


def _by(name: str, word: str, checks: Sequence[Check]) -> str:
    """Which checks decide a verdict, where not all of the assumption's do."""
    own = [check for check in checks if check.assumption == name]
    deciding = [check for check in own if check.verdict == word]
    if word not in ("rejected", "undecided") or len(deciding) == len(own):
        return ""
    whats = ", ".join(dict.fromkeys(check.what for check in deciding))
    return f" by {len(deciding)} of {len(own)} checks: {whats}"


COLUMNS = (
    Column(""), Column("statistic"), Column("value", number=True), Column("interval", number=True),
    Column("p", number=True, wide=True), Column("verdict"), Column("detail", wide=True, repeated=True),
)  # fmt: skip
STYLES = {"rejected": "bold", "holds": "green"}


def table(checks: Sequence[Check]) -> Table:
    """The checks as a table, one row each, a line between assumptions."""
    sources = sorted({check.source for check in checks if check.source})
    rows: list[list[str | Text]] = []
    for check in checks:
        value = "" if np.isnan(check.statistic) else f"{check.statistic:.3g}"
        interval = "" if np.isnan(check.lower) else f"{check.lower:.3g} to {check.upper:.3g}"
        p = "" if np.isnan(check.p) else f"{check.p:.3g}"
        verdict = Text(check.verdict, STYLES.get(check.verdict, "dim"))
        what = check.what if is_wide() else f"{check.what}: {check.detail}"
        rows.append([check.assumption, what, value, interval, p, verdict, check.detail])
    last = [i for i, (one, after) in enumerate(itertools.pairwise(checks)) if one.assumption != after.assumption]
    return build(
        COLUMNS,
        rows,
        title=f"Assumptions A1 to A8 of docs/theory.md on {', '.join(sources)}",
        caption=f"{LEVEL:.0%} intervals; p by Holm's method. All checks but A1 and A4 treat the requests as i.i.d.",
        sections=last,
        elsewhere="assumptions.json",
    )
