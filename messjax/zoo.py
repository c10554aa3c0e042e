"""Model zoos: names, costs and accuracies, with presets from the papers, and made-up ones of any size.

A zoo holds one row per benchmark. As a distribution, its benchmarks are equally likely request types, which
is how [M25] averages its tables; one benchmark alone is `get("llama3/ARC-C")`.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from messjax import zoo_tables
from messjax.streams.calibration import calibrated
from messjax.types import Distribution, Stream, StreamDescription

__all__ = ["PRESETS", "Zoo", "get", "read", "synthetic"]


@dataclass(frozen=True, eq=False)
class Zoo:
    """M models, the least expensive first, on K benchmarks. Everything is checked when it is made.

    Attributes:
        name: What the zoo is called.
        models: Names of the M models, in ascending order of their mean cost.
        benchmarks: Names of the K benchmarks.
        cost: [K, M] mean cost of one request, in `cost_unit`.
        accuracy: [K, M] mean satisfaction, in [0, 1].
        alpha: [K] SLA target that the source used on each benchmark.
        cost_unit: Unit of the costs: "kJ", "USD", ...
        source: Where the numbers come from.
        requests: [K] number of requests of each benchmark, where the source says so.

    Raises:
        ValueError: Shapes disagree, a name comes twice, numbers are out of range, or models are not sorted by cost.

    Example:
        >>> zoo = Zoo("mine", ("small", "large"), ("QA",), [[1.0, 5.0]], [[0.6, 0.8]], [0.7], "USD", "made up")
        >>> zoo.stream().description
        StreamDescription(models=('small', 'large'), cost_unit='USD')
    """

    name: str
    models: tuple[str, ...]
    benchmarks: tuple[str, ...]
    cost: np.ndarray
    accuracy: np.ndarray
    alpha: np.ndarray
    cost_unit: str
    source: str
    requests: np.ndarray | None = None

    def __post_init__(self) -> None:
        for name in ("models", "benchmarks"):
            if isinstance(getattr(self, name), str):
                raise ValueError(f"zoo {self.name!r}: {name} is one string, expected a tuple of names")
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for name in ("cost", "accuracy", "alpha"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), np.float64))
        self._check_shapes()
        self._check_numbers()

    def _check_shapes(self) -> None:
        shape = len(self.benchmarks), len(self.models)
        for name, wanted in (("cost", shape), ("accuracy", shape), ("alpha", shape[:1])):
            if getattr(self, name).shape != wanted or 0 in shape:
                raise ValueError(
                    f"zoo {self.name!r}: {name} has shape {getattr(self, name).shape}, expected {wanted} for "
                    f"{shape[0]} benchmarks and {shape[1]} models (at least one of each)"
                )
        name, count = Counter(self.models).most_common(1)[0]
        if count > 1:
            raise ValueError(f"zoo {self.name!r}: found {count} models named {name!r}, expected different names")

    def _check_numbers(self) -> None:
        for name, high in (("cost", np.inf), ("accuracy", 1.0), ("alpha", 1.0)):
            values = getattr(self, name)
            good = (values >= 0) & (values <= high) & np.isfinite(values)
            if not good.all():
                wanted = "finite and >= 0" if high == np.inf else "in [0, 1]"
                raise ValueError(f"zoo {self.name!r}: {name} is {values[~good][0]}, expected {wanted}")
        mean = self.mean_cost()
        falls = np.flatnonzero(np.diff(mean) < 0)
        if falls.size:
            m = int(falls[0])
            raise ValueError(
                f"zoo {self.name!r}: found {self.models[m]!r} (mean cost {mean[m]:g}) before {self.models[m + 1]!r} "
                f"({mean[m + 1]:g}), expected models sorted by mean cost, the least expensive first"
            )

    def distribution(self) -> Distribution:
        """The benchmarks as equally likely request types, [K] of them.

        Returns:
            The distribution with costs in `cost_unit`.
        """
        return Distribution(np.full(len(self.benchmarks), 1.0 / len(self.benchmarks)), self.cost, self.accuracy)

    def stream(
        self,
        *,
        num_features: int = 16,
        spread: float = 1.5,
        shared: float = 0.7,
        seed: int = 0,
        labels: str = "independent",
    ) -> Stream:
        """I.i.d. requests of continuous difficulty with the zoo's mean costs and accuracies (`streams.calibrated`).

        Its names of models and its cost unit are taken over by every result. With the benchmarks as request types
        instead it is `streams.types(zoo.distribution())`.

        Args:
            num_features: d, at least M + 1.
            spread: Standard deviation of every model's logit over requests.
            shared: Correlation of any two models' logits, in [0, 1].
            seed: Rotates the directions in feature space.
            labels: "independent" or "comonotone" over models.

        Returns:
            The stream.

        Raises:
            ValueError: As `streams.calibrated`.
        """
        stream = calibrated(
            self.mean_cost(),
            self.mean_accuracy(),
            num_features=num_features,
            spread=spread,
            shared=shared,
            seed=seed,
            labels=labels,
        )
        return stream._replace(description=StreamDescription(self.models, self.cost_unit))

    def mean_cost(self) -> np.ndarray:
        """Mean cost of each model over the benchmarks.

        Returns:
            [M], in `cost_unit` per request.
        """
        return np.asarray(self.cost.mean(axis=0))

    def mean_accuracy(self) -> np.ndarray:
        """Mean satisfaction of each model over the benchmarks.

        Returns:
            [M], in [0, 1].
        """
        return np.asarray(self.accuracy.mean(axis=0))


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
    """A preset zoo, or one benchmark of it.

    Args:
        name: "llama3", "qwen" or "workshop", or one benchmark of it: "llama3/ARC-C" (in any case).

    Returns:
        The zoo.

    Raises:
        ValueError: No preset or no benchmark has this name; the message lists those there are. Of a file's name it
            says that `read` reads files.

    Example:
        >>> get("llama3/ARC-C").models
        ('Llama 1B', 'Llama 8B', 'Llama 70B')
    """
    if zoo_tables.is_file_name(name):
        raise ValueError(
            f"zoo.get: found the name of a file {name!r}, expected one of {', '.join(PRESETS)}; zoo.read reads files"
        )
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
    return replace(
        zoo,
        name=name,
        benchmarks=zoo.benchmarks[row],
        cost=zoo.cost[row],
        accuracy=zoo.accuracy[row],
        alpha=zoo.alpha[row],
        requests=None if zoo.requests is None else zoo.requests[row],
    )


def read(path: str | os.PathLike[str]) -> Zoo:
    """A zoo from a CSV file with a header, or from a JSON list of objects with the same fields.

    A row for each model, or for each model on each benchmark: `model`, `cost` (mean of one request), `accuracy` (mean
    satisfaction in [0, 1]), and where there are several `benchmark`; `cost_unit`, the same in every row, is optional.
    Rows may come in any order: models are sorted by mean cost. alpha is half-way from the least to the most accurate
    model of each benchmark.

    Args:
        path: The file.

    Returns:
        The zoo, which is called like the file. Without a `cost_unit` its unit is "the unit of" the file.

    Raises:
        ValueError: A file that is missing, too large or says something else; the message names file and row.
    """
    path = Path(path)
    table = zoo_tables.read_table(path)
    order = np.argsort(table.cost.mean(axis=0), kind="stable")
    middle = 0.5 * (table.accuracy.min(axis=1) + table.accuracy.max(axis=1))
    try:
        return Zoo(
            path.stem, tuple(table.models[m] for m in order), tuple(table.benchmarks), table.cost[:, order],
            table.accuracy[:, order], middle, table.cost_unit or f"the unit of {path.name}", path.name,
        )  # fmt: skip
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def synthetic(
    num_models: int, *, spread: float = 25.0, low: float = 0.4, high: float = 0.9, families: int = 1, gap: float = 0.1
) -> Zoo:
    """A made-up zoo of M models that follow a scaling law, on one benchmark, with alpha half-way.

    Costs are geometric from 1 to `spread` and accuracies linear in the logarithm of the cost, from `low` to `high`:

        E_m = spread^(m / (M - 1)),   accuracy_m = low + (high - low) m / (M - 1),   m = 0, ..., M - 1

    concave in the cost, so that every model is the best one at some price. With families = F > 1 model m is of
    family m mod F, and family f loses `gap` f accuracy to the first at the same cost: mixed families. A more expensive
    model is then often the worse one, and some are no use at any price (A8 is false); the last model is of family
    (M - 1) mod F.

    Args:
        num_models: M, at least 2.
        spread: Cost of the last model in costs of the first one, above 1; 25 is about Llama 1B to 70B in [M25].
        low: Accuracy of the first model, in (0, 1).
        high: Accuracy of the last model of the first family, in (0, 1) and above `low`.
        families: F, from 1 to M.
        gap: Accuracy that each further family loses.

    Returns:
        The zoo, its costs in units of the cheapest model's.

    Raises:
        ValueError: An argument is out of its range, or an accuracy leaves (0, 1).

    Example:
        >>> synthetic(3).mean_cost().round(6).tolist()
        [1.0, 5.0, 25.0]
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
