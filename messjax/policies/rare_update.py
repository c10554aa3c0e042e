"""An update that is needed rarely and is skipped otherwise, also under vmap.

MESS+ learns on a few percent of the requests. `lax.cond` skips the others, but vmap turns a batched one into a `select`
that always computes the update. `update_if` batches into "if any element of the batch needs it", so that small batches
still skip.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap
from jax.tree_util import Partial

from messjax.types import Array, PyTree


def update_if(wanted: Array, change: Callable[..., PyTree], state: PyTree, *operands: PyTree) -> PyTree:
    """`change(state, *operands)` where `wanted`, otherwise `state`.

    What in `change` does not depend on `state` is computed in any case: XLA moves it out of the loop that skips it.

    Args:
        wanted: Whether to update, [] bool.
        change: A `jax.tree_util.Partial`, (state, *operands) -> state.
        state: Any pytree.
        *operands: Pytrees given to `change`.

    Returns:
        The new state.
    """
    return _update_if(wanted, change, state, operands)


@custom_vmap
def _update_if(wanted: Array, change: Callable[..., PyTree], state: PyTree, operands: tuple) -> PyTree:
    # A loop of at most one round: a branch that changes nothing would still copy the state.
    return jax.lax.fori_loop(0, wanted.astype(jnp.int32), lambda _, old: change(old, *operands), state)


@_update_if.def_vmap
def _update_if_batched(
    size: int, batched: list, wanted: Array, change: Callable, state: PyTree, operands: tuple
) -> tuple:
    axes = jax.tree.map(lambda is_batched: 0 if is_batched else None, (batched[1], batched[3]))
    state = jax.tree.map(lambda x, b: x if b else jnp.broadcast_to(x, (size, *x.shape)), state, batched[2])

    def lanes(state: PyTree, wanted: Array, change: Callable, operands: tuple) -> PyTree:
        def keep(new: Array, old: Array) -> Array:
            return jnp.where(wanted.reshape(-1, *[1] * (new.ndim - 1)), new, old) if batched[0] else new

        lane = jax.vmap(lambda change, state, operands: change(state, *operands), (axes[0], 0, axes[1]), axis_size=size)
        return jax.tree.map(keep, lane(change, state, operands), state)

    batch = jnp.any(wanted) if batched[0] else wanted  # a batch of this batch comes back here
    return update_if(batch, Partial(lanes), state, wanted, change, operands), jax.tree.map(lambda _: True, state)


@custom_vmap
def any_lane(wanted: Array) -> Array:
    """`wanted`, and under vmap whether any element of the batch is wanted: the same for all of them.

    Args:
        wanted: [] bool.

    Returns:
        [] bool, unbatched under vmap.
    """
    return wanted


@any_lane.def_vmap
def _any_lane_batched(size: int, batched: list, wanted: Array) -> tuple:
    return any_lane(jnp.any(wanted, axis=0)) if batched[0] else any_lane(wanted), False


def set_row(array: Array, value: Array, i: Array) -> Array:
    """`array` with `value` as its row i, the same row for all elements of a vmap: one write instead of a scatter.

    Args:
        array: [n, ...].
        value: [...], the new row.
        i: [] int32, not batched.

    Returns:
        The array [n, ...].
    """
    return _set_row_at(0)(array, value, i)


@functools.lru_cache(maxsize=64)
def _set_row_at(axis: int) -> Callable[[Array, Array, Array], Array]:
    @custom_vmap
    def write(array: Array, value: Array, i: Array) -> Array:
        return jax.lax.dynamic_update_index_in_dim(array, jnp.expand_dims(value, axis), i, axis)

    @write.def_vmap
    def batched(size: int, batched: list, array: Array, value: Array, i: Array) -> tuple:
        assert not batched[2], "the row is the same for all lanes"
        array = array if batched[0] else jnp.broadcast_to(array, (size, *array.shape))
        value = value if batched[1] else jnp.broadcast_to(value, (size, *value.shape))
        return _set_row_at(axis + 1)(array, value, i), True

    return write
