"""1,000 random zoos of models in one compiled program, each with its own optimum C* and multiplier gamma*.

Run `python docs/examples/random_zoos.py` (a quarter of a minute on two CPU cores). Every zoo has its own costs,
accuracies per request type, shares of request types and required satisfaction alpha. `simulate_zoo` draws a zoo, solves
for its optimum and simulates MESS+ on it; `jax.vmap` maps it over 1,000 random keys, and `jax.jit` makes one program of
all. The table compares, zoo by zoo, what was measured with the bounds of T1 (violation) and T2 (cost).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from rich.console import Console
from rich.table import Table

from messjax import policies, predictors, streams, theory
from messjax.engine.simulation import simulate
from messjax.theory import traced_optimum
from messjax.types import Array, Controls, Distribution

NUM_TYPES, NUM_MODELS, HORIZON, STREAMS = 8, 4, 2_000, 4
C, A = 0.1, 0.25  # exploration probability min(1, C t^-A)


def random_zoo(key: Array) -> Distribution:
    """A zoo of models from cheap to expensive: larger ones are better on average, but not on every request type."""
    keys = jax.random.split(key, 4)
    cost = jnp.sort(jnp.exp(jax.random.normal(keys[0], (NUM_MODELS,))))
    ability = jnp.linspace(-0.5, 1.5, NUM_MODELS) + 0.5 * jax.random.normal(keys[1], (NUM_TYPES, NUM_MODELS))
    difficulty = jax.random.normal(keys[2], (NUM_TYPES, 1))
    weight = jax.random.dirichlet(keys[3], jnp.ones(NUM_TYPES))
    return Distribution(weight, jnp.broadcast_to(cost, ability.shape), jax.nn.sigmoid(ability - difficulty))


def simulate_zoo(key: Array) -> dict[str, Array]:
    """One zoo: its optimum, what MESS+ with an oracle measured on `STREAMS` streams of it, and what its bounds need."""
    key_zoo, key_alpha, key_streams = jax.random.split(key, 3)
    zoo = random_zoo(key_zoo)
    lowest, largest = zoo.weight @ zoo.mean[:, 0], zoo.weight @ zoo.mean.max(axis=1)
    # alpha between what the cheapest model and what the best model per request attain
    alpha = jnp.round(lowest + jax.random.uniform(key_alpha, minval=0.1, maxval=0.9) * (largest - lowest), 6)
    best = traced_optimum.solve(zoo, alpha)
    V = 20.0 / best.gamma  # the queue settles near V gamma* = 20
    stream = streams.types(zoo)
    router = policies.mess_plus(predictors.oracle(stream))

    def measure(key: Array) -> dict[str, Array]:
        run = simulate(key, Controls(V, alpha, C, A), policy=router, stream=stream, horizon=HORIZON).final
        average = {name: run[name].total for name in ("cost", "satisfaction")}
        return {
            "cost": (average["cost"].high + average["cost"].low) / HORIZON,
            "satisfaction": average["satisfaction"].to_float() / HORIZON,
            "exploration_queue": run["exploration_queue"].high,
        }

    measured = jax.vmap(measure)(jax.random.split(key_streams, STREAMS))
    return jax.tree.map(jnp.mean, measured) | {
        "V": V,
        "alpha": alpha,
        "C_star": best.cost,
        "gamma": best.gamma,
        "E_all": zoo.weight @ zoo.cost.sum(axis=1),
        "beta_M": zoo.weight @ zoo.mean[:, -1] - alpha,
    }


simulate_zoos = jax.jit(jax.vmap(simulate_zoo))  # keys [n] -> numbers [n] by name


def compare_with_bounds(zoos: dict[str, np.ndarray]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """(measured [n], bound [n]) of cost - C* (T2) and of the violation alpha - satisfaction (T1), zoo by zoo."""
    z = {name: np.asarray(values, np.float64) for name, values in zoos.items()}
    inputs = theory.BoundInputs(
        **{name: z[name] for name in ("V", "gamma", "C_star", "E_all", "beta_M", "exploration_queue")},
        B=np.maximum(z["alpha"], 1.0 - z["alpha"]) ** 2 / 2.0,
        T=HORIZON,
        P_T=theory.exploration_sum(T=HORIZON, c=C, a=A),
        S_T=0.0,  # the predictor is an oracle
    )
    return {
        "cost - C* (T2)": (z["cost"] - z["C_star"], theory.T2_cost_terms(inputs).total),
        "violation (T1)": (z["alpha"] - z["satisfaction"], theory.T1_violation(inputs)),
    }


def table(comparison: dict[str, tuple[np.ndarray, np.ndarray]], num_zoos: int) -> Table:
    """Quantiles over zoos of the measured value, its bound and their ratio, and how many zoos exceed the bound."""
    out = Table(
        title=f"MESS+ with an oracle on {num_zoos:,} random zoos",
        caption=f"Means of {STREAMS} streams of {HORIZON:,} requests per zoo. The bounds are bounds of expectations: a "
        "mean of few streams exceeds its bound now and then by chance.",
    )
    for name in ("", "5%", "median", "95%", "zoos above the bound"):
        out.add_column(name, justify="left" if not name else "right")
    for name, (measured, bound) in comparison.items():
        for label, values in ((name, measured), ("  bound", bound), ("  measured / bound", measured / bound)):
            quantiles = (f"{value:.3g}" for value in np.quantile(values, (0.05, 0.5, 0.95)))
            out.add_row(label, *quantiles, f"{np.mean(measured > bound):.1%}" if label == name else "")
    return out


def main() -> None:
    """Simulate, print the table and, with --out, save the numbers of every zoo."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--zoos", type=int, default=1_000, help="number of random zoos (default 1,000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="file to save the numbers of every zoo in (.npz)")
    args = parser.parse_args()
    zoos = jax.device_get(simulate_zoos(jax.random.split(jax.random.key(args.seed), args.zoos)))
    Console().print(table(compare_with_bounds(zoos), args.zoos))
    if args.out:
        np.savez(args.out, **zoos)


if __name__ == "__main__":
    main()
