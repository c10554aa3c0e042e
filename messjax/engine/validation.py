"""Validation of the arguments of a run, on the host and before anything compiles: one clear error each."""

from __future__ import annotations

import inspect
import numbers
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from messjax import feedback as _feedback
from messjax.components import expect, found
from messjax.engine import debug_checks
from messjax.streams.float32 import LARGEST
from messjax.theory import optimum
from messjax.types import Controls, Meter, Policy, Stream, StreamDescription

A_POLICY = "a Policy, such as policies.mess_plus(predictor)"
LIMITS = {"alpha": (0.0, 1.0), "f": (0.0, 1.0)} | dict.fromkeys(("V", "c", "a", "budget"), (0.0, LARGEST))


def check_components(key: Any, controls: Any, policy: Any, stream: Any, meter: Any, feedback: Any) -> None:
    """Refuse the first argument of a run that is not what its name says.

    Args:
        key: Expected: a JAX random key.
        controls: Expected: `Controls`.
        policy: Expected: a `Policy`, or a mapping of names to policies.
        stream: Expected: a `Stream`.
        meter: Expected: a `Meter` or None.
        feedback: Expected: a function of (key, decision, request, controls).

    Raises:
        TypeError: Names the argument, what was found and what was expected.
        ValueError: An empty mapping of policies; in debug runs (`debug_checks`) an array of the wrong shape.
    """
    _check_key(key)
    expect("controls", controls, Controls, "Controls(V=..., alpha=..., c=..., a=..., f=...)")
    _check_policy(policy)
    expect("stream", stream, Stream, "a Stream, such as streams.types(distribution) or zoo.get('llama3').stream()")
    if meter is not None:
        expect("meter", meter, Meter, "a Meter, such as meters.standard(), or None")
    _check_feedback(feedback)
    if debug_checks.enabled():
        debug_checks.check_shapes(policy, stream, meter, feedback)


def _check_key(key: Any) -> None:
    dtype, shape = getattr(key, "dtype", None), getattr(key, "shape", None)
    if dtype is None:
        raise TypeError(f"key: found {found(key)}, expected a JAX random key, such as jax.random.key(0)")
    typed = jax.dtypes.issubdtype(dtype, jax.dtypes.prng_key)
    if not (typed and shape == ()) and not (dtype == np.uint32 and shape == (2,)):
        raise TypeError(f"key: found an array {dtype}{list(shape or ())}, expected one random key: jax.random.key(0)")


def _check_policy(policy: Any) -> None:
    if not isinstance(policy, Mapping):
        expect("policy", policy, Policy, f"{A_POLICY}, or a dict of names to policies")
        return
    if not policy:
        raise ValueError("policy: expected a policy or a mapping of names to policies, found an empty mapping")
    for name, each in policy.items():
        expect(f"a name of policy {name!r}", name, str, "a string")
        expect(f"policy[{name!r}]", each, Policy, A_POLICY)


def _check_feedback(feedback: Any) -> None:
    wanted = "a function of (key, decision, request, controls), such as feedback.complete or feedback.noisy(0.1)"
    if not callable(feedback):
        raise TypeError(f"feedback: found {found(feedback)}, expected {wanted}")
    try:
        inspect.signature(feedback).bind("key", "decision", "request", "controls")
    except TypeError:
        raise TypeError(f"feedback: found {found(feedback)}, expected {wanted}") from None


def check_count(name: str, value: Any, low: int, high: float = np.inf, what: str = "") -> None:
    """Refuse anything but a whole number in a range.

    Args:
        name: Name of the argument.
        value: What the caller gave.
        low: Smallest allowed number.
        high: Largest allowed number.
        what: What is counted: "requests".

    Raises:
        ValueError: Anything else.
    """
    _check_whole(name, value, what)
    if not low <= value <= high:
        limits = f"at least {low}" if high == np.inf else f"{low} to {high}"
        raise ValueError(f"{name}: found {value}, expected {limits}")


