"""MESS+ as one GPU kernel: `run.run_block` with the horizon inside, in registers.

It knows an oracle on a stream over types, and a linear head that learns on a logistic stream (`gpu_heads`). A thread
serves one stream under a few V and alpha, request after request until the next checkpoint: it makes the request's
numbers from (key, t), reads a row of the distribution or predicts and learns, and for each V and alpha decides, moves
the queue and counts. Nothing is stored on the way and only small tables are read; between checkpoints `Lane` and the
head go out and in. Written for Pallas' Triton backend: blocks of 2^n streams, scalars and tables from refs, the
arithmetic that of `counter_prng`, `virtual_queue`, `loop` and `standard_meters`. Where JAX computes on the CPU it is
interpreted, slowly, for tests.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton as pallas_triton

from messjax.engine.fast import gpu_heads, loop
from messjax.engine.fast import run as engine
from messjax.engine.fast.accumulators import Accumulator, ExactSum, Totals
from messjax.engine.fast.gpu_heads import Head
from messjax.engine.fast.policy_groups import PolicyPath
from messjax.engine.fast.predictions import LinearSgd, Oracle
from messjax.engine.fast.streams import Logistic, Types
from messjax.engine.simulation import Result, RunParts, component_keys, select_metrics
from messjax.numerics import counter_prng, virtual_queue
from messjax.numerics.compensated import Sum
from messjax.numerics.compensated import add as add_to_sum
from messjax.policies.predictor_router import probability
from messjax.streams.request_types import request_type
from messjax.types import Array, Controls

BLOCK, WARPS = 128, 4  # streams of a program, and its warps of 32 threads: one stream per thread
REGISTERS = 112  # of a thread's 255, for the lanes that share its requests
HEAD_REGISTERS = 208  # the same beside a head, with it: a request costs more to make, so that sharing it saves more
THREADS = 2**16  # what a large GPU needs to be busy: fewer are not made by sharing


def unsupported_reason(run_parts: RunParts) -> str | None:
    """What the kernel does not know of a run_parts, in words; None when it can run it."""
    if (reason := engine.unsupported_reason(run_parts)) is not None:
        return reason
    for name, policy in run_parts.policies.items():
        policy_path = PolicyPath(policy, run_parts)
        if policy_path.accumulator.audited:
            return "audits"
        if policy_path.accumulator.prices is not None:
            return "the meter decomposition"
        if isinstance(policy_path.columnar, Logistic) and isinstance(policy_path.chunk_predictor, LinearSgd):
            if "theory" in policy_path.accumulator.parts:
                return "prediction errors of a head (expected meters without `meters.theory`)"
            if len(run_parts.policies) > 1:
                return "several policies of which one learns (expected one policy)"
            if gpu_heads.count(policy_path.chunk_predictor, policy_path.columnar) > gpu_heads.MOST_NUMBERS:
                return f"a head of more than {gpu_heads.MOST_NUMBERS} numbers, with its momentum"
        elif not (isinstance(policy_path.columnar, Types) and isinstance(policy_path.chunk_predictor, Oracle)):
            return (
                f"the policy {name!r} and the stream together (expected an oracle on a stream over types, or a linear "
                "head on a logistic stream)"
            )
    return None


class Source(NamedTuple):
    """Where requests and predictions come from."""

    columnar: Types | Logistic  # of which the kernel uses only what is no array
    predictor: Oracle | LinearSgd

    @property
    def rule(self) -> Any:
        """How a head learns; None for an oracle."""
        return self.predictor.rule if isinstance(self.predictor, LinearSgd) else None


class Total(NamedTuple):
    """An exact sum of queues: whole requests in two uint32 words, and a rest in 1e-6 below one."""

    high: Array
    low: Array
    part: Array

    def add(self, number: virtual_queue.Fixed) -> Total:
        """Plus a number that is not negative."""
        part = self.part + number.part
        carried = part >= virtual_queue.UNIT
        low = self.low + (number.whole + carried.astype(jnp.int32)).astype(jnp.uint32)
        high = self.high + (low < self.low).astype(jnp.uint32)
        return Total(high, low, jnp.where(carried, part - virtual_queue.UNIT, part))

    def long(self) -> ExactSum:
        """As the account reads it: of words that a float32 holds."""
        total = Sum(self.high.astype(jnp.float32) * np.float32(2.0**32), jnp.zeros_like(self.high, jnp.float32))
        for word in (self.low & np.uint32(0xFFFF0000), self.low & np.uint32(0xFFFF)):
            total = add_to_sum(total, word.astype(jnp.float32))
        return ExactSum(total, self.part)


class Lane(NamedTuple):
    """What goes from request to request: leaves [S] in the kernel, [G, B] outside."""

    Q: virtual_queue.Fixed
    total: Total
    totals: Totals  # without the numbers that do not change, None


def start(accumulator: Accumulator, shape: tuple[int, int]) -> Lane:
    """Lanes before the first request. An oracle's errors stay zero, and calls at constant prices say what is paid."""
    totals, word = accumulator.init(shape, shape), jnp.zeros(shape, jnp.uint32)
    idle = ["queue", "prediction", "error", "error_max", "error_last"]
    idle += [] if accumulator.columnar.price is None else ["spent", "exploited"]
    return Lane(totals.walk, Total(word, word, totals.explored), totals._replace(**cast(Any, dict.fromkeys(idle))))


