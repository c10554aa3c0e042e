"""Policies that use no features and learn nothing: one model always, uniform random, and the best static mixture."""

from __future__ import annotations

import operator
from typing import NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax.components import same_structure, spec_of
from messjax.numerics import virtual_queue
from messjax.policies import serving
from messjax.policies.predictor_router import serve_queue
from messjax.theory import optimum
from messjax.types import Array, Controls, Decision, Feedback, Kind, Policy, Traits


def single(model: int) -> Policy:
    """Always the same model.

    Args:
        model: Number of the model; 0 is the first of the zoo.

    Returns:
        The policy. It reads no controls for its decisions.

    Raises:
        ValueError: A negative number; when a run starts, a number that the stream has no model for.

    Example:
        >>> import jax
        >>> from messjax.types import Controls
        >>> policy = single(1)
        >>> state = policy.init(jax.random.key(0), Controls())
        >>> int(policy.act(jax.random.key(1), state, np.zeros(2), np.array([1.0, 2.0, 5.0]), Controls()).serve)
        1
    """
    if operator.index(model) < 0:
        raise ValueError(f"single: expected a model number >= 0, found {model}")
    return feature_free(Partial(_single, jnp.asarray(model, jnp.int32)), "single", Partial(_single_propensity))


def uniform() -> Policy:
    """Each request to one of the M models (of those that are available), uniformly at random.

    Returns:
        The policy. It reads no controls for its decisions.
    """
    follows = Traits(follows_availability=True)
    return feature_free(Partial(_uniform), "uniform", Partial(_uniform_propensity), follows)


def mixture(cost: np.ndarray, accuracy: np.ndarray) -> Policy:
    """The static mixture of least cost that meets alpha on average, from each model's two averages alone.

    At most two models are mixed: neighbours on the lower-right hull of the (accuracy, cost) points. Below the first of
    them it is the cheapest model, above the last (infeasible) the best one. It is the appropriate baseline for MESS+,
    because it needs no features ("About the published results" in docs/theory.md).

    Args:
        cost: Average cost of each model [M], in cost units.
        accuracy: Average satisfaction of each model [M], in [0, 1].

    Returns:
        The policy. It reads the control alpha.

    Raises:
        ValueError: Costs or accuracies that `optimum.check_distribution` refuses.

    Example:
        >>> policy = mixture(np.array([1.0, 2.0, 5.0]), np.array([0.5, 0.7, 0.8]))
    """
    level, weights = optimum.frontier(np.asarray(cost, np.float64), np.asarray(accuracy, np.float64))
    pick = Partial(_mixture, jnp.asarray(level, jnp.float32), jnp.asarray(weights, jnp.float32))
    return feature_free(pick, "mixture", Partial(_mixture_propensity))


class FeatureFreeSpec(NamedTuple):
    """What a policy that uses no features is made of.

    Attributes:
        pick: A Partial, (key, M, controls) -> model [] int.
        propensity: A Partial, (pick, M, controls) -> the probabilities of what `pick` returns [M]; None: not known.
    """

    pick: Partial
    propensity: Partial | None = None


def feature_free(
    pick: Partial, kind: str = "other", propensity: Partial | None = None, traits: Traits | None = None
) -> Policy:
    """A policy that serves the model that a function picks without looking at features, and learns nothing.

    Args:
        pick: A Partial, (key, M, controls) -> model [] int.
        kind: Name of the policy, recorded in results.
        propensity: A Partial, (pick, M, controls) -> the probabilities of what `pick` returns [M]; None: not known.
        traits: What the policy can do beyond the common rules.

    Returns:
        The policy.
    """
    spec = FeatureFreeSpec(pick, propensity)
    return Policy(Partial(_init), Partial(act, spec), Partial(_update), Partial(_queue), Kind(kind), traits or Traits())


def pick_of(policy: Policy) -> Partial | None:
    """The function by which a policy picks a model without looking at features.

    Args:
        policy: Any policy.

    Returns:
        The function; None for any other policy, also for one of which a function was replaced.
    """
    spec = spec_of(policy.act, act)
    if spec is None or not same_structure(
        policy, feature_free(spec.pick, policy.kind.name, spec.propensity, policy.traits)
    ):
        return None
    return cast(Partial, spec.pick)


def _single(model: Array, key: Array, num_models: int, controls: Controls) -> Array:
    del key, controls
    if not isinstance(model, jax.core.Tracer) and int(model) >= num_models:  # known when a run is checked, before it
        raise ValueError(f"single: expected a model number below {num_models}, found {int(model)}")
    return model


def _single_propensity(pick: Partial, num_models: int, controls: Controls) -> Array:
    del controls
    return serving.certain(pick.args[0], num_models)


def _uniform_propensity(pick: Partial, num_models: int, controls: Controls) -> Array:
    del pick
    return serving.uniform_propensity(num_models, controls)


def _uniform(key: Array, num_models: int, controls: Controls) -> Array:
    if controls.available is None:
        return jax.random.randint(key, (), 0, num_models, jnp.int32)
    return serving.uniform_model(jax.random.uniform(key, dtype=jnp.float32), num_models, controls)


def _mixture(level: Array, weights: Array, key: Array, num_models: int, controls: Controls) -> Array:
    if weights.shape[1] != num_models:
        raise ValueError(f"mixture: built for {weights.shape[1]} models, expected {num_models}")
    share = _shares(level, weights, controls)
    return jnp.minimum(jnp.sum(jax.random.uniform(key, dtype=jnp.float32) >= jnp.cumsum(share)), num_models - 1)


def _mixture_propensity(pick: Partial, num_models: int, controls: Controls) -> Array:
    del num_models
    level, weights = pick.args
    return _shares(level, weights, controls)


def _shares(level: Array, weights: Array, controls: Controls) -> Array:
    return jax.vmap(lambda column: jnp.interp(controls.alpha, level, column), in_axes=1)(weights)


def _init(key: Array, controls: Controls) -> virtual_queue.Fixed:
    del key, controls
    return virtual_queue.zero()


def act(
    spec: FeatureFreeSpec, key: Array, state: virtual_queue.Fixed, features: Array, cost: Array, controls: Controls
) -> Decision:
    """Serve the model that `spec.pick(key, M, controls)` names.

    Args:
        spec: The function that picks.
        key: Random key of this request.
        state: The virtual queue, not used.
        features: Features [d], not used.
        cost: Costs [M], read for their number.
        controls: Given to `pick`.

    Returns:
        The decision, with s_hat NaN and no exploration.
    """
    del state, features
    serve = jnp.asarray(spec.pick(key, cost.shape[0], controls), jnp.int32)
    never, none, zero = jnp.zeros((), bool), jnp.zeros(cost.shape, bool), jnp.zeros((), jnp.float32)
    propensity = None if spec.propensity is None else spec.propensity(spec.pick, cost.shape[0], controls)
    return Decision(serve, none, never, zero, jnp.full_like(cost, jnp.nan), propensity)


def _update(
    state: virtual_queue.Fixed, features: Array, decision: Decision, feedback: Feedback, controls: Controls
) -> virtual_queue.Fixed:
    del features, decision
    return serve_queue(state, feedback, controls)


def _queue(state: virtual_queue.Fixed) -> virtual_queue.Fixed:
    return state
