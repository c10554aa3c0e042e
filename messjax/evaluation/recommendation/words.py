"""A recommendation in words, as records and as JSON."""

from __future__ import annotations

from typing import Any

import numpy as np

from messjax.evaluation.recommendation import decision
from messjax.evaluation.recommendation.decision import Difference, Judged, Recommendation
from messjax.evaluation.recommendation.kinds import KNN, OFFLINE, PLAIN, SERVED, TRAINED

NEEDS_FEEDBACK = (PLAIN, TRAINED, SERVED)
SEES_COSTS = (KNN, OFFLINE, *NEEDS_FEEDBACK)  # beside policies of the user's own, of which nothing is known
_Reason = tuple[str, tuple[Judged, ...]]  # a sentence, and the candidates that it speaks of


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
            f"Use {name(chosen, result.alpha)}: it costs {_cost(chosen, result)} ({_against(result)}) and "
            f"{_keeps(chosen, result)}."
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
            f"Undecided: {name(chosen)} comes nearest and {_keeps(chosen, result)}, which is less than "
            f"{_asked(chosen, result)}; {wanting}."
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
    return [sentence for sentence, _ in _reasons(result)]


def named(result: Recommendation) -> list[Judged]:
    """The candidates that the answer or a reason speaks of, and the best single model.

    Args:
        result: The recommendation.

    Returns:
        Some of `result.judged`, each once.
    """
    every = [result.chosen, result.single]
    router = _cheapest_router(result)
    if result.answer == decision.SINGLE_MODEL and router is not None:
        every.append(router)
    every += [one for _, meant in _reasons(result) for one in meant]
    return list({id(one): one for one in every}.values())


def _reasons(result: Recommendation) -> list[_Reason]:
    skill, chosen = result.skill, result.chosen
    said: list[_Reason] = [
        (
            f"On features of the prompts the predictor knows {skill.word()}: log loss {skill.log_loss:.3f}, base rate "
            f"{skill.base:.3f} (the models' means), on requests that it was not trained on.",
            (),
        )
    ]
    said += _about_singles(result)
    blind = decision.mixture_of(result)
    if blind is not None and not chosen.single and chosen is not blind:
        against = decision.difference(chosen, blind)
        keeps = "" if blind.passes else ", which does not keep alpha as surely"
        said.append((f"Against mixing models blindly: {_percent(against)}{keeps}.", (blind,)))
    if skill.word() == "nothing" and result.answer == decision.USE and chosen.family.kind in NEEDS_FEEDBACK:
        text = (
            "What is saved comes from the mixture of models and from the queue, which steers to alpha exactly where a "
            "fixed mixture needs a margin; not from knowing which request needs which model."
        )
        said.append((text, ()))
    said += _about_exploration(result)
    if chosen.family.kind in NEEDS_FEEDBACK and not chosen.single:
        text = (
            "It needs the satisfaction of the served answer after each request; without feedback its queue does not "
            "move."
        )
        said.append((text, ()))
    if chosen.family.kind in SEES_COSTS and np.ptp(result.parts.judging.cost, axis=0).any():
        text = (
            "It was judged knowing what each request costs on each model; without these costs (`costs=` of "
            "`Router.route`) it decides by the models' mean costs, and what it then saves was not measured."
        )
        said.append((text, ()))
    cheaper = [one for one in result.judged if one.expected and one.cost.mean() < chosen.cost.mean()]
    failed = [one for one in cheaper if not one.passes]
    if failed:
        text = (
            f"{name(failed[0])} costs {1 - failed[0].cost.mean() / chosen.cost.mean():.0%} less but keeps alpha "
            f"{_too_unsure(failed[0], result)}."
        )
        said.append((text, (failed[0],)))
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


def name(one: Judged, required: float = np.inf) -> str:
    """A candidate with its settings.

    Args:
        one: The candidate.
        required: As for `settings`.

    Returns:
        For example "MESS+ with V = 0.08, c = 1".
    """
    shown = settings(one, required)
    return f"{one.family.name} with {shown}" if shown else one.family.name


def settings(one: Judged, required: float = np.inf) -> str:
    """The settings of a candidate in words.

    Args:
        one: The candidate.
        required: The required satisfaction, where it is to be said why alpha is above it.

    Returns:
        For example "V = 0.08, c = 1"; empty for a single model.
    """
    shown = {key: f"{value:.4g}" for key, value in one.settings.items() if key != "a"}
    if "alpha" in shown and one.settings["alpha"] > required and shown["alpha"] != f"{required:.4g}":
        shown["alpha"] += f" (above {required:g}, to be safe)"
    return ", ".join(f"{key} = {value}" for key, value in shown.items())


