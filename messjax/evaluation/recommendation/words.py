"""A recommendation in words, as a table, as records and as JSON."""

from __future__ import annotations

from typing import Any

import numpy as np
from rich.table import Table

from messjax.evaluation.recommendation import decision
from messjax.evaluation.recommendation.decision import Difference, Judged, Recommendation
from messjax.evaluation.recommendation.kinds import PLAIN, SERVED, TRAINED

NEEDS_FEEDBACK = (PLAIN, TRAINED, SERVED)


def answer(result: Recommendation) -> str:
    """The recommendation in one or two sentences.

    Args:
        result: The recommendation.

    Returns:
        The text, which begins with "Use", "Do not route", "Undecided" or "Out of reach".
    """
    chosen, single = result.chosen, result.single
    if result.answer == decision.USE:
        return (
            f"Use {name(chosen)}: it costs {_cost(chosen, result)} ({_against(result)}) and {_keeps(chosen, result)}."
        )
    if result.answer == decision.SINGLE_MODEL:
        return (
            f"Do not route: {_model(single)} alone costs {_cost(single, result)} and {_keeps(single, result)}"
            f"{_no_router(result)}."
        )
    if result.answer == decision.OUT_OF_REACH:
        return (
            f"Out of reach: no candidate keeps {result.alpha:g}; {name(chosen)} comes nearest with "
            f"{chosen.satisfaction.mean():.4f}. Lower --alpha, or add a better model."
        )
    wanting = (
        f"about {result.more:,} more requests would decide"
        if result.more > 0
        else "more requests like these will hardly decide it, expected another --alpha or --tolerance"
    )
    if result.saving is None:
        return (
            f"Undecided: {name(chosen)} comes nearest and {_keeps(chosen, result)}, which is less than the "
            f"{chosen.needed:.3g} asked for; {wanting}."
        )
    return (
        f"Undecided: {name(chosen)} {_keeps(chosen, result)}, but whether it costs less than {_model(single)} alone is "
        f"open ({_percent(result.saving)}); {wanting}. Until then use {_model(single)} alone."
    )


def reasons(result: Recommendation) -> list[str]:
    """Why, one sentence each.

    Args:
        result: The recommendation.

    Returns:
        The sentences.
    """
    skill, chosen = result.skill, result.chosen
    said = [
        f"On features of the prompts the predictor knows {skill.word()}: log loss {skill.log_loss:.3f}, base rate "
        f"{skill.base:.3f} (the models' means), on requests that it was not trained on."
    ]
    said += _about_singles(result)
    blind = decision.mixture_of(result)
    if blind is not None and not chosen.single and chosen is not blind:
        against = decision.difference(chosen, blind)
        keeps = "" if blind.passes else ", which does not keep alpha as surely"
        said.append(f"Against mixing models blindly: {_percent(against)}{keeps}.")
    if skill.word() == "nothing" and result.answer == decision.USE and chosen.family.kind in NEEDS_FEEDBACK:
        said.append(
            "What is saved comes from the mixture of models and from the queue, which steers to alpha exactly where a "
            "fixed mixture needs a margin; not from knowing which request needs which model."
        )
    said += _about_exploration(result)
    if chosen.family.kind in NEEDS_FEEDBACK and not chosen.single:
        said.append(
            "It needs the satisfaction of the served answer after each request; without feedback its queue does not "
            "move."
        )
    cheaper = [one for one in result.judged if one.expected and one.cost.mean() < chosen.cost.mean()]
    failed = [one for one in cheaper if not one.passes]
    if failed:
        said.append(
            f"{name(failed[0])} was {failed[0].cost.mean() / chosen.cost.mean() - 1:+.0%} in cost but keeps alpha with "
            f"probability {_probability(failed[0].keep)} only."
        )
    return said


def footing(result: Recommendation) -> str:
    """What the numbers rest on.

    Args:
        result: The recommendation.

    Returns:
        Two sentences.
    """
    sizes = [len(part.rows) for part in (result.parts.training, result.parts.judging)]
    return (
        f"It speaks for the next {result.horizon:,} requests like these (queue and learning from their start on): "
        f"trained on {sizes[0]:,} requests, settings chosen and judged on {sizes[1]:,} others. "
        "Intervals and probabilities are over requests, orders and exploration "
        f"({decision.JUDGING_RUNS} draws of new requests)."
    )