def check_machine(block: Any, devices: Any, memory: Any) -> None:
    """Refuse options of the machine that are not numbers.

    Args:
        block: Expected: a whole number of streams, or None.
        devices: Expected: a whole number, or None.
        memory: Expected: a number of GiB, or None.

    Raises:
        ValueError: Anything else.
    """
    for name, value in (("block", block), ("devices", devices)):
        if value is not None:
            _check_whole(name, value)
    if memory is not None and (isinstance(memory, bool) or not isinstance(memory, numbers.Real)):
        raise ValueError(f"memory: found {found(memory)}, expected a number of GiB")


def _check_whole(name: str, value: Any, what: str = "") -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise ValueError(f"{name}: found {found(value)}, expected a whole number{f' of {what}' if what else ''}")


def check_horizon(horizon: Any, checkpoints: Any, stream: Stream) -> None:
    """Refuse a horizon or a number of checkpoints that a run cannot have.

    Args:
        horizon: Number of requests, from 1 to the length of a recorded trace.
        checkpoints: Number of checkpoints, from 0 to the horizon.
        stream: The stream, read for its length.

    Raises:
        ValueError: Anything else.
    """
    check_count("horizon", horizon, 1, what="requests")
    if horizon >= 2**31 - 1:
        raise ValueError(f"horizon: expected less than 2^31 - 1 requests (t is an int32), found {horizon}")
    if stream.length is not None and horizon > stream.length:
        raise ValueError(f"horizon: the trace has {stream.length} requests, found horizon {horizon}")
    check_count("checkpoints", checkpoints, 0, int(horizon))


def check_controls(controls: Controls) -> dict[str, np.ndarray]:
    """The controls as arrays, validated.

    alpha is rounded to six decimals here, once: queue, violation, C* and bounds then use the same target.

    Args:
        controls: Numbers or lists of numbers.

    Returns:
        Every control that is given as a float64 array [] or [n], by name.

    Raises:
        ValueError: Naming the control, what was found and what was expected: values that are not numbers, out of range,
            or given twice, more than one dimension, or none at all.
    """
    axes = {}
    if controls.available is not None:
        raise ValueError("available: found a value, expected None: the stream says which models are available")
    for name, value in controls._asdict().items():
        if value is None and controls._field_defaults[name] is None:
            continue
        low, high = LIMITS[name]
        values = _numbers(name, value)
        if values.ndim > 1 or values.size == 0:
            raise ValueError(f"{name}: expected a number or a non-empty 1-d array, found shape {values.shape}")
        bad = ~((values >= low) & (values <= high))
        if bad.any():
            result = np.atleast_1d(values)[np.atleast_1d(bad)][0]
            raise ValueError(f"{name}: expected every value in [{low:g}, {high:g}], found {result}")
        if name == "budget" and (values == 0.0).any():
            raise ValueError("budget: expected every value above 0, found 0")
        axes[name] = np.round(values, 6) if name == "alpha" else values
        different, times = np.unique(axes[name], return_counts=True)
        if (times > 1).any():
            more = " (alpha is kept to six decimals)" if name == "alpha" else ""
            raise ValueError(
                f"{name}: found {different[times > 1][0]:g} {times.max()} times, expected different values{more}"
            )
    return axes


def _numbers(name: str, value: Any) -> np.ndarray:
    """The values of a control as float64; ValueError for strings, None and whatever else is no number."""
    wanted = "expected a number or a list of numbers"
    try:
        values = np.asarray(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name}: found {found(value)}, {wanted}") from None
    is_object = values.dtype.kind == "O" and all(isinstance(each, numbers.Real) for each in values.ravel())
    if values.dtype.kind in "bUSMmc" or (values.dtype.kind == "O" and not is_object):
        what = found(value) if values.ndim == 0 else f"{type(value).__name__} {value!r}"
        raise ValueError(f"{name}: found {what}, {wanted}")
    return values.astype(np.float64)


def check_alpha(alpha: np.ndarray, largest: float) -> None:
    """Refuse an alpha above what any policy attains.

    Args:
        alpha: Required satisfactions [] or [n].
        largest: The largest attainable satisfaction.

    Raises:
        ValueError: Names both.
    """
    worst = float(np.max(alpha))
    if worst > largest + 1e-12:
        raise ValueError(f"alpha: {worst:g} is infeasible: the largest attainable satisfaction is {largest:.6f}")


