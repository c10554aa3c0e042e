"""Policies that differ in their numbers only, as one: the program for 300 single models is no longer than for one.

Only policies without features are packed: they carry a queue and a meter each, and decide without branches. What a
learner carries may be large, and `lax.cond` under vmap would compute both of its branches.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import jax

from messjax.components import stack, structure_key
from messjax.policies.static import pick_of
from messjax.types import Policy


class Packed(NamedTuple):
    """Policies of one structure.

    Attributes:
        policy: The policies as one, with a leading axis [P] on every array.
    """

    policy: Policy


def pack(
    policies: Mapping[str, Policy], besides: Collection[str] = ()
) -> tuple[dict[str, Policy | Packed], dict[str, tuple[str, ...]]]:
    """Put policies of one structure together.

    Args:
        policies: Policies by name.
        besides: Names of policies that are left as they are.

    Returns:
        The policies, packed ones under the name of their first, and the names [P] of those that are packed.
    """
    alike: dict[Any, list[str]] = {}
    for name, policy in policies.items():
        free = name not in besides and pick_of(policy) is not None and jax.tree.leaves(policy)
        alike.setdefault(structure_key(policy) if free else name, []).append(name)
    result: dict[str, Policy | Packed] = {}
    for names in alike.values():
        several = [policies[name] for name in names]
        result[names[0]] = several[0] if len(several) == 1 else Packed(stack(several))
    return result, {names[0]: tuple(names) for names in alike.values() if len(names) > 1}


def each(function: Callable[..., Any], policy: Any, *states: Any) -> Any:
    """A function of a policy, or of each of those that are packed.

    Args:
        function: (policy, *states) -> a pytree.
        policy: A policy, or `Packed`.
        *states: Further arguments, those of packed policies with a leading axis [P].

    Returns:
        The function's result, for packed policies with a leading axis [P].
    """
    return jax.vmap(function)(policy.policy, *states) if isinstance(policy, Packed) else function(policy, *states)


def taken_apart(results: Mapping[str, Any], packed: Mapping[str, tuple[str, ...]], axis: int) -> dict[str, Any]:
    """Results by policy.

    Args:
        results: Results by name as `pack` has them: pytrees of arrays.
        packed: The names [P] of those that are packed.
        axis: The axis [P] of their arrays.

    Returns:
        Results by the name of each policy.
    """
    apart = {}
    for name, result in results.items():
        for p, own in enumerate(packed.get(name, ())):
            apart[own] = jax.tree.map(lambda x, p=p: x[(slice(None),) * axis + (p,)], result)
        if name not in packed:
            apart[name] = result
    return apart
