"""`python -m proofs_check assumptions TRACE`: a table, DIR/assumptions.json and DIR/assumptions.png."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from messjax import shell
from messjax.traces import Trace, price_list, read_routellm
from proofs_check.assumptions import figure
from proofs_check.assumptions._routerarena import read_routerarena
from proofs_check.assumptions.report import Check, table
from proofs_check.assumptions.trace import check_trace, learn, shuffled


def main(arguments: Sequence[str] | None = None) -> int:
    """Check a recorded trace: 0 whatever the verdicts, or 2 after one line on standard error for bad input."""
    return shell.exit_code("proofs_check assumptions", lambda: _run(_parser().parse_args(arguments)))


def _parser() -> shell.Parser:
    parser = shell.Parser(
        prog="proofs_check assumptions", description="A1 to A8 of docs/theory.md on a recorded trace."
    )
    parser.add_argument("trace", type=Path, metavar="TRACE", help="RouteLLM's CSVs, or a folder of RouterArena's JSONL")
    parser.add_argument("--alpha", type=float, default=None, help="the agreement, which A3 needs")
    parser.add_argument("--prices", default="", metavar="MODEL=USD,...", help="for formats without costs")
    parser.add_argument("--shuffle", action="store_true", help="check the requests in a random order")
    parser.add_argument("--seed", type=shell.whole(0), default=0, help="all randomness follows from it (0)")
    parser.add_argument("--out", type=Path, default=Path("results"), metavar="DIR", help="where to write (results)")
    return parser


def _run(asked: Any) -> None:
    trace = read(asked.trace, asked.prices)
    trace = shuffled(trace, asked.seed) if asked.shuffle else trace
    checks = check_trace(trace, asked.alpha, asked.seed)
    out = shell.out_dir(asked.out)
    told = {"trace": trace.source, "alpha": asked.alpha, "seed": asked.seed, "shuffled": asked.shuffle}
    text = json.dumps(told | {"checks": [plain(check) for check in checks]}, indent=1)
    (out / "assumptions.json").write_text(text + "\n", encoding="utf-8")
    shell.console().print(table(checks))
    figure.draw(checks, trace, learn(trace, asked.seed), asked.alpha).savefig(out / "assumptions.png", dpi=160)
    print(f"wrote {out / 'assumptions.json'}, {out / 'assumptions.png'}")


def read(path: Path, prices: str = "") -> Trace:
    """The trace of a file or folder, by what it holds; ValueError where it is no known format, or prices do not fit."""
    if path.is_dir() and any(path.glob("*.jsonl")):
        if prices:
            raise ValueError(f"--prices: {path} records its costs, expected none")
        return read_routerarena(path)
    return read_routellm(path, {name: price[0] for name, price in (price_list(prices) if prices else {}).items()})


def plain(check: Check) -> dict[str, Any]:
    """A check for JSON, which knows neither NaN nor infinity: null, and "-inf" as text."""

    def number(value: Any) -> Any:
        if not isinstance(value, float) or math.isfinite(value):
            return value
        return None if math.isnan(value) else str(value)

    return {name: number(value) for name, value in check._asdict().items()}
