"""What a request costs on a model: as recorded, by tokens and prices, by parameters and tokens, or a constant.

The choice is the user's, and its unit goes with the trace to every axis and table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from messjax.traces.parsing import listed
from messjax.traces.price_lists import UNIT_PRICES, four, read_prices
from messjax.traces.recording import Recording

KINDS = ("recorded", "tokens", "parameters", "constant", "latency", "latency-in-turn")
TIMES = KINDS[4:]  # costs that are recorded latencies
UNIT_TOKENS = "USD"
UNIT_LATENCY = "s"
ASKED = {  # what a note says
    "latency": "models are asked at the same time: a request that asks all of them takes the largest of their "
    "latencies (--cost latency-in-turn: the sum)",
    "latency-in-turn": "models are asked one after the other: a request that asks all of them takes the sum of their "
    "latencies (--cost latency: the largest)",
}


class CostRule(NamedTuple):
    """How the costs of a trace are computed.

    Attributes:
        kind: One of `KINDS`: "recorded", "tokens", "parameters", "constant", "latency" or "latency-in-turn", which
            differ in what an explored request takes (`schema.Trace.paid`).
        of_model: A model's name, or a part of one, to its numbers: (price,), (input, output), (input, cached, output)
            or (input, cached, output, reasoning) in USD per 1M tokens; for "parameters" (billions of parameters,).
        unit: Unit of a constant; empty: USD per 1M tokens.
        since: Changes of prices: a model's name to (seconds since 1970, numbers), in the order of time.
        spare: Whether numbers of other models are ignored, as in a publisher's price list.
    """

    kind: str
    of_model: Mapping[str, tuple[float, ...]] = {}
    unit: str = ""
    since: Mapping[str, tuple[tuple[float, tuple[float, ...]], ...]] = {}
    spare: bool = False


def parse_rule(kind: str | None, prices: str, parameters: str, unit: str, recording: Recording) -> CostRule:
    """The rule that command-line options describe: `--cost KIND --prices ... --parameters ... --cost-unit ...`.

    Without `kind` it follows from the numbers given, or is "recorded" where costs are recorded. Prices are USD per 1M
    tokens: of tokens where the recording counts them, else one constant per model (as RouteLLM has it).

    Args:
        kind: One of `KINDS`, or None.
        prices: As in `price_list`, or "".
        parameters: Billions of parameters by model, in the form of `price_list`, or "".
        unit: Unit of a constant, or "".
        recording: What the costs are for.

    Returns:
        The rule.

    Raises:
        ValueError: Options that contradict each other or say too little; names the alternatives.
    """
    if kind is None:
        counts = recording.output_tokens is not None and recording.token_unit == "token"
        kind = "parameters" if parameters else ("tokens" if counts else "constant") if prices else "recorded"
        if kind == "recorded" and recording.cost is None:
            raise ValueError(f"{recording.source}: a {recording.format} trace without costs: give {ways(recording)}")
    if kind not in KINDS:
        raise ValueError(f"--cost: found {kind!r}, expected one of {', '.join(KINDS)}")
    given = {"tokens": prices, "constant": prices, "parameters": parameters}.get(kind, "")
    option = "--parameters" if kind == "parameters" else "--prices"
    if kind not in ("recorded", *TIMES) and not given:
        example = ",".join(f"{model}=..." for model in recording.models[:3])
        raise ValueError(f"--cost {kind}: needs {option} {example} ({_what(kind)}), or part of the name")
    if (prices and option != "--prices") or (parameters and option != "--parameters") or (kind == "recorded" and given):
        raise ValueError(f"--cost {kind}: found --prices or --parameters, which it does not use")
    if kind in ("recorded", *TIMES):
        if prices or parameters:
            raise ValueError(f"--cost {kind}: found --prices or --parameters, which it does not use")
        return CostRule(kind)
    read = read_prices(given, _what(kind))
    return CostRule(kind, read.of_model, unit, read.since, read.from_file)


def match(
    models: tuple[str, ...], given: Mapping[str, tuple[float, ...]], option: str, what: str, *, spare: bool = False
) -> list[tuple[float, ...]]:
    """One entry per model. A full name wins over a part, so that `gpt-4` can be priced next to `gpt-4-turbo`.

    Args:
        models: Names of the models [M].
        given: Numbers by name or part of a name.
        option: The command-line option, for error messages.
        what: What the numbers are, for error messages.
        spare: Whether entries of no model are ignored (as in a publisher's price list).

    Returns:
        The numbers of each model [M].

    Raises:
        ValueError: An entry of no or several models, a model with none or two.
    """
    result: dict[str, str] = {}
    for key in given:
        part = key.strip().lower()
        fits = [model for model in models if model == key.strip()]
        fits = fits or [model for model in models if model.lower() == part]
        fits = fits or ([] if spare else [model for model in models if part in model.lower()])
        if not fits and spare:
            continue
        if len(fits) != 1:
            verdict = "is part of several models" if fits else "is no model and no part of one"
            raise ValueError(f"price {key!r} {verdict}, expected exactly one of {listed(models)}")
        if fits[0] in result:
            raise ValueError(f"model {fits[0]!r} has two prices, {result[fits[0]]!r} and {key!r}, expected one")
        result[fits[0]] = key
    missing = [model for model in models if model not in result]
    if missing:
        example = ",".join(f"{model}=USD" if option == "--prices" else f"{model}=BILLIONS" for model in missing)
        raise ValueError(
            f"no {'price' if option == '--prices' else 'number'} for model {listed(missing)}: "
            f"give {option} {example},... ({what}), or part of the name"
        )
    return [given[result[model]] for model in models]


def make_costs(recording: Recording, rule: CostRule) -> tuple[np.ndarray, str]:
    """The costs of a recording by a rule.

    Args:
        recording: N requests, M models.
        rule: How costs are computed.

    Returns:
        Costs [N, M] float64 per request, NaN where the recording lacks what the rule needs, and their unit.

    Raises:
        ValueError: Costs or tokens that are not recorded at all, or numbers that do not fit the models.
    """
    shape = recording.score.shape
    if rule.kind in ("recorded", *TIMES):
        table, what = (recording.cost, "costs") if rule.kind == "recorded" else (recording.latency, "latencies")
        if table is None:
            raise ValueError(f"{recording.source}: no {what} are recorded: give {ways(recording)}")
        return table.copy(), recording.cost_unit if rule.kind == "recorded" else UNIT_LATENCY
    option, what = ("--parameters" if rule.kind == "parameters" else "--prices"), _what(rule.kind)
    given = match(recording.models, rule.of_model, option, what, spare=rule.spare or len(rule.of_model) > 2 * shape[1])
    if rule.kind == "constant":
        for model, each in zip(recording.models, given, strict=True):
            if len(each) != 1:
                raise ValueError(f"model {model!r} has prices of input and output, expected one constant")
        return np.tile(np.array(given, np.float64)[:, 0], (shape[0], 1)), rule.unit or UNIT_PRICES
    if recording.output_tokens is None:
        raise ValueError(f"{recording.source}: a {recording.format} trace without token counts: give {ways(recording)}")
    if rule.kind == "parameters":
        return _by_parameters(recording, np.array([each[0] for each in given]))
    return _by_tokens(recording, np.array([four(each) for each in given]), rule), UNIT_TOKENS


def _by_tokens(recording: Recording, price: np.ndarray, rule: CostRule) -> np.ndarray:
    """Costs [N, M] of prices [M, 4] for input, cached, output and reasoning, or of those that held at the time."""
    if recording.token_unit != "token":
        raise ValueError(
            f"{recording.source}: answers are counted in {recording.token_unit}s, expected tokens: "
            f"give {ways(recording)}"
        )
    output, given = recording.output_tokens, recording.input_tokens
    assert output is not None
    if given is None and price[:, :2].any():
        raise ValueError(f"{recording.source}: no input tokens are recorded: give {ways(recording)}")
    given = np.zeros_like(output) if given is None else given
    cached = np.zeros_like(output) if recording.cached_tokens is None else np.nan_to_num(recording.cached_tokens)
    reasoning = np.zeros_like(output)
    if recording.reasoning_tokens is not None:
        reasoning = np.nan_to_num(recording.reasoning_tokens)
    for part, whole, names in ((cached, given, "cached input"), (reasoning, output, "reasoning output")):
        if (more := part > whole).any():
            n, m = np.argwhere(more)[0]
            raise ValueError(
                f"{recording.place(n, m)}: model {recording.models[m]!r} has {part[n, m]:g} {names.split()[0]} tokens "
                f"of {whole[n, m]:g} {names.split()[1]} tokens, expected a part of them"
            )
    counts = (given - cached, cached, output - reasoning, reasoning)
    by_time = _at_times(recording, price, rule)
    result = np.zeros_like(output)
    for kind, count in enumerate(counts):
        result += count * by_time[..., kind]
    return result / 1e6


def _at_times(recording: Recording, price: np.ndarray, rule: CostRule) -> np.ndarray:
    """Prices [M, 4], or [N, M, 4] where they change."""
    changing = {}
    for name, changes in rule.since.items():
        for m in (m for m, model in enumerate(recording.models) if model.casefold() == name.casefold()):
            changing[m] = changes
    if not changing:
        return price
    if recording.time is None:
        raise ValueError(f"{recording.source}: prices change in time: give the column of time, --columns time=COLUMN")
    result = np.tile(price, (len(recording.time), 1, 1))
    for m, changes in changing.items():
        starts, numbers = np.array([start for start, _ in changes]), np.array([four(each) for _, each in changes])
        at = np.searchsorted(starts, recording.time, side="right") - 1
        if (early := np.flatnonzero(at < 0)).size:
            model = recording.models[m]
            raise ValueError(f"{recording.place(early[0])}: {model!r} has no price yet, expected one from before")
        result[:, m] = numbers[at]
    return result


def _by_parameters(recording: Recording, billions: np.ndarray) -> tuple[np.ndarray, str]:
    """1e9 parameters times what was processed: all tokens, or the answer's where only these are counted."""
    assert recording.output_tokens is not None
    unit, output = recording.token_unit, recording.output_tokens
    if recording.input_tokens is None:
        return billions * output, f"1e9 parameters x output {unit}s"
    return billions * (output + recording.input_tokens), f"1e9 parameters x {unit}s"


def _what(kind: str) -> str:
    return "1e9 parameters of each model" if kind == "parameters" else UNIT_PRICES


def ways(recording: Recording) -> str:
    """The command-line options that give costs for a recording.

    Args:
        recording: The recording.

    Returns:
        The options, as text.
    """
    prices = ",".join(f"{model}=USD" for model in recording.models[:3])
    billions = ",".join(f"{model}=BILLIONS" for model in recording.models[:3])
    result = ["--cost recorded"] if recording.cost is not None else []
    if recording.output_tokens is not None:
        if recording.token_unit == "token" and recording.input_tokens is not None:
            result.append(f"--cost tokens --prices {prices} (USD per 1M tokens, or INPUT/OUTPUT)")
        elif recording.token_unit == "token":
            output = ",".join(f"{model}=0/USD" for model in recording.models[:3])
            result.append(f"--cost tokens --prices {output} (USD per 1M output tokens)")
        result.append(f"--cost parameters --parameters {billions} (1e9 parameters)")
    result += ["--cost latency (s)"] if recording.latency is not None else []
    result.append(f"--cost constant --prices {prices} (USD per 1M tokens)")
    return ", or ".join(result)