def whole(lane: Lane, accumulator: Accumulator) -> Totals:
    """The totals with the numbers that were left out."""
    kept = {name: number for name, number in lane.totals._asdict().items() if number is not None}
    return accumulator.init(lane.Q.whole.shape, lane.Q.whole.shape)._replace(**kept, queue=lane.total.long())


class Tables(NamedTuple):
    """Arrays outside the kernel, refs within. Rows of the distribution lie one after the other."""

    explore: Any  # c and a, [1] each
    alias: tuple[Any, ...]  # one [K]; empty where all types weigh the same
    cost: Any  # [K * M], or [M] for constant prices
    mean: Any  # [K * M]; of a logistic stream its weights, [M * (d + 1)] with the bias last


class TableRef:
    """A ref that `request_type` looks up as it does an array."""

    def __init__(self, ref: Any) -> None:
        self.ref, self.shape, self.at = ref, ref.shape, self

    def __getitem__(self, index: Array) -> SimpleNamespace:
        return SimpleNamespace(get=lambda mode: self.ref[index])


class DrawnRequest(NamedTuple):
    """A request as it is for every V and alpha: [S] per model, the predictions as `loop.choose` wants them."""

    t: Array
    p: Array
    explore: Array
    cost: list[Array]
    relative: list[Array]
    labels: list[Array]


def draw(source: Source, tables: Tables, keys: tuple, t: Array, head: Head | None) -> tuple[DrawnRequest, Head | None]:
    """Request t of a block of streams with what is predicted of it, and the head that has learned from it."""
    columnar, (key, key_policy) = source.columnar, keys
    p = probability(t, Controls(c=tables.explore[0][0], a=tables.explore[1][0]))
    explore = counter_prng.uniform(counter_prng.block(key_policy, t, 0)[0]) < p
    models = range(columnar.num_models)
    if isinstance(columnar, Logistic):
        request = gpu_heads.draw(columnar, tables.mean, key, t)
        assert head is not None
        s_hat, head = gpu_heads.predict_and_learn(source.rule, head, request, explore)
        relative = [each - s_hat[0] for each in s_hat[1:]]
        return DrawnRequest(t, p, explore, [tables.cost[m] for m in models], relative, request.labels), head
    alias: Any = TableRef(tables.alias[0]) if tables.alias else np.zeros(0)
    row = (
        request_type(counter_prng.uniform(counter_prng.block(key, t, 0)[0]), alias, columnar.num_features)
        * columnar.num_models
    )
    uniforms = columnar.uniforms(key, t, 1)
    mean = [tables.mean[row + m] for m in models]
    cost = [tables.cost[m if columnar.price is not None else row + m] for m in models]
    labels = [uniforms[0 if columnar.comonotone else m] < mean[m] for m in models]
    return DrawnRequest(t, p, explore, cost, [mu - mean[0] for mu in mean[1:]], labels), head