def alternatives(result: Recommendation, most: int = 9) -> Table:
    """The candidates at their chosen settings.

    Args:
        result: The recommendation.
        most: Largest number of rows; what is left out is the dearest single models.

    Returns:
        A table that fits into 80 columns.
    """
    less = f" less {result.tolerance:g}" if result.tolerance else ""
    out = Table(
        caption=f"cost in {result.cost_unit} with 95% of the next {result.horizon:,} requests; keeps: the probability "
        f"that the average satisfaction over the next {result.horizon:,} requests is at least alpha = "
        f"{result.alpha:g}{less}; * recommended"
    )
    for column in ("candidate", "cost", "satisfaction", "keeps"):
        number = column != "candidate"  # a number is never broken, however narrow the terminal
        out.add_column(column, justify="right" if number else "left", overflow="fold", no_wrap=number)
    shown = sorted(result.judged, key=lambda one: (not one.passes, one.cost.mean()))
    for one in shown[:most]:
        mark = "*" if one is result.chosen and result.answer in (decision.USE, decision.SINGLE_MODEL) else " "
        low, high = np.quantile(one.cost, (0.025, 0.975))
        out.add_row(
            "\n  ".join([f"{mark} {one.family.name}", *_lines(settings(one))]),
            f"{one.cost.mean():.4g}\n({low:.3g} to {high:.3g})",
            f"{one.satisfaction.mean():.4f}\n+- {1.96 * one.satisfaction.std():.4f}",
            _probability(one.keep),
        )
    return out


def records(result: Recommendation) -> list[dict[str, Any]]:
    """The candidates as records, for CSV and JSON.

    Args:
        result: The recommendation.

    Returns:
        One dict per candidate.
    """
    rows = []
    for one in result.judged:
        low, high = np.quantile(one.cost, (0.025, 0.975))
        rows.append(
            {
                "candidate": one.family.name,
                "kind": one.family.kind,
                "recommended": one is result.chosen and result.answer in (decision.USE, decision.SINGLE_MODEL),
                "settings": one.settings,
                "cost": float(one.cost.mean()),
                "cost_lower": float(low),
                "cost_upper": float(high),
                "satisfaction": float(one.satisfaction.mean()),
                "satisfaction_deviation": float(one.satisfaction.std()),
                "keeps_probability": one.keep,
                "needed_probability": one.needed,
                "tried_cost": one.tried_cost,
                "expected_to_keep": one.expected,
            }
        )
    return rows


def groups(result: Recommendation) -> list[dict[str, Any]]:
    """Per group of the judging part what the recommended policy did, and the single model beside it.

    Args:
        result: The recommendation.

    Returns:
        One dict per group, the least satisfied first.
    """
    judging = result.parts.judging
    names, code = np.unique(judging.groups, return_inverse=True)
    found = {}
    for who, one in (("", result.chosen), ("single_", result.single)):
        assert one.in_order.served is not None
        assert one.in_order.paid is not None
        satisfied = judging.satisfaction[one.rows, one.in_order.served]
        where = code[one.rows].ravel()
        count = np.maximum(np.bincount(where, minlength=len(names)), 1)
        found[f"{who}satisfaction"] = np.bincount(where, satisfied.ravel(), len(names)) / count
        found[f"{who}cost"] = np.bincount(where, one.in_order.paid.ravel(), len(names)) / count
    size = np.bincount(code, minlength=len(names))
    rows = [
        {"group": str(group), "requests": int(size[i])} | {key: float(values[i]) for key, values in found.items()}
        for i, group in enumerate(names)
    ]
    return sorted(rows, key=lambda row: row["satisfaction"])


def as_json(result: Recommendation) -> dict[str, Any]:
    """Everything that was said, as JSON.

    Args:
        result: The recommendation.

    Returns:
        A dict of numbers and texts.
    """
    return {
        "answer": result.answer,
        "text": answer(result),
        "reasons": reasons(result),
        "alpha": result.alpha,
        "tolerance": result.tolerance,
        "confidence": result.confidence,
        "horizon": result.horizon,
        "cost_unit": result.cost_unit,
        "chosen": result.chosen.family.name,
        "settings": result.chosen.settings,
        "single": result.single.family.name,
        "relative_cost": None if result.saving is None else result.saving._asdict(),
        "more_requests": result.more,
        "predictor": result.skill._asdict() | {"knows": result.skill.word()},
        "requests": dict((name, len(getattr(result.parts, name).rows)) for name in ("training", "judging")),
        "candidates": records(result),
        "groups": groups(result),
    }


