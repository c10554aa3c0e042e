"""Logs of gateways and routers: which of their fields hold what."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from messjax.traces.sniff import Sniffed

_CAPITAL = re.compile(r"(?<=[a-z0-9])([A-Z])")


class Product(NamedTuple):
    """Where a product's log has what.

    Attributes:
        name: For `--format`.
        title: What it is.
        marks: Fields that its records have, and those of no other product.
        fields: Fields by role, dotted and in snake case, the first that is there counts. Beyond the roles of a log:
            "end" (time of the answer), "latency_ms", "outcomes" (a list of records with `score` or `verdict`),
            "candidates" (a list of models).
        only: A field and the values of the records that count, or None.
    """

    name: str
    title: str
    marks: frozenset[str]
    fields: Mapping[str, tuple[str, ...]]
    only: tuple[str, frozenset[str]] | None = None


PRODUCTS = (
    Product(
        "router_replay",
        "Router Replay of vLLM semantic-router, JSON of /v1/router_replay",
        frozenset({"selected_model", "original_model"}),
        {
            "id": ("id", "request_id"),
            "model": ("selected_model",),
            "prompt": ("prompt", "request_body.messages", "request_body"),
            "time": ("timestamp",),
            "session": ("session_id", "session.id", "session"),
            "version": ("policy_version", "recipe"),
            "cost": ("actual_cost",),
            "latency_ms": ("duration_ms",),
            "input_tokens": ("prompt_tokens", "usage.prompt_tokens"),
            "output_tokens": ("completion_tokens", "usage.completion_tokens"),
            "outcomes": ("outcomes",),
            "candidates": ("learning.adaptation.candidate_set",),
        },
    ),
    Product(
        "litellm",
        "LiteLLM spend logs (LiteLLM_SpendLogs)",
        frozenset({"request_id", "spend", "startTime"}),
        {
            "id": ("request_id",),
            "model": ("model_group", "model"),
            "prompt": ("messages", "proxy_server_request.messages"),
            "time": ("start_time",),
            "end": ("end_time",),
            "session": ("session_id",),
            "cost": ("spend",),
            "input_tokens": ("prompt_tokens",),
            "output_tokens": ("completion_tokens",),
            "score": ("metadata.score",),
            "propensity": ("metadata.propensity",),
        },
    ),
    Product(
        "langfuse",
        "Langfuse observations joined with scores",
        frozenset({"trace_id", "type"}),
        {
            "id": ("id",),
            "model": ("model", "provided_model_name"),
            "prompt": ("input.messages", "input"),
            "time": ("start_time",),
            "end": ("end_time",),
            "session": ("session_id", "trace_id"),
            "version": ("version",),
            "cost": ("total_cost", "calculated_total_cost", "cost_details.total"),
            "input_tokens": ("usage_details.input", "prompt_tokens", "usage.input"),
            "output_tokens": ("usage_details.output", "completion_tokens", "usage.output"),
            "propensity": ("metadata.propensity",),
        },
        ("type", frozenset({"GENERATION"})),
    ),
    Product(
        "helicone",
        "Helicone requests, JSON Lines",
        frozenset({"request_id", "request_created_at"}),
        {
            "id": ("request_id",),
            "model": ("request_model", "model", "request_body.model", "response_model"),
            "prompt": ("request_body.messages", "request_body.prompt"),
            "time": ("request_created_at",),
            "session": ("request_properties.Helicone-Session-Id", "properties.Helicone-Session-Id"),
            "cost": ("cost", "cost_usd"),
            "latency_ms": ("delay_ms", "latency"),
            "input_tokens": ("prompt_tokens",),
            "output_tokens": ("completion_tokens",),
            "score": ("feedback_rating", "rating"),
            "feedback_time": ("feedback_created_at",),
            "propensity": ("request_properties.propensity", "properties.propensity"),
        },
    ),
)
AGGREGATES = (
    (
        frozenset({"model_permaslug", "requests", "date"}),
        "found OpenRouter's daily activity: sums per day and model, without the single requests. An estimate needs a "
        "row per request with its model, cost and feedback: log them where requests are sent (with the propensity of "
        "the choice), and name the columns with --columns",
    ),
)


def product_of(seen: Sniffed) -> Product | None:
    """The product whose log a path looks like.

    Args:
        seen: What a path holds.

    Returns:
        The product, or None.
    """
    fields = {plain_name(name.rpartition("[].")[2]) for keys in seen.keys.values() for name in keys}
    return next((each for each in PRODUCTS if {plain_name(name) for name in each.marks} <= fields), None)


def aggregate_of(seen: Sniffed) -> str:
    """Why a path with sums over requests is no log.

    Args:
        seen: What a path holds.

    Returns:
        The reason; empty: it holds no such thing.
    """
    fields = {name.rpartition("[].")[2] for keys in seen.keys.values() for name in keys}
    return next((why for marks, why in AGGREGATES if marks <= fields), "")


def plain_name(name: str) -> str:
    """A field's name in snake case: exports of the same product write `traceId` and `trace_id`.

    Args:
        name: The name.

    Returns:
        The name in snake case.
    """
    return _CAPITAL.sub(r"_\1", name).lower() if "-" not in name else name
