"""MESS+ under one-sided feedback: only the served model's outcome is ever observed."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax.tree_util import Partial

from messjax.components import as_pytree
from messjax.policies import serving
from messjax.policies.algorithm import choose, mess_plus
from messjax.policies.predictor_router import RouterState, probability, serve_queue
from messjax.policies.rare_update import update_if
from messjax.types import Array, Controls, Decision, Feedback, Kind, Outcome, Policy, Predictor

LEARNING = ("explored", "importance", "served")


@dataclass(frozen=True)
class _Learning:
    how: str


def one_sided(predictor: Predictor, *, learning: str = "explored") -> Policy:
    """MESS+ that explores by serving one of the M models at random, and pays for and observes that one only.

    With probability p_t = min(1, c t^-a), by the same random draw as MESS+, a request is explored: a uniformly random
    model serves it. That costs the average over models instead of the sum (in T2, E_all becomes the mean over models,
    and in T1 to T3 beta_M the mean of E[s_m] - alpha: `theory.other_settings`), and informs about one model instead of
    M.

    Args:
        predictor: Supplies s_hat [M].
        learning: What updates the predictor. "explored": an explored request, on the model served, without a weight.
            Given x, observations are missing at random, so that a model's mean is estimated without bias at every x.
            "importance": an explored request, on M pseudo-labels (`pseudo_labels`) whose mean over the random draws
            makes the gradient that of complete feedback on every request; its variance grows like M/p_t, and a rule
            that clips gradients (`learning.sgd`) biases it again. "served": every request, on the model served: more
            data, at x where V, alpha and the predictor itself chose the model, hence one predictor path for each V and
            alpha. With the other two one path serves the grid.

    Returns:
        The policy. It reads the controls V, alpha, c and a.

    Raises:
        ValueError: Any other `learning`.

    Source: The setting of arXiv 2606.19376, the successor of [M25].
    """
    if learning not in LEARNING:
        raise ValueError(f"one_sided: learning is {learning!r}, expected one of {', '.join(LEARNING)}")
    predictor = as_pytree(predictor)
    base = mess_plus(predictor)
    return base._replace(
        act=Partial(_Act(learning), predictor), update=Partial(_Update(learning), predictor), kind=Kind("one_sided")
    )


class _Act(_Learning):
    def __call__(
        self, predictor: Predictor, key: Array, state: RouterState, x: Array, cost: Array, controls: Controls
    ) -> Decision:
        num_models = cost.shape[0]
        p = probability(state.t, controls)
        draw, which = jax.random.uniform(key, (2,), jnp.float32)  # the first word is the exploration draw of MESS+
        explore = draw < p
        s_hat = predictor.predict(state.predictor, x)
        random = serving.uniform_model(which, num_models, controls)
        best = choose(s_hat, cost, state.queue, controls)
        serve = jnp.where(explore, random, best).astype(jnp.int32)
        models = jnp.arange(num_models)
        # Not `serve` where only exploration teaches: it depends on V and alpha, and so would all that is learned.
        learn = models == serve if self.how == "served" else (models == random) & explore
        uniform = serving.uniform_propensity(num_models, controls)
        propensity = serving.explored(p, uniform, serving.certain(best, num_models))
        return Decision(serve, learn, explore, p, s_hat, propensity)


class _Update(_Learning):
    def __call__(
        self,
        predictor: Predictor,
        state: RouterState,
        x: Array,
        decision: Decision,
        feedback: Feedback,
        controls: Controls,
    ) -> RouterState:
        outcome = feedback.outcome
        learn = jnp.any(outcome.observed)
        if self.how == "importance":
            models = decision.learn.shape[0] if controls.available is None else jnp.sum(controls.available)
            propensity = decision.p / models
            outcome = pseudo_labels(decision.s_hat, outcome, propensity)
        return RouterState(
            t=state.t + 1,
            queue=serve_queue(state.queue, feedback, controls),
            predictor=update_if(learn, predictor.update, state.predictor, x, outcome),
        )


def pseudo_labels(s_hat: Array, outcome: Outcome, propensity: Array) -> Outcome:
    """Labels of all M models, s~_m = s_hat_m + 1{m observed} (s_m - s_hat_m) / propensity, as if all were observed.

    Where m is observed with this probability, E[s~_m] = s_m. Cross-entropy and squared loss have gradients affine in
    the label, zero at s~ = s_hat: an update is that of the observed model alone, weighted 1/propensity. (Dropout adds
    noise to s_hat in training, not to this: the mean is still that of the labels.)

    Args:
        s_hat: Predictions acted on [M].
        outcome: Observed satisfactions [M].
        propensity: Probability [] with which each model was to be observed.

    Returns:
        The pseudo-labels [M], all marked as observed; they may leave [0, 1].
    """
    weight = jnp.where(outcome.observed, 1.0 / propensity, 0.0)
    return Outcome(s_hat + weight * (outcome.satisfaction - s_hat), jnp.ones_like(outcome.observed))
