"""Model zoos: names, costs and accuracies, with presets from the papers, and made-up ones of any size.

A zoo holds one row per benchmark. As a law, its benchmarks are equally likely request types, which is how [M25]
averages its tables; one benchmark alone is `get("llama3/ARC-C")`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from messjax.types import Distribution


class Zoo(NamedTuple):
    """M models, cheapest first, on K benchmarks."""

    name: str
    models: tuple[str, ...]  # M
    benchmarks: tuple[str, ...]  # K
    cost: np.ndarray  # [K, M] per request, in cost_unit
    accuracy: np.ndarray  # [K, M] mean satisfaction, in [0, 1]
    alpha: np.ndarray  # [K] agreement used in the source
    cost_unit: str
    source: str
    requests: np.ndarray | None = None  # [K] int, requests of each benchmark where the source says

    def distribution(self) -> Distribution:
        """The benchmarks as equally likely request types."""
        return Distribution(np.full(len(self.benchmarks), 1.0 / len(self.benchmarks)), self.cost, self.accuracy)

    def mean_cost(self) -> np.ndarray:
        """[M], in cost_unit per request."""
        return self.cost.mean(axis=0)

    def mean_accuracy(self) -> np.ndarray:
        """[M]."""
        return self.accuracy.mean(axis=0)


def _llama3() -> Zoo:
    table = {  # benchmark: accuracies 1B, 8B, 70B; MJ for the whole benchmark; requests; alpha
        "ARC-C": ((0.379, 0.544, 0.608), (0.09, 0.46, 2.35), 1172, 0.50),
        "ARC-E": ((0.630, 0.797, 0.832), (0.36, 1.71, 8.88), 2376, 0.75),
        "BoolQ": ((0.692, 0.842, 0.888), (0.14, 0.43, 3.40), 3270, 0.80),
        "LogiQA": ((0.266, 0.317, 0.525), (0.29, 1.47, 7.37), 651, 0.40),
        "PiQA": ((0.741, 0.793, 0.827), (0.07, 0.36, 1.84), 1838, 0.78),
        "SciQ": ((0.938, 0.970, 0.971), (0.10, 0.44, 2.23), 1000, 0.96),
        "SocialIQA": ((0.417, 0.483, 0.487), (0.13, 0.59, 3.00), 1954, 0.44),
        "Winogrande": ((0.597, 0.736, 0.791), (0.06, 0.25, 1.29), 1267, 0.70),
    }
    return Zoo(
        name="llama3",
        models=("Llama 1B", "Llama 8B", "Llama 70B"),
        benchmarks=tuple(table),
        cost=np.array([1000.0 * np.array(mj) / requests for _, mj, requests, _ in table.values()]),
        accuracy=np.array([accuracy for accuracy, *_ in table.values()]),
        alpha=np.array([alpha for *_, alpha in table.values()]),
        cost_unit="kJ",
        source="[M25]: mean accuracy and MJ per benchmark of each model alone, divided by its requests",
        requests=np.array([requests for _, _, requests, _ in table.values()]),
    )


def _qwen() -> Zoo:
    # [M25] routes among these four, but its per-model energies were not to be had when this was written: accuracies
    # are the publisher's (few-shot, base models) on the two benchmarks both report, cost is parameters. Not a result
    # of [M25]; good for a four-model zoo of realistic spread.
    return Zoo(
        name="qwen",
        models=("Qwen2 0.5B", "Qwen2 1.5B", "Qwen2 7B", "Qwen2.5 32B"),
        benchmarks=("ARC-C", "Winogrande"),
        cost=np.tile([0.49, 1.54, 7.62, 32.5], (2, 1)),
        accuracy=np.array([[0.315, 0.439, 0.606, 0.704], [0.568, 0.662, 0.770, 0.820]]),
        alpha=np.array([0.55, 0.71]),
        cost_unit="B parameters",
        source="models and alpha of [M25]; accuracies from the Qwen2 and Qwen2.5 technical reports; cost = parameters",
    )


def _workshop() -> Zoo:
    # The authors' notebooks route with energies 5.5 : 1 on both data sets (measured: 11.8 : 1 on WMT14, 5.3 : 1 on
    # CNN/DM). Scores are mean BLEU and ROUGE-1, continuous in [0, 1].
    return Zoo(
        name="workshop",
        models=("TinyLlama 1.1B", "Llama-2 13B"),
        benchmarks=("WMT14 (BLEU)", "CNN/DM (ROUGE-1)"),
        cost=np.tile([1.0, 5.5], (2, 1)),
        accuracy=np.array([[0.4907, 0.5513], [0.3092, 0.3221]]),
        alpha=np.array([0.51, 0.3125]),
        cost_unit="small-model energies",
        source="[M24] and the notebooks of its code: mean scores of each model alone, energy ratio 5.5 : 1",
    )


PRESETS = {zoo.name: zoo for zoo in (_llama3(), _qwen(), _workshop())}


def get(name: str) -> Zoo:
    """A preset ("llama3") or one benchmark of it ("llama3/ARC-C"). ValueError naming what there is otherwise."""
    zoo_name, _, benchmark = name.partition("/")
    if zoo_name not in PRESETS:
        raise ValueError(f"unknown zoo {zoo_name!r}: expected one of {', '.join(PRESETS)}")
    zoo = PRESETS[zoo_name]
    if not benchmark:
        return zoo
    known = [b.lower() for b in zoo.benchmarks]
    if benchmark.lower() not in known:
        raise ValueError(
            f"unknown benchmark {benchmark!r} in zoo {zoo_name}: expected one of {', '.join(zoo.benchmarks)}"
        )
    row = slice(k := known.index(benchmark.lower()), k + 1)
    return zoo._replace(
        name=name,
        benchmarks=zoo.benchmarks[row],
        cost=zoo.cost[row],
        accuracy=zoo.accuracy[row],
        alpha=zoo.alpha[row],
        requests=None if zoo.requests is None else zoo.requests[row],
    )


def synthetic(
    num_models: int, *, spread: float = 25.0, low: float = 0.4, high: float = 0.9, families: int = 1, gap: float = 0.1
) -> Zoo:
    """A zoo of M = num_models >= 2 models that nobody published, by a law of scale. One benchmark, alpha half-way.

    Costs are geometric from 1 to `spread`: 25 is about Llama 1B to 70B in [M25], 1.5 a narrow spread. Accuracies are
    linear in the logarithm of the cost, from `low` to `high`:

        E_m = spread^(m / (M - 1)),   accuracy_m = low + (high - low) m / (M - 1),   m = 0, ..., M - 1

    concave in the cost, so that every model is the best one at some price. With families = F > 1 model m is of
    family m mod F, and family f loses `gap` f accuracy to the first, at the same cost: mixed families. A dearer model
    is then often the worse one, and some are no use at any price (A8 is false); the last model is of family
    (M - 1) mod F. ValueError for M < 2, spread <= 1, families outside 1..M, or accuracies that leave (0, 1) or do not
    rise.
    """
    if num_models < 2 or not 1.0 < spread < np.inf or not 1 <= families <= num_models:
        raise ValueError(
            f"synthetic: found {num_models} models, spread {spread}, {families} families; "
            "expected at least 2 models, a finite spread > 1, and 1 to num_models families"
        )
    place = np.arange(num_models) / (num_models - 1)
    family = np.arange(num_models) % families
    accuracy = low + (high - low) * place - gap * family
    if not low < high or not (gap >= 0 and accuracy.min() > 0 and accuracy.max() < 1):
        raise ValueError(
            f"synthetic: accuracies from {accuracy.min():g} to {accuracy.max():g} at low {low}, high {high}, gap "
            f"{gap}; expected low < high, gap >= 0 and all of them strictly between 0 and 1"
        )
    return Zoo(
        name=f"synthetic {num_models}",
        models=tuple(f"family {f} model {m}" if families > 1 else f"model {m}" for m, f in enumerate(family)),
        benchmarks=("synthetic",),
        cost=spread ** place[None],
        accuracy=accuracy[None],
        alpha=np.array([0.5 * (accuracy.min() + accuracy.max())]),
        cost_unit="cheapest model's costs",
        source="made up: costs geometric, accuracy linear in log cost" + (", mixed families" if families > 1 else ""),
    )
