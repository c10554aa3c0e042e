"""The core types: five kinds of component, each a NamedTuple of pure functions, and what passes between them.

Shapes are per request and per stream; `jax.vmap` adds the axes. M is the number of models, ordered as in
the zoo (the last one is the model [M25] calls M), d the number of features.

Every function field is a `jax.tree_util.Partial` over a module-level function, so that a component is a pytree:
its arrays (a trace, a table of accuracies, initial weights) are arguments of the compiled program and not constants
of it, and a component rebuilt with other numbers compiles nothing anew. `components.as_pytree` turns bare functions
into Partials.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

__all__ = [
    "NO_MODEL",
    "Array",
    "Controls",
    "Decision",
    "Distribution",
    "Feedback",
    "Kind",
    "Meter",
    "Outcome",
    "Policy",
    "Predictor",
    "PyTree",
    "Request",
    "Step",
    "Stream",
    "StreamDescription",
    "Traits",
]

Array = jax.Array
PyTree = Any
NO_MODEL = -1  # `Decision.serve` of a request that is refused: nothing is paid, and its satisfaction is 0


class Request(NamedTuple):
    """One request as the stream draws it. A policy sees `features`, `cost` and `available`, and nothing else of it.

    The last three fields are None where a stream has no such thing, and are then no part of the program.

    Attributes:
        features: [d] float, x_t.
        cost: [M] float, E_m,t in [0, 1e18], in the cost unit of the stream.
        satisfaction: [M] float in [0, 1], s_m,t.
        mean: [M] float, mu_m(x_t) = E[s_m | x_t]; NaN where the distribution is unknown (a recorded trace).
        available: [M] bool, the models that can serve this request; None: all of them, always. A policy finds it in
            `Controls.available`.
        latency: [M] float >= 0, how long each model takes, a second cost that only meters read; None: not known.
        judged: [M] float in [0, 1], a second judge's scores, which `feedback.second_judge` shows in place of
            `satisfaction`; None: there is no second judge.
    """

    features: Array
    cost: Array
    satisfaction: Array
    mean: Array
    available: Array | None = None
    latency: Array | None = None
    judged: Array | None = None


class Decision(NamedTuple):
    """What a policy does with a request, and the prediction it acted on (for the meters).

    Attributes:
        serve: [] int32, the model whose answer the user gets; `NO_MODEL` where a policy that may (`Traits.refuses`)
            refuses the request.
        learn: [M] bool, models queried to learn from: all of them when MESS+ explores, none when it exploits.
        explore: [] bool, whether this request is explored, X_t.
        p: [] float, the probability with which this request was to be explored, p_t.
        s_hat: [M] float, the prediction acted on; NaN where the policy has none.
        propensity: [M] float, the probability with which each model was to serve, given the policy's state and what
            it saw of the request; NaN where it is not known in closed form; None where the policy does not say. What
            it sums to less than 1 is the probability of a refusal.
    """

    serve: Array
    learn: Array
    explore: Array
    p: Array
    s_hat: Array
    propensity: Array | None = None

    @property
    def served_mask(self) -> Array:
        """[M] bool, one-hot of `serve`; all False where the request is refused."""
        return jnp.arange(self.learn.shape[-1]) == self.serve

    @property
    def query(self) -> Array:
        """[M] bool, every model that is run and paid for."""
        return self.learn | self.served_mask


class Outcome(NamedTuple):
    """What there is to learn from. Entries that were not observed are zero, so that nothing can be read from them.

    Attributes:
        satisfaction: [M] float in [0, 1].
        observed: [M] bool, among `Decision.learn`.
    """

    satisfaction: Array
    observed: Array


class Feedback(NamedTuple):
    """What comes back of a request. Feedback to learn from is separate from feedback on the SLA.

    The latter depends on V and alpha, the former (for MESS+) does not: that is why one predictor path serves a whole
    grid of them.

    Attributes:
        outcome: What there is to learn from.
        served_satisfaction: [] float in [0, 1], the served model's satisfaction; zero where it was not received.
        feedback_received: [] bool, whether the satisfaction of the served model came back.
        cost: [M] float, what was paid, zero where not queried.
    """

    outcome: Outcome
    served_satisfaction: Array
    feedback_received: Array
    cost: Array


class Controls(NamedTuple):
    """The numbers of a run or of a grid. Every leaf may be traced and vmapped: changing a value never recompiles.

    Attributes:
        V: Weight of cost against satisfaction, in 1 / cost unit.
        alpha: SLA target, the long-run satisfaction to be met, in [0, 1], kept to six decimals.
        c: Scale of the exploration probability p_t = min(1, c t^-a).
        a: Its exponent: 1/4 in [M25], 1/3 in [M24].
        f: Fraction of requests with feedback, read by all feedback but `feedback.complete`.
        budget: Budget per request in the cost unit, > 0, for policies that spend one; None: there is none.
        available: `Request.available`, which the engine puts here for the policy. It is no number of a grid.
    """

    V: Any = 1.0
    alpha: Any = 0.5
    c: Any = 0.1
    a: Any = 0.25
    f: Any = 1.0
    budget: Any = None
    available: Any = None

    def given(self) -> dict[str, Any]:
        """The numbers that are given.

        Returns:
            What is not None, by name.
        """
        return {name: number for name, number in self._asdict().items() if number is not None}

    def filled(self, value: Any) -> Controls:
        """Controls in which every number that is given is another value.

        Args:
            value: Put in place of every number that is not None.

        Returns:
            The controls.
        """
        return Controls(**{**dict.fromkeys(self._fields), **dict.fromkeys(self.given(), value)})


class Distribution(NamedTuple):
    """A finite distribution of requests on the host: NumPy float64, K request types. What `optimum` works on.

    Attributes:
        weight: [K] probabilities of the types, which sum to one.
        cost: [K, M] costs per request, in the cost unit of the stream.
        mean: [K, M] mean satisfactions mu, in [0, 1].
        kind: "exact"; "sampled" from a continuous distribution; "labels": a trace's realised outcomes.
    """

    weight: Any
    cost: Any
    mean: Any
    kind: str = "exact"


class Step(NamedTuple):
    """One request as the meters see it, after everything has happened.

    Attributes:
        t: [] int32, its number, 1, 2, ..., T.
        request: The request.
        decision: What the policy did.
        feedback: What came back.
        queue: Q_t, which was acted on, a `numerics.virtual_queue.Fixed`.
        next_queue: Q_{t+1}, which results, likewise.
        controls: The controls of the run, scalars.
    """

    t: Array
    request: Request
    decision: Decision
    feedback: Feedback
    queue: Any
    next_queue: Any
    controls: Controls


@jax.tree_util.register_static
@dataclass(frozen=True)
class StreamDescription:
    """What the numbers of a stream stand for. A result takes it over, as its coordinate `model` and its units.

    Attributes:
        models: Names of the M models.
        cost_unit: Unit of the costs per request: "kJ", "USD", ...
    """

    models: tuple[str, ...]
    cost_unit: str


@jax.tree_util.register_static
@dataclass(frozen=True)
class Kind:
    """What a component is, by name. Statements and engines go by it, never by a component's functions or text.

    Attributes:
        name: Of a policy or predictor its function ("mess_plus", "greedy", "linear", ...). Of a stream "iid",
            "recorded" (a trace), or "not_iid" (the distribution of requests changes). "other" where nothing is known.
    """

    name: str


OTHER = Kind("other")


@jax.tree_util.register_static
@dataclass(frozen=True)
class Traits:
    """What a policy can do beyond the common rules. The engine refuses a run that needs more.

    Attributes:
        follows_availability: It serves and queries models of `Controls.available` only, where that is given.
        refuses: It may serve no model (`NO_MODEL`).
        needs_budget: It reads the control `budget`, which must be given.
    """

    follows_availability: bool = False
    refuses: bool = False
    needs_budget: bool = False


class Stream(NamedTuple):
    """A source of requests. `mean` and `distribution` are None where the distribution is unknown.

    Attributes:
        init: key -> S, the state of the stream before its first request.
        draw: (key of this request, S, t) -> (S, Request), jittable.
        mean: features [d] -> mu [M], what an oracle may know.
        distribution: () -> Distribution, on the host: what C* and gamma* are solved for.
        length: Number of requests in a recorded trace; None for an endless stream.
        kind: Whether the requests are i.i.d., recorded, or neither: `Kind("iid")`, for example. Statements that assume
            A1 are not applicable to a stream of kind "other".
        description: Names of the models and the unit of cost, where known.
        laws: horizon T -> `theory.Laws` on the host, where the law of the requests moves and is known: for T12 and T13.
    """

    init: Callable[[Array], PyTree]
    draw: Callable[[Array, PyTree, Array], tuple[PyTree, Request]]
    mean: Callable[[Array], Array] | None = None
    distribution: Callable[[], Distribution] | None = None
    length: int | None = None
    kind: Kind = OTHER
    description: StreamDescription | None = None
    laws: Callable[[int], Any] | None = None

    def __repr__(self) -> str:
        numbers = f"M={self.num_models}, d={self.num_features}"
        length = "" if self.length is None else f", length={self.length}"
        known = self.description
        names = "" if known is None else f", models={', '.join(known.models)}, cost in {known.cost_unit}"
        return f"Stream({self.kind.name}, {numbers}{length}{names})"

    @property
    def num_models(self) -> int:
        """M, the number of models that every request has costs of."""
        return int(self._request().cost.shape[0])

    @property
    def num_features(self) -> int:
        """d, the number of features of every request."""
        return int(self._request().features.shape[0])

    @property
    def has_availability(self) -> bool:
        """Whether models come and go: every request says which are available."""
        return self._request().available is not None

    def _request(self) -> Request:
        """A request in shapes only."""
        key = jax.random.key(0)
        t = jax.ShapeDtypeStruct((), jnp.int32)
        return jax.eval_shape(lambda key, t: self.draw(key, self.init(key), t)[1], key, t)

    def without_host_data(self) -> Stream:
        """The stream as a compiled program sees it.

        Returns:
            The stream without its distribution, laws, length and description.
        """
        return self._replace(distribution=None, laws=None, length=None, description=None)


class Predictor(NamedTuple):
    """Learns mu from feedback. It is called with what exploration revealed, never with V or alpha.

    Attributes:
        init: key -> P, the state before anything was learned.
        predict: (P, features [d]) -> s_hat [M].
        update: (P, features [d], outcome) -> P, called only if something was observed.
        kind: Name of its function in `messjax.predictors`, or "other".
    """

    init: Callable[[Array], PyTree]
    predict: Callable[[PyTree, Array], Array]
    update: Callable[[PyTree, Array, Outcome], PyTree]
    kind: Kind = OTHER

    def __repr__(self) -> str:
        return f"Predictor({self.kind.name})"


class Policy(NamedTuple):
    """Decides which model serves a request. Its state holds its own virtual queue, which `queue` reads.

    Attributes:
        init: (key, controls) -> A, the state before the first request.
        act: (key, A, features [d], cost [M], controls) -> Decision.
        update: (A, features [d], decision, feedback, controls) -> A.
        queue: A -> Q, a `numerics.virtual_queue.Fixed`.
        kind: Name of its function in `messjax.policies`, or "other".
        traits: What it can do beyond the common rules.
    """

    init: Callable[[Array, Controls], PyTree]
    act: Callable[[Array, PyTree, Array, Array, Controls], Decision]
    update: Callable[[PyTree, Array, Decision, Feedback, Controls], PyTree]
    queue: Callable[[PyTree], Any]
    kind: Kind = OTHER
    traits: Traits = Traits()

    def __repr__(self) -> str:
        parts = jax.tree.leaves(getattr(self.act, "args", ()), is_leaf=lambda part: isinstance(part, Predictor))
        inside = [f", predictor={part.kind.name}" for part in parts if isinstance(part, Predictor)]
        return f"Policy({self.kind.name}{''.join(inside[:1])})"


class Meter(NamedTuple):
    """An online fold over steps: its memory does not grow with the horizon.

    Attributes:
        init: number of models M -> R, the state before the first request.
        add: (R, Step) -> R, jittable.
        read: R -> metrics by name: arrays [] or [M], `virtual_queue.Fixed` or `compensated.Sum`.
    """

    init: Callable[[int], PyTree]
    add: Callable[[PyTree, Step], PyTree]
    read: Callable[[PyTree], dict[str, Any]]