def check_run(
    controls: Controls, stream: Stream, feedback: Any, horizon: int, checkpoints: int
) -> dict[str, np.ndarray]:
    """The numbers of a run, validated.

    Args:
        controls: Numbers or lists of numbers.
        stream: The stream, read for its length and distribution.
        feedback: The feedback function.
        horizon: Number of requests.
        checkpoints: Number of checkpoints.

    Returns:
        Every control as a float64 array [] or [n], by name.

    Raises:
        ValueError: As `check_horizon`, `check_controls` and `check_alpha` raise; an f other than 1 with complete
            feedback.
    """
    check_horizon(horizon, checkpoints, stream)
    axes = check_controls(controls)
    if feedback is _feedback.complete and np.any(axes["f"] != 1.0):
        raise ValueError(
            f"f: {axes['f']} has no effect with complete feedback; expected 1, or feedback=feedback.sparse"
        )
    if stream.distribution is not None:
        check_alpha(axes["alpha"], optimum.largest_alpha(stream.distribution()))
    return axes


def check_traits(policies: Mapping[str, Policy], *, comes_and_goes: bool, budget: bool) -> None:
    """Refuse policies that cannot do what the run needs.

    Args:
        policies: Policies by name.
        comes_and_goes: Whether models of the stream come and go.
        budget: Whether the control `budget` is given.

    Raises:
        ValueError: A policy that does not follow the availability of models, or one that needs a budget without one.
    """
    for name, policy in policies.items():
        who = f"policy {name!r}" if name else f"policy {policy.kind.name!r}"
        if comes_and_goes and not policy.traits.follows_availability:
            raise ValueError(
                f"{who}: found a stream whose models come and go, which this policy does not follow; expected one with "
                "Traits(follows_availability=True), such as policies.mess_plus"
            )
        if policy.traits.needs_budget and not budget:
            raise ValueError(f"{who}: found no budget, expected Controls(budget=...), in the cost unit per request")


def check_curves(curves: Any, progress: Any = None) -> None:
    """Refuse curves that are not names, or a progress that is not a function.

    Args:
        curves: Expected: a collection of names of metrics (one string is none), or None.
        progress: Expected: a function of (requests done, requests in all), or None.

    Raises:
        TypeError: Anything else.
    """
    if curves is not None and (isinstance(curves, str) or not all(isinstance(name, str) for name in curves)):
        raise TypeError(f"curves: found {found(curves)}, expected names of metrics, such as ('cost', 'satisfaction')")
    if progress is not None and not callable(progress):
        raise TypeError(f"progress: found {found(progress)}, expected a function of (requests done, requests in all)")


def describe_stream(stream: Stream, num_models: int, models: Any, cost_unit: Any) -> StreamDescription:
    """Names of the models and unit of cost of a result: as given, else the stream's own, else "model 0", ..., "cost".

    Args:
        stream: The stream, read for its description.
        num_models: Number of models M.
        models: Names [M], or None.
        cost_unit: Unit of cost, or None.

    Returns:
        The description.

    Raises:
        TypeError: `models` is not a collection of strings, or `cost_unit` not a string.
        ValueError: Too few or too many names, or a name twice.
    """
    known = stream.description or StreamDescription(tuple(f"model {m}" for m in range(num_models)), "cost")
    if isinstance(models, str) or not all(isinstance(name, str) for name in models or ()):
        raise TypeError(f"models: found {found(models)}, expected a name for each of the {num_models} models")
    names = known.models if models is None else tuple(models)
    if len(names) != num_models or len(set(names)) != num_models:
        raise ValueError(f"models: expected {num_models} different names, found {len(names)}: {', '.join(names)}")
    if cost_unit is not None:
        expect("cost_unit", cost_unit, str, "a string, such as 'kJ'")
    return StreamDescription(names, known.cost_unit if cost_unit is None else cost_unit)
