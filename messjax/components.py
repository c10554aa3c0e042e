"""What is done with components as a whole: compare, stack, take apart, and refuse what is no component."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from messjax.types import Kind, Policy, Predictor, Stream

__all__ = [
    "as_pytree",
    "equal_components",
    "expect",
    "found",
    "is_traced",
    "same_structure",
    "sizes",
    "spec_of",
    "stack",
    "structure_key",
]

T = TypeVar("T")


def found(value: Any) -> str:
    """An unexpected argument in words, for an error message.

    Args:
        value: What the caller gave.

    Returns:
        For example "the int 3", "a list" or "the function f (not called)".
    """
    name = type(value).__name__
    if isinstance(value, type) or (callable(value) and hasattr(value, "__name__")):
        return f"the {'class' if isinstance(value, type) else 'function'} {value.__name__} (not called)"
    if value is None or isinstance(value, bool):
        return str(value)
    if isinstance(value, str | int | float | complex):
        return f"the {name} {value!r}"
    return f"a{'n' if name[0] in 'aeiouAEIOU' else ''} {name}"


def expect(argument: str, value: Any, kind: type, hint: str) -> None:
    """TypeError naming the argument, what was found and what was expected, unless `value` is of this kind.

    Args:
        argument: Name of the argument.
        value: What the caller gave.
        kind: The class it must be of.
        hint: What is expected, in words, with an example of how to get it.

    Raises:
        TypeError: `value` is of another class.
    """
    if not isinstance(value, kind):
        raise TypeError(f"{argument}: found {found(value)}, expected {hint}")


def spec_of(function: Any, implementation: Callable) -> Any:
    """The spec that a component's function was built from, a NamedTuple; None where it is another function.

    Args:
        function: A function of a component, a `Partial(implementation, spec)` if it is the one looked for.
        implementation: The module-level function, whose first argument is the spec.

    Returns:
        The spec, or None.
    """
    known = isinstance(function, Partial) and function.func is implementation
    return function.args[0] if known else None


def sizes(who: str, stream: Stream | None, **given: int | None) -> tuple[int, ...]:
    """Sizes of a component: as given one by one, or those of the stream that it is for.

    Args:
        who: Name of the function that was called, for the error message.
        stream: Where sizes are taken from, or None.
        **given: Sizes by name, `num_models` for M and any other name for d, or None.

    Returns:
        The sizes in the order given.

    Raises:
        TypeError: `stream` is no Stream.
        ValueError: Sizes and a stream were given, or neither, or a size is no whole number >= 1.
    """
    if stream is None:
        for name, value in given.items():
            if value is None:
                raise ValueError(f"{who}: found no {name}, expected {' and '.join(given)}, or stream=...")
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
                raise ValueError(f"{who}: {name} is {found(value)}, expected a whole number >= 1, or stream=...")
        return tuple(int(value) for value in given.values() if value is not None)
    expect("stream", stream, Stream, "a Stream, such as streams.types(distribution)")
    if doubled := [name for name, value in given.items() if value is not None]:
        raise ValueError(f"{who}: found {doubled[0]} and a stream, expected one of them: the stream has its own sizes")
    return tuple(stream.num_models if name == "num_models" else stream.num_features for name in given)


def structure_key(component: Any) -> tuple:
    """A component's functions, settings and shapes: two components with equal keys are one compiled program.

    Args:
        component: Any component, or another pytree of arrays.

    Returns:
        A hashable key.
    """
    leaves, tree = jax.tree.flatten(component)
    return tree, tuple((np.shape(leaf), str(jnp.result_type(leaf))) for leaf in leaves)


def same_structure(left: Any, right: Any) -> bool:
    """Whether two components have the same functions and settings, whatever their numbers.

    Args:
        left: A component.
        right: Another one.

    Returns:
        Whether their structures are equal.
    """
    forms: list[Any] = [jax.tree.structure(left), jax.tree.structure(right)]
    return bool(forms[0] == forms[1])


def equal_components(left: Any, right: Any) -> bool:
    """Whether two components have the same functions, settings and numbers, compared on the host.

    Args:
        left: A component.
        right: Another one.

    Returns:
        Whether they are the same.
    """
    (ours, form), (theirs, other) = jax.tree.flatten(left), jax.tree.flatten(right)
    return str(form) == str(other) and all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


def is_traced(tree: Any) -> bool:
    """Whether an array of a pytree is being traced by jit or vmap, so that the host cannot read its values.

    Args:
        tree: Any pytree.

    Returns:
        Whether one of its leaves is a tracer.
    """
    return any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(tree))


def stack(components: Sequence[T]) -> T:
    """Components of one structure as a single one, with a leading axis [n] on every array: what `jax.vmap` maps over.

    Args:
        components: Streams, policies, predictors, meters or feedbacks that differ in their numbers only, for example
            1,000 streams built by `streams.types` from 1,000 random distributions.

    Returns:
        The stacked component. What only the host uses of a stream (`Stream.without_host_data`) is left out.

    Raises:
        ValueError: No components, or components whose functions, settings or array shapes differ.

    Example:
        >>> from messjax import policies
        >>> jax.tree.leaves(stack([policies.single(0), policies.single(1)]))
        [Array([0, 1], dtype=int32)]
    """
    parts: list[Any] = [as_pytree(part) for part in components]
    parts = [part.without_host_data() if isinstance(part, Stream) else part for part in parts]
    if not parts:
        raise ValueError("stack: found no components, expected at least one")
    for i, part in enumerate(parts):
        if structure_key(part) != structure_key(parts[0]):
            raise ValueError(
                f"stack: component {i} differs from component 0 in its functions, settings or array shapes"
            )
    stacked: T = jax.tree.map(lambda *leaves: jnp.stack(leaves), *parts)
    return stacked


def as_pytree(component: T) -> T:
    """The component with every bare function wrapped in a Partial, so that jit accepts it as an argument.

    Args:
        component: A component, or a function such as a feedback.

    Returns:
        The same as a pytree of its arrays.

    Raises:
        TypeError: The kind of a stream, policy or predictor is not a `types.Kind`, but a string, for example.
    """
    if isinstance(component, Stream | Policy | Predictor):
        hint = "a Kind, such as types.Kind('iid')" if isinstance(component, Stream) else "a Kind: types.Kind('my_name')"
        expect(f"kind of the {type(component).__name__}", component.kind, Kind, hint)

    def wrap(field: Any) -> Any:
        return Partial(field) if callable(field) and not isinstance(field, Partial) else field

    if callable(component):
        return wrap(component)
    return type(component)(*(wrap(field) for field in component))  # type: ignore[attr-defined]
