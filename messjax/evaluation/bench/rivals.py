"""The routers of other authors as entrants: their own knobs, and the settings that their authors publish."""

from __future__ import annotations

import numpy as np

from messjax import policies
from messjax.evaluation.bench.data import BenchData
from messjax.evaluation.bench.entry import ALPHA, HISTORY, Entrant, Range, entrant, frozen_head, spent, spread
from messjax.policies import paced_linucb
from messjax.predictors import contrastive

TYPES = 5  # request types of LiteLLM's router


def stage_route(data: BenchData, budgets: np.ndarray) -> Entrant:
    """StageRoute, cold: its knob is the budget.

    Args:
        data: The data.
        budgets: Budgets per request [B].

    Returns:
        The entrant.
    """
    num, largest = data.horizon, float(np.max(data.parts.training.cost))
    return entrant(
        lambda width: policies.stage_route(len(data.models), horizon=num, largest_cost=largest, width=width),
        {"budget": spent(budgets), "width": Range(1e-4, 1.0, log=True)},
        history="cold", native="ceiling", defaults={"width": 1.0},
    )  # fmt: skip


def _pareto_bandit(data: BenchData, budgets: np.ndarray, *, warm: bool) -> Entrant:
    known = data.parts.training
    # A trace has no list price per 1,000 tokens: costs in USD stand for it, others on the scale of the cheapest.
    usd = data.cost_unit.startswith("USD")
    price = data.listed_cost if usd else 1e-4 * data.listed_cost / data.listed_cost[0]
    rows = np.append(np.asarray(known.features, np.float64), np.ones((len(known.rows), 1)), axis=1)
    A = np.tile(rows.T @ rows + np.eye(rows.shape[1]), (len(price), 1, 1))
    prior = paced_linucb.warm_prior(A, np.asarray(known.satisfaction, np.float64).T @ rows) if warm else None
    usual = 0.01 if warm else 0.05
    return entrant(
        lambda width, penalty: policies.pareto_bandit(
            np.maximum(price, 1e-12), num_features=rows.shape[1] - 1, prior=prior, width=width, penalty=penalty
        ),
        {"budget": spent(budgets), "width": Range(0.003, 0.5, log=True), "penalty": Range(0.0, 0.4)},
        history=HISTORY[warm], native="ceiling", defaults={"width": usual, "penalty": 0.0},
    )  # fmt: skip


def pareto_bandit(data: BenchData, budgets: np.ndarray) -> Entrant:
    """ParetoBandit, cold: its knob is the budget.

    Args:
        data: The data.
        budgets: Budgets per request [B].

    Returns:
        The entrant.
    """
    return _pareto_bandit(data, budgets, warm=False)


def pareto_bandit_warm(data: BenchData, budgets: np.ndarray) -> Entrant:
    """ParetoBandit with the prior of the history, worth 1163.9 requests.

    Args:
        data: The data.
        budgets: Budgets per request [B].

    Returns:
        The entrant.
    """
    return _pareto_bandit(data, budgets, warm=True)


def port(data: BenchData, budgets: np.ndarray) -> Entrant:
    """PORT with its nearest neighbours of the history.

    Args:
        data: The data.
        budgets: Budgets per request [B].

    Returns:
        The entrant.
    """
    known, num = data.parts.training, data.horizon
    unit = 1e-4 * spread(data) / 0.0146  # the paper's 1e-4 USD at the range of the costs of its kind of trace
    return entrant(
        lambda value, split: policies.port(
            known.features, known.satisfaction, known.cost, horizon=num, value=value, split=split
        ),
        {"budget": spent(budgets), "value": Range(unit, 1e3 * unit, log=True), "split": Range(0.0, 1.0)},
        history="full history", native="ceiling", defaults={"value": unit, "split": 1.0},
    )  # fmt: skip


def omni_router(data: BenchData, budgets: np.ndarray) -> Entrant:
    """OmniRouter's rule, one request a step, with a frozen head: its knob is alpha.

    Args:
        data: The data.
        budgets: Budgets per request [B].

    Returns:
        The entrant.
    """
    head, no_limit = frozen_head(data), np.ones(len(data.models))
    return entrant(
        lambda step: policies.omni_router(head, step=step, largest_load=no_limit),
        {"alpha": Range(*ALPHA), "step": Range(1e-4 * spread(data), 1e-1 * spread(data), log=True)},
        history="full history", native="floor", defaults={"step": 1e-2 * spread(data)}, budget=float(budgets[0]),
    )  # fmt: skip


def routing_sampling(data: BenchData, budgets: np.ndarray) -> Entrant:
    """semantic-router's sampler, cold: its knob is the weight of cost.

    Args:
        data: The data.
        budgets: Budgets per request [B].

    Returns:
        The entrant.
    """
    return entrant(
        lambda cost_weight, margin: policies.routing_sampling(
            len(data.models), cost_weight=cost_weight, margin=margin, base=0
        ),
        {"cost_weight": Range(0.01, 10.0, log=True), "margin": Range(0.0, 0.08)},
        history="cold", native=None, defaults={}, budget=float(budgets[0]),
    )  # fmt: skip


def adaptive_beta(data: BenchData, budgets: np.ndarray) -> Entrant:
    """LiteLLM's adaptive router with five types (clusters of the history), without a prior: its knob is its weight.

    Args:
        data: The data.
        budgets: Budgets per request [B].

    Returns:
        The entrant.
    """
    x = np.asarray(data.parts.training.features)
    label = contrastive.clusters(x, TYPES)
    centres = np.stack([x[label == k].mean(axis=0) if (label == k).any() else x[k] for k in range(TYPES)])
    prior = np.full(len(data.models), 0.5)
    return entrant(
        lambda quality_weight, explore: policies.adaptive_beta(
            centres, prior, explore=explore, quality_weight=quality_weight
        ),
        {"quality_weight": Range(0.1, 0.99), "explore": Range(0.02, 1.0, log=True)},
        history="cold", native=None, defaults={}, budget=float(budgets[0]),
    )  # fmt: skip


def conformal_gate(data: BenchData, budgets: np.ndarray) -> Entrant:
    """The conformal gate between the cheapest model and the one of most satisfaction: its knob is alpha.

    Args:
        data: The data.
        budgets: Budgets per request [B].

    Returns:
        The entrant.
    """
    known, best = data.parts.training, int(np.argmax(data.listed_satisfaction))
    half = len(known.rows) // 2
    one, other = ((known.features[rows], known.satisfaction[rows]) for rows in (slice(None, half), slice(half, None)))
    return entrant(
        lambda good: policies.conformal_gate(one, other, cheap=0, dear=best if best else 1, good=good),
        {"alpha": Range(0.3, 0.97), "good": Range(0.5, 0.9)},
        history="full history", native="floor", defaults={"good": 0.5}, budget=float(budgets[0]),
    )  # fmt: skip