def name(one: Judged) -> str:
    """A candidate with its settings.

    Args:
        one: The candidate.

    Returns:
        For example "MESS+ with V = 0.08, c = 1".
    """
    return f"{one.family.name} with {settings(one)}" if settings(one) else one.family.name


def settings(one: Judged) -> str:
    """The settings of a candidate in words.

    Args:
        one: The candidate.

    Returns:
        For example "V = 0.08, c = 1"; empty for a single model.
    """
    shown = {key: value for key, value in one.settings.items() if key != "a"}
    return ", ".join(f"{key} = {value:.4g}" for key, value in shown.items())


def _lines(text: str, width: int = 26) -> list[str]:
    """Settings in lines of at most that width, each name beside its number."""
    lines: list[str] = []
    for part in text.split(", ") if text else []:
        if lines and len(lines[-1]) + len(part) + 2 <= width:
            lines[-1] += f", {part}"
        else:
            lines.append(part)
    return lines


def _cost(one: Judged, result: Recommendation) -> str:
    return f"{one.cost.mean():.4g} {result.cost_unit.removesuffix(' per request')} per request"


def _model(one: Judged) -> str:
    return one.family.name.removeprefix("only ")


def _against(result: Recommendation) -> str:
    assert result.saving is not None
    single = result.single
    if single.passes:
        return _percent(result.saving, f" than the best single model, {_model(single)}")
    return f"no single model keeps {result.alpha:g} as surely; {_percent(result.saving, f' than {_model(single)}')}"


def _percent(difference: Difference, than: str = "") -> str:
    less = difference.mean < 0
    sign = -1.0 if less else 1.0
    low, high = sorted(100.0 * sign * limit for limit in (difference.lower, difference.upper))
    return f"{100 * abs(difference.mean):.0f}% {'less' if less else 'more'}{than}, 95% {low:.0f} to {high:.0f}%"


def _keeps(one: Judged, result: Recommendation) -> str:
    within = f" (within {result.tolerance:g})" if result.tolerance else ""
    likely = f"with probability {_probability(one.keep).replace('> ', 'above ').replace('< ', 'below ')}"
    return f"keeps {result.alpha:g}{within} {likely} on the next {result.horizon:,} requests"


def _probability(keep: float) -> str:
    """Two digits, rounded down: what misses .95 is not shown as .95."""
    shown = np.floor(100.0 * keep + 1e-9) / 100.0
    return "> .99" if keep > 0.99 else "< .01" if keep < 0.01 else f"{shown:.2f}".removeprefix("0")


def _no_router(result: Recommendation) -> str:
    routers = [one for one in result.judged if not one.single and one.passes]
    if not routers:
        return "; no router keeps it as surely"
    best = min(routers, key=lambda one: float(one.cost.mean()))
    against = decision.difference(best, result.single)
    if against.lower > 0:
        return f", and every router costs more ({best.family.name}: {_percent(against)})"
    return f", and no router costs reliably less ({best.family.name}: {_percent(against)})"


def _about_singles(result: Recommendation) -> list[str]:
    singles = [one for one in result.judged if one.single]
    keeping = sorted((one for one in singles if one.passes), key=lambda one: float(one.cost.mean()))
    cost, accuracy = (values.mean(axis=0) for values in (result.parts.judging.cost, result.parts.judging.satisfaction))
    said = []
    if keeping:
        rest = f"; {len(singles) - len(keeping)} of {len(singles)} single models do not" if len(singles) > 1 else ""
        said.append(f"{_model(keeping[0])} is the least expensive single model that keeps alpha{rest}.")
    else:
        said.append(f"No single model keeps alpha with probability {singles[0].needed:.3g}.")
    if len(cost) > 1 and int(np.argmax(accuracy)) != int(np.argmax(cost)):
        best, dear = (result.models[int(np.argmax(values))] for values in (accuracy, cost))
        said.append(f"The most expensive model, {dear}, is not the best one: {best} satisfies more at lower cost.")
    return said


def _about_exploration(result: Recommendation) -> list[str]:
    plain = next((one for one in result.judged if one.family.kind == PLAIN), None)
    best = min((one for one in result.judged if one.passes), key=lambda one: one.cost.mean(), default=None)
    if plain is None or best is None or plain is best:
        return []
    more = decision.difference(plain, best)
    return (
        [f"MESS+ that learns from scratch pays for exploration: {_percent(more, f' than {best.family.name}')}."]
        if more.lower > 0
        else []
    )
