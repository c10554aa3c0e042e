"""The published data set of decision logs: `python -m sims.common.published_logs DIR [--requests N]`.

Five routers answer the same requests of a synthetic zoo, calibrated to the published averages of [M25]; every answer of
every model is in requests.parquet, so that any estimate from a log can be compared with the truth. Everything follows
from the seed; no recorded trace is used. The datasheet is docs/decision_log_data.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from messjax import runtime
from messjax.traces.logs.log_writer import write_log
from messjax.traces.logs.logged_trace import LoggedTrace
from sims.common import logging_policies, worlds
from sims.common.logging_policies import LOGGERS, Requests

SEED, NUM = 20_261, 10_000


def make(folder: Path, num: int = NUM) -> dict[str, Any]:
    """Write the data set: log_ROUTER.parquet of every router, requests.parquet, about.json.

    Args:
        folder: Where to.
        num: Number of requests.

    Returns:
        What about.json says.
    """
    folder.mkdir(parents=True, exist_ok=True)
    world = worlds.llama(num)
    drawn = worlds.draw(world.stream, jax.random.key(SEED), num)
    factor = np.random.default_rng(SEED).uniform(*logging_policies.SIZES, (1, num))
    x, score, cost = (each[None].astype(np.float64) for each in drawn)
    requests = Requests(x, score, cost, factor)
    about: dict[str, Any] = {"seed": SEED, "requests": num, "models": list(world.models), "cost_unit": world.cost_unit}
    about["means"] = {
        "satisfaction": requests.score[0].mean(axis=0).round(6).tolist(),
        "cost": (requests.cost[0] * factor[0][:, None]).mean(axis=0).round(6).tolist(),
    }
    about["logs"] = {}
    for name in LOGGERS:
        log = logging_policies.log_on(name, world, requests, SEED + 1)  # not the draws that the costs are made of
        path = write_log(log, folder / f"log_{name.lower().replace('+', '_plus').replace('-', '_')}.parquet")
        about["logs"][path.name] = _about(name, log)
    pq.write_table(pa.table(_columns(world.models, requests)), folder / "requests.parquet")
    (folder / "about.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return about


def _about(name: str, log: LoggedTrace) -> dict[str, Any]:
    assert log.chosen_propensity is not None
    return {
        "router": name,
        "satisfaction": round(float(log.score.mean()), 6),
        "cost": round(float(log.cost.mean()), 6),
        "least_propensity": float(f"{log.chosen_propensity.min():.6g}"),
        "choices": hashlib.sha256(log.action.astype("<i4").tobytes()).hexdigest(),
    }


def _columns(models: tuple[str, ...], requests: Requests) -> dict[str, Any]:
    x, score, cost, factor = (each[0] for each in requests)
    found: dict[str, Any] = {"id": [str(n + 1) for n in range(len(x))]}
    for m, name in enumerate(models):
        found |= {f"satisfaction:{name}": score[:, m], f"paid:{name}": cost[:, m] * factor, f"cost:{name}": cost[:, m]}
    return found | {f"feature:x{k}": x[:, k] for k in range(x.shape[1])}


def main(arguments: list[str] | None = None) -> int:
    """Make the data set.

    Args:
        arguments: Of the command line.

    Returns:
        0, or 2 on bad input.
    """
    parser = runtime.Parser(prog="python -m sims.common.published_logs", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("folder", type=Path, metavar="DIR", help="where to write")
    parser.add_argument("--requests", type=runtime.whole_number(100), default=NUM, metavar="N", help=f"({NUM:,})")

    def program() -> None:
        args: argparse.Namespace = parser.parse_args(arguments)
        for name, each in make(args.folder, args.requests)["logs"].items():
            print(f"{args.folder / name}: satisfaction {each['satisfaction']:.4f}, cost {each['cost']:.4f}, "
                  f"least propensity {each['least_propensity']:.3g}")  # fmt: skip

    return runtime.run_program("published_logs", program)


if __name__ == "__main__":
    sys.exit(main())
