"""What a request costs on a model: as recorded, by tokens and prices, by parameters and tokens, or a constant.

The choice is the user's, and its unit goes with the trace to every axis and table.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from messjax.traces.parsing import Place, field, listed, number
from messjax.traces.record_files import json_document
from messjax.traces.recording import Recording

KINDS = ("recorded", "tokens", "parameters", "constant")
UNIT_TOKENS = "USD"
UNIT_PRICES = "USD per 1M tokens"


class CostRule(NamedTuple):
    """How the costs of a trace are computed.

    Attributes:
        kind: One of `KINDS`: "recorded", "tokens", "parameters" or "constant".
        of_model: A model's name, or a part of one, to its numbers: (price,) or (input price, output price) in USD per
            1M tokens; for "parameters" (billions of parameters,).
        unit: Unit of a constant; empty: USD per 1M tokens.
    """

    kind: str
    of_model: Mapping[str, tuple[float, ...]] = {}
    unit: str = ""


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
    if kind != "recorded" and not given:
        example = ",".join(f"{model}=..." for model in recording.models[:3])
        raise ValueError(f"--cost {kind}: needs {option} {example} ({_what(kind)}), or part of the name")
    if (prices and option != "--prices") or (parameters and option != "--parameters") or (kind == "recorded" and given):
        raise ValueError(f"--cost {kind}: found --prices or --parameters, which it does not use")
    if kind == "recorded":
        if prices or parameters:
            raise ValueError("--cost recorded: found --prices or --parameters, which it does not use")
        return CostRule(kind)
    return CostRule(kind, price_list(given, _what(kind)), unit)


def price_list(given: str, what: str = UNIT_PRICES) -> dict[str, tuple[float, ...]]:
    """Prices by model, from text or from a file.

    Args:
        given: `"mixtral=0.24,gpt-4=10/30"` (input/output), or the path of a JSON price list as RouterArena's cost.json.
            A name may contain "=" but no ",": then give the part of it that has none.
        what: What the numbers are, for error messages.

    Returns:
        Numbers by name.

    Raises:
        ValueError: No entry, an entry that is not NAME=NUMBER, a name given twice, or a number that is not finite and
            >= 0.
    """
    if given.lower().endswith(".json") and "=" not in given:
        return _from_json(Path(given))
    prices: dict[str, tuple[float, ...]] = {}
    for item in given.split(","):
        name, equals, numbers = (part.strip() for part in item.rpartition("="))
        if not (name and equals and numbers):
            raise ValueError(f"prices {given!r}: found {item.strip()!r}, expected NAME=USD,NAME=USD,... ({what})")
        if name in prices:
            raise ValueError(f"prices {given!r}: {name!r} has two prices, expected one")
        try:
            prices[name] = tuple(float(part) for part in numbers.split("/"))
        except ValueError:
            raise ValueError(f"prices {given!r}: price of {name!r} is {numbers!r}, expected a number") from None
        check_price(name, prices[name], what)
    return prices


def check_price(name: str, price: tuple[float, ...], what: str = UNIT_PRICES) -> None:
    """Refuse a price that is not one or two finite numbers >= 0 for a name.

    Args:
        name: The name.
        price: The numbers.
        what: What the numbers are, for error messages.

    Raises:
        ValueError: Anything else, or an empty name.
    """
    if not name.strip():
        raise ValueError(f"price {'/'.join(map(str, price))} has an empty name, expected a model or part of one")
    if len(price) not in (1, 2):
        raise ValueError(f"price of {name!r} has {len(price)} numbers, expected one, or INPUT/OUTPUT ({what})")
    for each in price:
        try:
            good = math.isfinite(each) and each >= 0.0
        except (TypeError, OverflowError):
            good = False
        if not good:
            raise ValueError(f"price of {name!r} is {each!r}, expected a finite number >= 0 ({what})")


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
    if rule.kind == "recorded":
        if recording.cost is None:
            raise ValueError(f"{recording.source}: no costs are recorded: give {ways(recording)}")
        return recording.cost.copy(), recording.cost_unit
    option, what = ("--parameters" if rule.kind == "parameters" else "--prices"), _what(rule.kind)
    given = match(recording.models, rule.of_model, option, what, spare=len(rule.of_model) > 2 * shape[1])
    if rule.kind == "constant":
        for model, each in zip(recording.models, given, strict=True):
            if len(each) != 1:
                raise ValueError(f"model {model!r} has prices of input and output, expected one constant")
        return np.tile(np.array(given, np.float64)[:, 0], (shape[0], 1)), rule.unit or UNIT_PRICES
    if recording.output_tokens is None:
        raise ValueError(f"{recording.source}: a {recording.format} trace without token counts: give {ways(recording)}")
    if rule.kind == "parameters":
        return _by_parameters(recording, np.array([each[0] for each in given]))
    if recording.token_unit != "token":
        raise ValueError(
            f"{recording.source}: answers are counted in {recording.token_unit}s, expected tokens: "
            f"give {ways(recording)}"
        )
    if recording.input_tokens is None:
        raise ValueError(f"{recording.source}: no input tokens are recorded: give {ways(recording)}")
    price = np.array([each * 2 if len(each) == 1 else each for each in given], np.float64)  # [M, 2]
    return (recording.input_tokens * price[:, 0] + recording.output_tokens * price[:, 1]) / 1e6, UNIT_TOKENS


def _by_parameters(recording: Recording, billions: np.ndarray) -> tuple[np.ndarray, str]:
    """1e9 parameters times what was processed: all tokens, or the answer's where only these are counted."""
    assert recording.output_tokens is not None
    unit, output = recording.token_unit, recording.output_tokens
    if recording.input_tokens is None:
        return billions * output, f"1e9 parameters x output {unit}s"
    return billions * (output + recording.input_tokens), f"1e9 parameters x {unit}s"


def _from_json(path: Path) -> dict[str, tuple[float, ...]]:
    if not os.path.isfile(path):
        raise ValueError(f"{path} not found, expected a JSON list of prices")
    table, place = json_document(path), Place(path, 1, "line")
    if not isinstance(table, dict) or not table:
        raise ValueError(
            f"{path}: found no record of models, expected {{model: {{input_token_price_per_million, ...}}}}"
        )
    prices = {}
    for model in table:
        pair = ("input_token_price_per_million", "output_token_price_per_million")
        prices[model] = tuple(number(place, f"{model}.{name}", field(place, table, model, name)) for name in pair)
        check_price(model, prices[model])
    return prices


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
        result.append(f"--cost parameters --parameters {billions} (1e9 parameters)")
    result.append(f"--cost constant --prices {prices} (USD per 1M tokens)")
    return ", or ".join(result)