def step(drawn: DrawnRequest, lane: Lane, V: Array, alpha: Array) -> Lane:
    """Decide, move the queue, and count; alpha in 1e-6."""
    explore, Q, totals, last = drawn.explore, lane.Q.to_float(), lane.totals, len(drawn.cost) - 1
    choice = jnp.where(explore, last, loop.choose(drawn.cost, drawn.relative, Q, V))
    chosen = [choice == m for m in range(last + 1)]
    content = functools.reduce(jnp.logical_or, map(jnp.logical_and, chosen, drawn.labels))
    moved = jnp.where(content, alpha - virtual_queue.UNIT, alpha)
    after = virtual_queue.Fixed(*loop.move(*lane.Q, jnp.zeros_like(choice), moved))
    walk = virtual_queue.Fixed(
        *loop.move(*totals.walk, 1 - totals.walk.whole, moved)
    )  # a lower limit that one step cannot reach
    below = (walk.whole > 0) | ((walk.whole == 0) & (walk.part > 0))
    if totals.spent is not None:
        answer = drawn.cost[0]
        for yes, cost in zip(chosen[1:], drawn.cost[1:], strict=True):
            answer = jnp.where(yes, cost, answer)
        totals = totals._replace(
            spent=add_to_sum(totals.spent, jnp.where(explore, sum(drawn.cost), 0.0)),
            exploited=add_to_sum(totals.exploited, jnp.where(explore, 0.0, answer)),
        )
    totals = totals._replace(
        served=tuple(count + yes.astype(jnp.int32) for count, yes in zip(totals.served, chosen, strict=True)),
        explored=totals.explored + explore.astype(jnp.int32),
        satisfied=virtual_queue.Fixed(totals.satisfied.whole + content.astype(jnp.int32), totals.satisfied.part),
        largest=virtual_queue.maximum(totals.largest, after),
        walk=walk,
        met_from=jnp.where(below, drawn.t + 1, totals.met_from),
        exploration=add_to_sum(totals.exploration, drawn.p * Q),
    )
    return Lane(after, lane.total.add(lane.Q), totals)


def kernel(source: Source, span: Any, controls: Any, keys: Any, tables: Tables, *carried: Any) -> None:
    """Requests span[0] + 1 to span[1] of a block of streams under some V and alpha; all arguments are refs."""
    heads, before, learned, after = carried  # of heads there are none for an oracle
    pairs = [(controls[0][g], controls[1][g]) for g in range(controls[0].shape[0])]
    words = jax.tree.map(lambda ref: ref[...], keys)

    def one(t: Array, carry: tuple[list[Lane], Head | None]) -> tuple[list[Lane], Head | None]:
        lanes, head = carry
        drawn, head = draw(source, tables, words, t, head)  # once for all V and alpha
        return [step(drawn, lane, *pair) for lane, pair in zip(lanes, pairs, strict=True)], head

    first = None if heads is None else gpu_heads.take_apart(heads, cast(Logistic, source.columnar))
    lanes = [jax.tree.map(lambda ref, g=g: ref[g], before) for g in range(len(pairs))]
    lanes, head = jax.lax.fori_loop(span[0] + 1, span[1] + 1, one, (lanes, first))
    for g, lane in enumerate(lanes):
        for ref, value in zip(jax.tree.leaves(after), jax.tree.leaves(lane), strict=True):
            ref[g] = value
    for k, value in enumerate(jax.tree.leaves(head)):
        learned[0, k] = value


def shared(lane: Lane, head: int = 0) -> int:
    """How many of the V and alpha a thread takes: a divisor of them, as registers allow and threads suffice.

    Args:
        lane: The lanes [G, B].
        head: Numbers of a stream's head.
    """
    num_controls, num_streams = lane.Q.whole.shape
    free = HEAD_REGISTERS - head if head else REGISTERS
    most = min(free // len(jax.tree.leaves(lane)), num_controls * num_streams // THREADS)
    return max(n for n in range(1, max(1, most) + 1) if num_controls % n == 0)


def launch(source: Source, arguments: tuple, carry: tuple[Any, Lane], batch: int, interpret: bool) -> tuple[Any, Lane]:
    """Heads and lanes [G, B] after the requests of a span; B a multiple of the block. `arguments` are `kernel`'s."""
    num_controls, num_streams = carry[1].Q.whole.shape
    everything, controls, streams, lanes, heads = (
        lambda x: pl.BlockSpec(x.shape, lambda g, b: (0,)),
        lambda x: pl.BlockSpec((batch,), lambda g, b: (g,)),
        lambda x: pl.BlockSpec((BLOCK,), lambda g, b: (b,)),
        lambda x: pl.BlockSpec((batch, BLOCK), lambda g, b: (g, b)),
        lambda x: pl.BlockSpec((1, x.shape[1], BLOCK), lambda g, b: (g, 0, b)),
    )
    carried = (jax.tree.map(heads, carry[0]), jax.tree.map(lanes, carry[1]))
    specs = [jax.tree.map(*pair) for pair in zip((everything, controls, streams, everything), arguments, strict=True)]
    given, numbers = len(jax.tree.leaves(arguments)), len(jax.tree.leaves(carry))
    found = pl.pallas_call(
        functools.partial(kernel, source),
        grid=(num_controls // batch, num_streams // BLOCK),
        in_specs=[*specs, *carried],
        out_specs=list(carried),
        out_shape=[jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), part) for part in carry],
        input_output_aliases={given + i: i for i in range(numbers)},
        compiler_params=pallas_triton.CompilerParams(num_warps=WARPS, num_stages=1),
        interpret=interpret,
        name="mess_plus_oracle" if source.rule is None else "mess_plus_linear",
    )(*arguments, *carry)
    return found[0], found[1]


