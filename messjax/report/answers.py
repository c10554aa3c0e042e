"""What the points of a grid come to, in words: for each alpha the cheapest policy that keeps it."""

from __future__ import annotations

from typing import Any

from messjax.evaluation.comparison import MIXTURE, ONLY, UNIFORM

Record = dict[str, Any]
CAUTION = (
    "These are means over the streams of this run, exploration included; the cheapest was picked on the requests that "
    "it is measured on. messjax recommend says how sure a choice is."
)


def of_points(points: list[Record], unit: str) -> list[str]:
    """A sentence for each alpha, and what they do not say.

    Args:
        points: Records with policy, alpha, cost and satisfaction.
        unit: Unit of the costs.

    Returns:
        Sentences; none where no single model is among the policies, as in a study of one router.
    """
    usable = [each for each in points if all(_is_number(each.get(name)) for name in ("alpha", "cost", "satisfaction"))]
    if not any(_is_single(each) for each in usable):
        return []
    swept = [name for name in ("V", "c", "a", "f") if len({each.get(name) for each in usable}) > 1]
    found = []
    for alpha in sorted({each["alpha"] for each in usable}):
        found.append(_sentence(alpha, [each for each in usable if each["alpha"] == alpha], unit, swept))
    return [*found, CAUTION]


def _sentence(alpha: float, points: list[Record], unit: str, swept: list[str]) -> str:
    keep = [each for each in points if each["satisfaction"] >= alpha]
    if not keep:
        best = max(points, key=lambda each: each["satisfaction"])
        nearest = f"{_named(best, swept)} comes nearest, {_numbers(best, unit)}"
        return f"alpha = {alpha:g}: no policy keeps it in this run; {nearest}."
    best = min(keep, key=lambda each: each["cost"])
    text = f"alpha = {alpha:g}: of the policies whose mean satisfaction is at least alpha, {_named(best, swept)} costs "
    text += f"least, {_numbers(best, unit)}."
    for what, kind in (("single model", _is_single), ("router that learns", _learns)):
        if kind(best) or not any(map(kind, points)):
            continue
        kept = [each for each in keep if kind(each)]
        if not kept:
            text += f" No {what} keeps it."
            continue
        other = min(kept, key=lambda each: each["cost"])
        ratio = f" {other['cost'] / best['cost']:.2f} times as much" if best["cost"] > 0 else f" {other['cost']:.4g}"
        text += f" The cheapest {what} that keeps it, {_named(other, swept)}, costs{ratio}."
    return text


def _numbers(point: Record, unit: str) -> str:
    return f"{point['cost']:.4g} {unit or 'cost'} per request at a satisfaction of {point['satisfaction']:.4f}"


def _named(point: Record, swept: list[str]) -> str:
    """The policy, with the controls that several values were tried of."""
    if _knows_all(point):
        return f"{point['policy']} (which knows the averages of every model)"
    if not _learns(point):
        return str(point["policy"])
    place = ", ".join(f"{name} = {point[name]:g}" for name in swept if _is_number(point.get(name)))
    return f"{point['policy']} ({place})" if place else str(point["policy"])


def _knows_all(point: Record) -> bool:
    return str(point["policy"]).split(": ")[-1] == MIXTURE


def _learns(point: Record) -> bool:
    return not (_is_single(point) or _knows_all(point) or UNIFORM in str(point["policy"]))


def _is_single(point: Record) -> bool:
    return str(point["policy"]).split(": ")[-1].startswith(ONLY)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value


BENCH_VERDICTS = ("keep", "undecided", "kill", "not applicable")


def of_bench(records: list[Record]) -> tuple[str, list[Record]]:
    """How tuned policies of a bench fared against the static mix of two models that costs as much.

    Args:
        records: Records of bench.json.

    Returns:
        A sentence, empty without records, and a record per policy: its verdicts over targets and scenarios, and its
        mean gain in satisfaction.
    """
    tuned = [row for row in records if row.get("setting") == "tuned" and row.get("verdict") in BENCH_VERDICTS]
    if not tuned:
        return "", []
    table = []
    for policy in dict.fromkeys(row["policy"] for row in tuned):
        own = [row for row in tuned if row["policy"] == policy]
        gains = [row["gain"] for row in own if _is_number(row.get("gain"))]
        record = {"policy": policy} | {word: sum(row["verdict"] == word for row in own) for word in BENCH_VERDICTS}
        record |= {"mean gain in satisfaction": sum(gains) / len(gains) if gains else None}
        table.append(record | {"scenarios": len({row.get("scenario") for row in own})})
    table.sort(key=lambda row: (-row["keep"], row["kill"]))
    counts = {word: sum(row[word] for row in table) for word in BENCH_VERDICTS}
    text = (
        f"Of {sum(counts.values())} comparisons of tuned policies with the static mix of two models that costs as "
        f"much, {counts['keep']} say keep (more satisfaction, targets kept), {counts['kill']} kill (less) and "
        f"{counts['undecided']} are undecided."
    )
    best = table[0]
    end = f" Most often kept: {best['policy']} ({best['keep']})." if best["keep"] else ""
    return text + end, table
