"""Checks of a decision log: what may be concluded from it, and what stands in the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from scipy import stats

from messjax.traces.findings import Finding
from messjax.traces.logs.logged_trace import LoggedTrace

SMALL = 0.01  # propensity below which single requests decide an estimate
SURE = 1e-3  # p-value of a test that is reported
DRIFT = 0.1  # relative change of the cost per token between the first and the last third
FEW = 100  # requests with feedback of a model


def lint_log(log: LoggedTrace) -> tuple[Finding, ...]:
    """What a user should know before an estimate is made.

    Args:
        log: The log.

    Returns:
        The findings, errors first. An error means that no estimate is valid without an option.
    """
    checks: tuple[Callable[[LoggedTrace], Iterator[Finding]], ...] = (
        _propensities, _feedback, _delays, _sessions, _changes, _models,
    )  # fmt: skip
    found = [*log.findings, *(finding for check in checks for finding in check(log))]
    order = ("error", "warning", "info")
    return tuple(sorted(found, key=lambda each: order.index(each.severity)))


def _propensities(log: LoggedTrace) -> Iterator[Finding]:
    chosen, size = log.chosen_propensity, len(log.action)
    if chosen is None or log.propensity is None:
        message = (
            "without the probabilities of the choices nothing is identified without assumptions: a model of the "
            "outcomes (dm) is biased where the router chose by what decides the outcome, and the bounds without "
            "assumptions are wide"
        )
        yield Finding("no propensities", "warning", size, message, (), "log propensities; propensity=COLUMN")
        return
    if sure := int((chosen >= 1.0).sum()):
        message = f"{sure / size:.1%} of the requests had no other choice: no policy that differs there is identified"
        yield Finding("deterministic choices", "warning", sure, message)
    if small := int((chosen < SMALL).sum()):
        message = f"propensities below {SMALL:g}, down to {chosen.min():.3g}: weights up to {1 / chosen.min():,.0f}"
        yield Finding("small propensities", "warning", small, message, (), "--estimator switch-dr")
    if log.eligible is not None and log.method == "exact":
        beyond = ((log.propensity > 0) & ~log.eligible).any(axis=1)
        if beyond.any():
            message = "models that were not eligible have a propensity above 0"
            yield Finding("propensity of an ineligible model", "warning", int(beyond.sum()), message)
    if log.method == "exact" or log.eligible is not None:
        yield from _inverse(log, chosen)


def _inverse(log: LoggedTrace, chosen: np.ndarray) -> Iterator[Finding]:
    """Of 1 / propensity the mean is the number of models that could be chosen: an error where it is not."""
    exact, size = log.method == "exact", len(chosen)
    possible = np.asarray(np.nan_to_num(log.propensity) > 0 if exact else log.eligible)  # type: ignore[arg-type]
    expected, inverse = float(possible.sum(axis=1).mean()), 1.0 / chosen
    error = float(inverse.std() / np.sqrt(size))
    off = inverse.mean() - expected  # an eligible model may have had no chance: then it is less
    if (abs(off) if exact else off) > 4.0 * error + 1e-9:
        message = (
            f"the mean of 1 / propensity is {inverse.mean():.3f} +- {error:.3f}, and should be {expected:.3f}, the "
            "number of models that could be chosen: the models were not chosen with these probabilities"
        )
        yield Finding("propensities do not fit the choices", "error", size, message)
    elif exact or abs(off) <= 4.0 * error + 1e-9:
        message = f"the mean of 1 / propensity is {inverse.mean():.3f}, as it should be ({expected:.3f})"
        yield Finding("propensities fit the choices", "info", size, message)


def _feedback(log: LoggedTrace) -> Iterator[Finding]:
    seen, size = log.observed, len(log.action)
    if not seen.any():
        yield Finding("no feedback", "error", size, "no request has a score, so that nothing is known of satisfaction")
        return
    if seen.all():
        return
    count = np.bincount(log.action, minlength=len(log.models))
    got = np.bincount(log.action, seen, minlength=len(log.models))
    shares = ", ".join(f"{name} {got[m] / max(count[m], 1):.1%}" for m, name in enumerate(log.models))
    message = f"feedback came for {seen.mean():.1%} of the requests ({shares})"
    yield Finding("missing feedback", "info", int((~seen).sum()), message)
    table = np.array([got, count - got])[:, count > 0]
    halves = [seen[: size // 2], seen[size // 2 :]]
    over_time = np.array([[part.sum(), (~part).sum()] for part in halves])
    for what, each in (("the model that answered", table), ("time", over_time)):
        if each.shape[1] > 1 and (each.sum(axis=1) > 0).all() and (each.sum(axis=0) > 0).all():
            p_value = float(stats.chi2_contingency(each).pvalue)
            if p_value < SURE and log.p_observed is None:
                message = f"whether feedback comes depends on {what} (p = {p_value:.2g}): it is not missing at random"
                yield Finding(
                    "feedback missing not at random", "warning", int((~seen).sum()), message, (), "p_observed=COLUMN"
                )


def _delays(log: LoggedTrace) -> Iterator[Finding]:
    if log.time is None or log.feedback_time is None:
        return
    delay = log.feedback_time - log.time
    known = ~np.isnan(delay)
    if early := int((delay[known] < 0).sum()):
        yield Finding("feedback before its request", "warning", early, "feedback times lie before those of requests")
    if known.any():
        message = f"feedback comes after {np.median(delay[known]):,.0f} s (median), {delay[known].max():,.0f} s at most"
        yield Finding("delays", "info", int(known.sum()), message)


def _sessions(log: LoggedTrace) -> Iterator[Finding]:
    if log.sessions is None:
        return
    codes, names = log.sessions.codes()
    named = np.array([bool(name) for name in names])
    sizes = np.bincount(codes, minlength=len(names))[named]
    if (again := int((sizes - 1).clip(0).sum())) and len(sizes):
        message = (
            f"requests belong to {len(sizes):,} sessions of up to {sizes.max():,} requests: they depend on each other, "
            "and what a router did before changes what comes after"
        )
        yield Finding("sessions", "error", again, message, (), "--sessions first keeps the first request of each")


def _changes(log: LoggedTrace) -> Iterator[Finding]:
    if log.versions is not None and len(names := log.versions.codes()[1]) > 1:
        message = f"the log is of {len(names)} versions of the router: its own value is that of their mixture"
        yield Finding("several versions", "warning", len(log.action), message, tuple(names[:3]))
    third = len(log.action) // 3
    if third < 20:
        return
    for m, model in enumerate(log.models):
        used = (log.action[:third] == m).mean(), (log.action[-third:] == m).mean()
        if max(used) > 0.05 and min(used) == 0.0:
            yield Finding(
                "a model that comes or goes", "warning", int((log.action == m).sum()),
                f"{model} answered {used[0]:.1%} of the first third and {used[1]:.1%} of the last",
            )  # fmt: skip
    if log.output_tokens is None or log.input_tokens is None:
        return
    price = log.cost / (log.input_tokens + log.output_tokens)
    for m, model in enumerate(log.models):
        parts = [price[rows][(log.action[rows] == m)] for rows in (slice(0, third), slice(-third, None))]
        first, last = (float(np.nanmedian(part)) if np.isfinite(part).any() else np.nan for part in parts)
        if first > 0 and abs(last / first - 1.0) > DRIFT:
            message = f"{model} costs {last / first:.2f} times as much per token in the last third as in the first"
            yield Finding("change of price", "warning", int((log.action == m).sum()), message)


def _models(log: LoggedTrace) -> Iterator[Finding]:
    got = np.bincount(log.action, log.observed, minlength=len(log.models))
    for m, model in enumerate(log.models):
        if got[m] < FEW:
            message = f"{model} has {int(got[m])} answers with feedback: what is said of it is uncertain"
            yield Finding("few answers of a model", "warning", int(got[m]), message)
