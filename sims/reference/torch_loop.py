# mypy: disable-error-code="import-not-found,import-untyped,assignment"
"""W3 in the style of the MESS+ authors' code: a pandas row per request, a torch Linear and torch's SGD."""

from __future__ import annotations

import numpy as np

from sims.reference import workloads
from sims.reference.metrics import Readings
from sims.reference.python_loop import Run, collect
from sims.reference.workloads import W3

try:
    import pandas as pd
    import torch
except ImportError:
    torch = None


def available() -> bool:
    """Whether pandas and torch are installed."""
    return torch is not None


def w3(work: W3, seed: int = 0) -> Readings:
    """W3, every configuration a run of its own; take one with `workloads.part(work, 1, 1, 1)`."""
    rng = np.random.default_rng(seed)
    runs = []
    for order in work.order:
        df = frame(work, order)
        for p in workloads.exploration(work.c, work.a, work.horizon):
            for V, alpha in zip(work.V, work.alpha, strict=True):
                runs.append(replay(df, work.horizon, work.cost.shape[1], p, V, alpha, rng))
    return collect(runs, (len(work.order), len(work.c), len(work.V)), work.horizon)


def frame(work: W3, order: np.ndarray) -> pd.DataFrame:
    """The trace in its order: a column of feature vectors, and for every model a column of labels and one of costs."""
    columns: dict[str, object] = {"features": list(work.features[order])}
    for m in range(work.cost.shape[1]):
        columns[f"label_{m}"] = work.satisfaction[order, m]
        columns[f"cost_{m}"] = work.cost[order, m]
    return pd.DataFrame(columns)


def replay(
    df: pd.DataFrame, horizon: int, models: int, p: np.ndarray, V: float, alpha: float, rng: np.random.Generator
) -> Run:
    """One configuration."""
    head = torch.nn.Linear(len(df.iloc[0]["features"]), models)
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    optimizer = torch.optim.SGD(head.parameters(), lr=0.06, momentum=0.9, weight_decay=0.01)
    loss_of = torch.nn.BCELoss()
    run = Run(models, V, alpha)
    for t in range(horizon):
        row = df.iloc[t]
        x = torch.from_numpy(row["features"])
        labels = np.array([row[f"label_{m}"] for m in range(models)], np.float32)
        costs = np.array([row[f"cost_{m}"] for m in range(models)])
        with torch.no_grad():
            s_hat = torch.sigmoid(head(x)).numpy()
        explore = rng.random() < p[t]
        run.step(explore, s_hat, labels, costs)
        if explore:
            optimizer.zero_grad()
            loss = loss_of(torch.sigmoid(head(x)), torch.from_numpy(labels))
            loss.backward()
            torch.nn.utils.clip_grad_norm_(head.parameters(), max_norm=1.0)
            optimizer.step()
    return run
