"""The router of an exported folder: decide, hear back, keep and restore the state. Thread-safe."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from messjax.deploy import exported, heads
from messjax.deploy.coins import coin
from messjax.deploy.exported import STATE
from messjax.features.ngrams import hashed_ngrams

VERSION = 1
UNIT = 1_000_000  # the queue is kept in units of 1e-6, as `numerics.virtual_queue` does
MOST_PENDING = 100_000  # requests that may wait for feedback; of the oldest none is expected any more


class Decision(NamedTuple):
    """What to do with a request.

    Attributes:
        id: Identifies the request for `feedback`.
        model: Name of the model whose answer the user gets.
        number: Its number.
        ask: Names of all models to run: the model, and where the request is explored all of them.
        explore: Whether it is explored; `feedback` then takes the satisfactions of all models.
        s_hat: Predicted satisfactions by model, empty where nothing is predicted.
    """

    id: int
    model: str
    number: int
    ask: tuple[str, ...]
    explore: bool
    s_hat: dict[str, float]


class Router:
    """A validated policy. `load` makes one."""

    def __init__(self, rule: Mapping[str, Any], arrays: Mapping[str, np.ndarray], folder: Path | None = None) -> None:
        """Args: rule, arrays: what `export` wrote; folder: where `save` keeps the state."""
        if rule.get("version") != VERSION:
            raise ValueError(f"router: found format {rule.get('version')!r}, expected {VERSION}")
        self.rule, self.folder = dict(rule), folder
        self.models: tuple[str, ...] = tuple(rule["models"])
        self._arrays = dict(arrays)
        self._price = np.asarray(rule["prices"], np.float64)
        self._kind = str(rule["kind"])
        self._head = self._make_head(self._arrays)
        self._t, self._queue = 0, int(rule.get("queue", 0))
        self._pending: OrderedDict[int, tuple[int, bool, np.ndarray]] = OrderedDict()
        self._lock = threading.Lock()
        self._step = round(float(rule.get("alpha", 0.0)) * UNIT)

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Router:
        """Read an exported folder, with the state that `save` kept there.

        Args:
            folder: The folder.

        Returns:
            The router.

        Raises:
            ValueError: Naming the file: missing, damaged, changed since it was exported, or of another format.
        """
        folder = Path(folder)
        rule, arrays = exported.read_rule(folder)
        router = cls(rule, arrays, folder)
        if (folder / STATE).is_file():
            router._restore(folder / STATE)
        return router

    def route(
        self, text: str = "", costs: Sequence[float] | None = None, *, features: np.ndarray | None = None
    ) -> Decision:
        """Decide which model answers a request.

        Args:
            text: The prompt.
            costs: Cost of each model for this request [M]; by default the models' mean costs on the trace.
            features: Projected features [d], where they are known already; the text is then not used.

        Returns:
            The decision.

        Raises:
            ValueError: Costs that are not M finite numbers.
        """
        cost = self._price if costs is None else np.asarray(costs, np.float64)
        if cost.shape != self._price.shape or not np.isfinite(cost).all():
            raise ValueError(f"costs: found {costs}, expected {len(self.models)} finite numbers, one per model")
        x = self.features(text) if features is None else np.asarray(features, np.float32)
        with self._lock:
            self._t += 1
            number, explore, s_hat = self._decide(self._t, x, cost)
            self._pending[self._t] = (number, explore, x)
            if len(self._pending) > MOST_PENDING:
                self._pending.popitem(last=False)
            ask = self.models if explore else (self.models[number],)
            known = dict(zip(self.models, s_hat.tolist(), strict=True)) if len(s_hat) == len(self.models) else {}
            return Decision(self._t, self.models[number], number, ask, explore, known)

    def feedback(self, id: int, satisfied: float | Mapping[str, float]) -> None:
        """Say how a request went.

        Args:
            id: The decision's id.
            satisfied: Satisfaction of the served answer in [0, 1]; of an explored request those of all models by name.

        Raises:
            ValueError: An id that is unknown or has had its feedback, or a satisfaction outside [0, 1].
        """
        with self._lock:
            if id not in self._pending:
                raise ValueError(f"feedback: found no request {id} that waits for it, expected a decision's id, once")
            number, explore, x = self._pending[id]
            named = satisfied if isinstance(satisfied, Mapping) else {self.models[number]: satisfied}
            wanted = self.models if explore else (self.models[number],)
            if missing := [name for name in wanted if name not in named]:
                raise ValueError(f"feedback: found no satisfaction of {missing[0]!r}, expected those of {list(wanted)}")
            values = np.array([float(named[name]) for name in wanted])
            if not ((values >= 0) & (values <= 1)).all():
                raise ValueError(f"feedback: found {satisfied}, expected numbers in [0, 1]")
            del self._pending[id]
            served = float(named[self.models[number]])
            self._queue = max(0, self._queue + self._step - round(served * UNIT))
            if explore or self.rule.get("learns") == "served":
                asked = np.arange(len(self.models)) if explore else np.array([number])
                self._head.learn(x, asked, values)

    @property
    def queue(self) -> float:
        """The virtual queue, in requests."""
        return self._queue / UNIT

    def features(self, text: str) -> np.ndarray:
        """The projected features of a prompt.

        Args:
            text: The prompt.

        Returns:
            [d] float32.
        """
        if "components" not in self._arrays:
            return np.zeros(0, np.float32)
        raw = hashed_ngrams([text], dim=len(self._arrays["centre"])).astype(np.float64)
        projected = (raw - self._arrays["centre"]) @ self._arrays["components"]
        return np.asarray(projected[0], np.float32)

    def save(self, path: str | os.PathLike[str] | None = None) -> Path:
        """Keep the state: queue, number of requests, what was learned. The file appears whole or not at all.

        Requests that wait for feedback are not kept; feedback for them after `load` is refused.

        Args:
            path: The file; by default state.npz in the router's folder, where `load` finds it.

        Returns:
            The path.

        Raises:
            ValueError: No path, for a router that was not loaded from a folder.
        """
        if path is None and self.folder is None:
            raise ValueError("save: found no folder, expected a path")
        target = Path(path) if path is not None else Path(str(self.folder)) / STATE
        with self._lock:
            learned = {name: np.array(values) for name, values in self._head.state().items()}
            numbers = {"t": np.array(self._t), "queue": np.array(self._queue)}
        draft = target.with_name(f".{target.name}.{os.getpid()}.{threading.get_ident()}.part")
        try:
            with draft.open("wb") as file:
                np.savez(file, **numbers, **{f"head_{name}": values for name, values in learned.items()})  # type: ignore[arg-type]
                file.flush()
                os.fsync(file.fileno())
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
        return target

    def _restore(self, path: Path) -> None:
        stored = exported.read_state(path)
        learned = {name.removeprefix("head_"): values for name, values in stored.items() if name.startswith("head_")}
        expected = {name: np.shape(values) for name, values in self._head.state().items()}
        if (found := {name: values.shape for name, values in learned.items()}) != expected:
            raise ValueError(f"{path}: found the state of another router, {found}, expected {expected}; remove it")
        self._t, self._queue = int(stored["t"]), int(stored["queue"])
        if learned:
            self._head = self._make_head(self._arrays | learned)

    def _make_head(self, arrays: Mapping[str, np.ndarray]) -> heads.Head:
        if self._kind == "knn":
            return heads.Neighbours(arrays["known"], arrays["satisfaction"], int(self.rule["k"]))
        if self._kind in ("offline", "threshold"):
            return heads.Ridge(arrays["theta"], dtype=np.float64)
        if self._kind in ("mess+ trained", "serve and learn"):
            learns = self.rule.get("learns") == "served"
            return heads.Ridge(arrays["theta"], arrays["inverse"] if learns else None)
        if self._kind == "mess+":
            known = dict(arrays) if "weight" in arrays else None
            return heads.Linear(len(self.models), arrays["components"].shape[1], float(self.rule["rate"]), known)
        return heads.Head()

    def _decide(self, t: int, x: np.ndarray, cost: np.ndarray) -> tuple[int, bool, np.ndarray]:
        rule, s_hat = self.rule, self._head.predict(x)
        if self._kind == "single":
            return int(rule["model"]), False, s_hat
        if self._kind == "mixture":
            edges = np.cumsum(np.asarray(rule["shares"], np.float32))
            return min(int(np.sum(np.float32(coin(rule["key"], t)) >= edges)), len(self.models) - 1), False, s_hat
        if self._kind == "threshold":
            return int(rule["strong"] if s_hat[0] > rule["threshold"] else rule["weak"]), False, s_hat
        if self._kind in ("knn", "offline"):
            return int(np.argmin((cost - cost[0]) - rule["price"] * (s_hat - s_hat[0]))), False, s_hat
        c = float(rule.get("c", 0.0))
        if c > 0:
            p = min(np.float32(1.0), np.float32(c) * np.float32(t) ** np.float32(-rule["a"]))
            if np.float32(coin(rule["key"], t)) < p:
                return len(self.models) - 1, True, s_hat
        Q = np.float32(self._queue // UNIT) + np.float32(self._queue % UNIT) * np.float32(1.0 / UNIT)
        e = cost.astype(np.float32)
        return int(np.argmin(np.float32(rule["V"]) * (e - e[0]) - Q * (s_hat - s_hat[0]))), False, s_hat