def tables_of(columnar: Types | Logistic, explore: Any) -> Tables:
    """What the kernel reads of a stream."""
    if isinstance(columnar, Logistic):
        weights = jnp.concatenate([columnar.weights, columnar.bias[:, None]], axis=1)
        return Tables(explore, (), columnar.price, weights.ravel())
    return Tables(explore, (columnar.alias,) * bool(columnar.alias.size), columnar.table.ravel(), columnar.mean.ravel())


def run_kernel(
    keys: Array,
    controls: Controls,
    run_parts: RunParts,
    times: Array | np.ndarray,
    curves: tuple[str, ...] | None = None,
    progress_callback: Callable[[Any], None] | None = None,
    *,
    interpret: bool | None = None,
) -> dict[str, Result]:
    """`run.run_block` where `unsupported_reason` is None: metrics [B, G, ...], curves [B, G, n, ...].

    One launch per checkpoint. `interpret` is, unless given, whether JAX computes on the CPU.
    """
    interpret = jax.default_backend() == "cpu" if interpret is None else interpret
    policy_path, num_streams = (
        PolicyPath(next(iter(run_parts.policies.values())), run_parts),
        keys.shape[0],
    )  # they are all the same
    accumulator, site = policy_path.accumulator, jax.vmap(component_keys)(keys)
    source = Source(cast(Any, policy_path.columnar), cast(Any, policy_path.chunk_predictor))
    padding = -num_streams % BLOCK  # streams that are run and left out
    words = [[jnp.pad(x, (0, padding)) for x in counter_prng.word_stream(site[:, n])] for n in (0, 1)]  # stream, policy
    explore = [jnp.asarray(x, jnp.float32)[None] for x in (controls.c, controls.a)]
    tables = tables_of(source.columnar, explore)
    pairs = jnp.asarray(controls.V, jnp.float32), virtual_queue.units(controls.alpha)
    first = start(accumulator, (len(pairs[0]), num_streams + padding))
    batch = shared(first, gpu_heads.count(source.predictor, source.columnar))

    def read(lane: Lane, t: Array) -> dict[str, Any]:
        lane = jax.tree.map(lambda x: x[:, :num_streams], lane)
        result = accumulator.read(whole(lane, accumulator), t, lane.Q, probability(t, controls))
        return jax.tree.map(lambda x: jnp.swapaxes(x, 0, 1), result)

    def until(carry: tuple, stop: Array) -> tuple[tuple, dict[str, Any]]:
        done, state = carry
        state = launch(source, (jnp.stack([done, stop]), pairs, words, tables), state, batch, interpret)
        if progress_callback is not None:
            progress_callback(stop)
        return (stop, state), select_metrics(read(state[1], stop), curves)

    heads = None
    if isinstance(source.predictor, LinearSgd):
        heads = gpu_heads.start(source.predictor, len(pairs[0]) // batch, num_streams + padding)
    carry = jnp.zeros((), jnp.int32), (heads, first)
    (done, (_, lane)), curve = jax.lax.scan(until, carry, jnp.asarray(times, jnp.int32))
    curve = jax.tree.map(lambda x: jnp.moveaxis(x, 0, 2), curve)
    return {name: Result(read(lane, done), curve) for name in run_parts.policies}
