"""The finished calls of a comparison, on the disk: an interrupted `messjax bench` goes on from there."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import xarray as xr

from messjax import files, results

SECONDS = 5.0  # between two writes, at least
Averages = dict[str, list[list[float]]]  # mean cost and mean satisfaction of every setting, by policy


class FinishedCalls:
    """What a run has finished.

    The folder belongs to one configuration and code (`run_folder`), so that its numbers are those of this run. How many
    lanes a call has follows from the number of devices: calls of another size are made again.

    Attributes:
        folder: Where it is; None: nothing is stored.
        lanes: Lanes of a call.
    """

    def __init__(self, folder: Path | None, lanes: int) -> None:
        self.folder = folder
        self.lanes = lanes
        self._written = time.monotonic()

    def tuning(self) -> tuple[int, Averages]:
        """What an earlier run has stored of the tuning.

        Returns:
            The number of finished calls, and costs and satisfactions by policy.
        """
        if self.folder is None or not (path := self.folder / "tuning.json").is_file():
            return 0, {}
        found = json.loads(path.read_text(encoding="utf-8"))
        return (found["calls"], found["averages"]) if found["lanes"] == self.lanes else (0, {})

    def store_tuning(self, calls: int, averages: Averages) -> None:
        """Store the tuning.

        Args:
            calls: Number of finished calls.
            averages: Costs and satisfactions by policy.
        """
        if self.folder is not None:
            files.write(
                self.folder / "tuning.json", json.dumps({"lanes": self.lanes, "calls": calls, "averages": averages})
            )

    def cells(self) -> tuple[int, dict[str, np.ndarray]]:
        """What an earlier run has stored of the judged streams.

        Returns:
            The number of finished calls, and the values of `Cells`.
        """
        if self.folder is None or not (path := self.folder / "cells.nc").is_file():
            return 0, {}
        try:
            found = results.load(path)
        except ValueError as error:
            print(f"warning: {error}; its calls are made again", file=sys.stderr)
            return 0, {}
        if int(found.attrs["lanes"]) != self.lanes:
            return 0, {}
        return int(found.attrs["calls"]), {str(name): each.values.copy() for name, each in found.data_vars.items()}

    def store_cells(self, calls: int, values: Mapping[str, np.ndarray]) -> None:
        """Store the judged streams, where the last write is some seconds ago.

        Args:
            calls: Number of finished calls.
            values: The values of `Cells`.
        """
        if self.folder is None or time.monotonic() - self._written < SECONDS:
            return
        data = {name: ([f"{name}_{i}" for i in range(each.ndim)], each) for name, each in values.items()}
        results.save(xr.Dataset(data, attrs={"lanes": self.lanes, "calls": calls}), self.folder / "cells.nc")
        self._written = time.monotonic()