def _cost(one: Judged, result: Recommendation) -> str:
    return f"{one.cost.mean():.4g} {result.cost_unit.removesuffix(' per request')} per request"


def _model(one: Judged) -> str:
    return one.family.name.removeprefix("only ")


def _against(result: Recommendation) -> str:
    assert result.saving is not None
    single = result.single
    if single.passes:
        return _percent(result.saving, f" than the best single model, {_model(single)}")
    surely = f"no single model keeps {result.alpha:g} as surely"
    if single.keep >= result.confidence:
        surely = f"{_model(single)} alone keeps {result.alpha:g} {_too_unsure(single, result)}"
    return f"{surely}; {_percent(result.saving, f' than {_model(single)}')}"


def _too_unsure(one: Judged, result: Recommendation) -> str:
    """The probability of a candidate that does not pass; where the confidence is exceeded, what was required of it."""
    if one.keep < result.confidence:
        return f"with probability {probability(one.keep)} only"
    return f"with probability {np.floor(1000.0 * one.keep) / 1000.0:.3g}, which is less than {_asked(one, result)}"


def _asked(one: Judged, result: Recommendation) -> str:
    if one.needed <= result.confidence:
        return f"the {one.needed:.3g} asked for"
    return f"the {one.needed:.3g} required of a single model because {len(result.models)} were tried"


def _percent(difference: Difference, than: str = "") -> str:
    less = difference.mean < 0
    sign = -1.0 if less else 1.0
    low, high = sorted(100.0 * sign * limit for limit in (difference.lower, difference.upper))
    return f"{100 * abs(difference.mean):.0f}% {'less' if less else 'more'}{than}, 95% {low:.0f} to {high:.0f}%"


def _keeps(one: Judged, result: Recommendation) -> str:
    within = f" (within {result.tolerance:g})" if result.tolerance else ""
    likely = f"with probability {probability(one.keep).replace('> ', 'above ').replace('< ', 'below ')}"
    return f"keeps {result.alpha:g}{within} {likely} on the next {result.horizon:,} requests"


def probability(keep: float) -> str:
    """A probability in two digits, rounded down: what misses .95 is not shown as .95.

    Args:
        keep: The probability.

    Returns:
        For example ".94" or "> .99".
    """
    shown = np.floor(100.0 * keep + 1e-9) / 100.0
    return "> .99" if keep > 0.99 else "< .01" if keep < 0.01 else f"{shown:.2f}".removeprefix("0")


def _no_router(result: Recommendation) -> str:
    best = _cheapest_router(result)
    if best is None:
        return "; no router keeps it as surely"
    against = decision.difference(best, result.single)
    if against.lower > 0:
        return f", and every router costs more ({best.family.name}: {_percent(against)})"
    return f", and no router costs reliably less ({best.family.name}: {_percent(against)})"


def _cheapest_router(result: Recommendation) -> Judged | None:
    routers = [one for one in result.judged if not one.single and one.passes]
    return min(routers, key=lambda one: float(one.cost.mean()), default=None)


def _about_singles(result: Recommendation) -> list[_Reason]:
    singles = {_model(one): one for one in result.judged if one.single}
    keeping = sorted((one for one in singles.values() if one.passes), key=lambda one: float(one.cost.mean()))
    cost, accuracy = (values.mean(axis=0) for values in (result.parts.judging.cost, result.parts.judging.satisfaction))
    said: list[_Reason] = []
    if keeping:
        rest = f"; {len(singles) - len(keeping)} of {len(singles)} single models do not" if len(singles) > 1 else ""
        if any(one.keep >= result.confidence and not one.passes for one in singles.values()):
            rest += f" at {_asked(keeping[0], result)}"
        said.append(
            (f"{_model(keeping[0])} is the least expensive single model that keeps alpha{rest}.", (keeping[0],))
        )
    else:
        said.append((f"No single model keeps alpha with probability {result.single.needed:.3g}.", (result.single,)))
    if len(cost) > 1 and int(np.argmax(accuracy)) != int(np.argmax(cost)):
        best, dear = (result.models[int(np.argmax(values))] for values in (accuracy, cost))
        text = f"The most expensive model, {dear}, is not the best one: {best} satisfies more at lower cost."
        said.append((text, (singles[dear], singles[best])))
    return said


def _about_exploration(result: Recommendation) -> list[_Reason]:
    plain = next((one for one in result.judged if one.family.kind == PLAIN), None)
    best = min((one for one in result.judged if one.passes), key=lambda one: one.cost.mean(), default=None)
    if plain is None or best is None or plain is best:
        return []
    more = decision.difference(plain, best)
    if more.lower <= 0:
        return []
    text = f"MESS+ that learns from scratch pays for exploration: {_percent(more, f' than {best.family.name}')}."
    return [(text, (plain, best))]
