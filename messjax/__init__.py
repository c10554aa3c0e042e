"""Simulate MESS+, an online router among language models, and validate its theory, with JAX.

Everything public is reached from here and imported when it is first used:

    import jax
    import messjax as mj

    stream = mj.zoo.get("llama3").stream()
    router = mj.policies.mess_plus(mj.predictors.oracle(stream))
    runs = mj.sweep(jax.random.key(0), mj.Controls(V=[1.0, 10.0], alpha=0.667), policy=router, stream=stream)

`sweep` runs a grid of controls on many independent streams, `simulate` one of them. A stream, a policy with its
predictor, and meters are put together from `streams`, `policies`, `predictors` and `meters`; `judge` compares a result
with the theory's bounds, `optimum` solves for C* and gamma*.
"""

from typing import TYPE_CHECKING, Any

from messjax import lazy_imports as _lazy_imports

if TYPE_CHECKING:
    from messjax import (
        components,
        engine,
        evaluation,
        features,
        feedback,
        meters,
        numerics,
        plot,
        policies,
        predictors,
        results,
        runtime,
        statistics,
        streams,
        theory,
        traces,
        types,
        zoo,
    )
    from messjax.engine import Result, simulate, sweep
    from messjax.theory import judge, optimum
    from messjax.types import Controls, Distribution, Meter, Policy, Predictor, Stream

    __version__: str

__all__ = [
    "Controls",
    "Distribution",
    "Meter",
    "Policy",
    "Predictor",
    "Result",
    "Stream",
    "components",
    "engine",
    "evaluation",
    "features",
    "feedback",
    "judge",
    "meters",
    "numerics",
    "optimum",
    "plot",
    "policies",
    "predictors",
    "results",
    "runtime",
    "simulate",
    "statistics",
    "streams",
    "sweep",
    "theory",
    "traces",
    "types",
    "zoo",
]
_public, __dir__ = _lazy_imports.attach(__name__)


def __getattr__(name: str) -> Any:
    if name != "__version__":
        return _public(name)
    from importlib import metadata  # a tenth of the time that importing messjax may take

    try:
        version = metadata.version("messjax")
    except metadata.PackageNotFoundError:  # a source tree that was never installed
        version = "unknown"
    globals()["__version__"] = version
    return version
