"""What predicts satisfactions in production, in NumPy: the same numbers as the heads of `messjax.predictors`."""

from __future__ import annotations

import numpy as np

Arrays = dict[str, np.ndarray]


class Head:
    """A head. This one predicts nothing: for policies that ignore the request."""

    def predict(self, x: np.ndarray) -> np.ndarray:
        """No number.

        Args:
            x: Features [d].

        Returns:
            An empty array.
        """
        del x
        return np.empty(0)

    def learn(self, x: np.ndarray, models: np.ndarray, satisfaction: np.ndarray) -> None:
        """Nothing.

        Args:
            x: Features [d].
            models: Numbers of the observed models [k].
            satisfaction: Their satisfactions [k].
        """

    def state(self) -> Arrays:
        """No arrays.

        Returns:
            An empty dict.
        """
        return {}


class Neighbours(Head):
    """The mean satisfaction of the k nearest known requests, as `predictors.knn`. Not for two threads at once."""

    def __init__(self, features: np.ndarray, satisfaction: np.ndarray, k: int) -> None:
        self.centre = features.mean(axis=0)
        known = np.ascontiguousarray(features - self.centre, np.float32)
        self.norm = np.sum(known**2, axis=1)
        self.twice = np.float32(2.0) * known  # exact
        self.satisfaction, self.k = np.asarray(satisfaction, np.float64), int(k)
        self._near, self._ordered = (np.empty(len(known), np.float32) for _ in range(2))  # nothing is allocated

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Among equally near ones the earlier is taken.

        Args:
            x: Features [d].

        Returns:
            s_hat [M].
        """
        near, ordered, least = self._near, self._ordered, len(self._near) - self.k
        np.dot(self.twice, np.asarray(x - self.centre, np.float32), out=near)
        near -= self.norm
        ordered[:] = near
        ordered.partition(least)
        at = np.flatnonzero(near >= ordered[least])
        if len(at) > self.k:  # ties at the k-th place
            above = near[at] > ordered[least]
            at = np.concatenate([at[above], at[~above][: self.k - int(above.sum())]])
        result: np.ndarray = np.add.reduce(self.satisfaction.take(at, axis=0), axis=0) / self.k
        return result


class Ridge(Head):
    """Ridge regression, as `predictors.ridge_regression`; with `inverse` it learns."""

    def __init__(self, theta: np.ndarray, inverse: np.ndarray | None = None, *, dtype: type = np.float32) -> None:
        self.theta: np.ndarray = np.array(theta, dtype)
        self.inverse: np.ndarray | None = None if inverse is None else np.array(inverse, dtype)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """theta . (x, 1), clipped to [0, 1].

        Args:
            x: Features [d].

        Returns:
            s_hat [M].
        """
        theta = self.theta
        return np.clip(theta[:, :-1] @ x.astype(theta.dtype) + theta[:, -1], 0.0, 1.0)

    def learn(self, x: np.ndarray, models: np.ndarray, satisfaction: np.ndarray) -> None:
        """One step of recursive least squares for every observed model.

        Args:
            x: Features [d].
            models: Numbers of the observed models [k].
            satisfaction: Their satisfactions [k].
        """
        if self.inverse is None:
            return
        one = np.append(x, np.float32(1.0))
        for m, s in zip(models, satisfaction, strict=True):
            along = self.inverse[m] @ one
            scale = np.float32(1.0) / (np.float32(1.0) + along @ one)
            error = np.float32(s) - self.theta[m] @ one
            self.inverse[m] -= scale * np.outer(along, along)
            self.theta[m] += (scale * error) * along

    def state(self) -> Arrays:
        """Statistics, where it learns.

        Returns:
            theta and inverse.
        """
        return {} if self.inverse is None else {"theta": self.theta, "inverse": self.inverse}


class Linear(Head):
    """Logistic regression by SGD with momentum, as `predictors.linear` with `learning.sgd`."""

    CLIP, MOMENTUM, DECAY = np.float32(1.0), np.float32(0.9), np.float32(0.01)

    def __init__(self, num_models: int, num_features: int, rate: float, state: Arrays | None = None) -> None:
        self.rate = np.float32(rate)
        zero = {"weight": np.zeros((num_models, num_features), np.float32), "bias": np.zeros(num_models, np.float32)}
        zero |= {f"trace_{name}": np.zeros_like(values) for name, values in zero.items()}
        self.values = {name: np.array((state or zero)[name], np.float32) for name in zero}

    def predict(self, x: np.ndarray) -> np.ndarray:
        """sigmoid(W x + b).

        Args:
            x: Features [d].

        Returns:
            s_hat [M].
        """
        logit = self.values["weight"] @ x + self.values["bias"]
        return np.float32(1.0) / (np.float32(1.0) + np.exp(-logit))

    def learn(self, x: np.ndarray, models: np.ndarray, satisfaction: np.ndarray) -> None:
        """One step on the mean cross-entropy of the observed models.

        Args:
            x: Features [d].
            models: Numbers of the observed models [k].
            satisfaction: Their satisfactions [k].
        """
        slope = np.zeros_like(self.values["bias"])
        slope[models] = (self.predict(x)[models] - satisfaction.astype(np.float32)) / np.float32(len(models))
        gradient = {"weight": np.outer(slope, x), "bias": slope}
        norm = np.sqrt(sum(np.sum(each**2) for each in gradient.values()))
        for name, each in gradient.items():
            clipped = each if norm < self.CLIP else each / norm * self.CLIP
            trace = self.values[f"trace_{name}"]
            trace[...] = clipped + self.DECAY * self.values[name] + self.MOMENTUM * trace
            self.values[name] -= self.rate * trace

    def state(self) -> Arrays:
        """Parameters and momentum.

        Returns:
            Arrays by name.
        """
        return self.values
