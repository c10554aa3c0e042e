"""`python -m proofs_check assumptions TRACE`: a table, DIR/assumptions.json and DIR/assumptions.png."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from messjax import runtime, traces
from messjax.traces import Trace
from proofs_check.assumptions import figure
from proofs_check.assumptions.report import Check, table
from proofs_check.assumptions.trace import check_trace, learn, shuffled


def main(arguments: Sequence[str] | None = None) -> int:
    """Check a recorded trace: 0 whatever the verdicts, or 2 after one line on standard error for bad input."""
    return runtime.run_program("proofs_check assumptions", lambda: _run(_parser().parse_args(arguments)))


def _parser() -> runtime.Parser:
    parser = runtime.Parser(
        prog="proofs_check assumptions", description="A1 to A8 of docs/theory.md on a recorded trace."
    )
    parser.add_argument("trace", type=Path, metavar="TRACE", help="a file or folder in any format messjax reads")
    parser.add_argument("--format", default="auto", metavar="NAME", help=f"{', '.join(traces.NAMES)} (auto)")
    parser.add_argument("--metric", default=None, metavar="NAME", help="which score, where a format has several")
    parser.add_argument("--filter", default=None, metavar="NAME", help="lm-evaluation-harness: which filter's rows")
    parser.add_argument("--columns", default="", metavar="ROLE=COLUMN,...", help="the columns of a plain table")
    parser.add_argument("--cost", default=None, metavar="KIND", help="recorded, tokens, parameters or constant")
    parser.add_argument("--prices", default="", metavar="MODEL=USD,...", help="USD per 1M tokens, or a cost.json")
    parser.add_argument("--parameters", default="", metavar="MODEL=BILLIONS,...", help="for --cost parameters")
    parser.add_argument("--cost-unit", default="", metavar="TEXT", help="what --cost constant is in")
    parser.add_argument("--scores", default=None, metavar="HOW", help="clip, rescale, ... (as they are recorded)")
    parser.add_argument("--alpha", type=float, default=None, help="the agreement, which A3 needs")
    parser.add_argument("--shuffle", action="store_true", help="check the requests in a random order")
    parser.add_argument("--seed", type=runtime.whole_number(0), default=0, help="all randomness follows from it (0)")
    parser.add_argument("--out", type=Path, default=Path("results"), metavar="DIR", help="where to write (results)")
    return parser


def _run(args: Any) -> None:
    trace = read(args)
    trace = shuffled(trace, args.seed) if args.shuffle else trace
    checks = check_trace(trace, args.alpha, args.seed)
    out = runtime.out_dir(args.out)
    label = {"trace": trace.source, "alpha": args.alpha, "seed": args.seed, "shuffled": args.shuffle}
    text = json.dumps(label | {"checks": [plain(check) for check in checks]}, indent=1)
    (out / "assumptions.json").write_text(text + "\n", encoding="utf-8")
    runtime.console().print(table(checks))
    figure.draw(checks, trace, learn(trace, args.seed), args.alpha).savefig(out / "assumptions.png", dpi=160)
    print(f"wrote {out / 'assumptions.json'}, {out / 'assumptions.png'}")


def read(args: Any) -> Trace:
    """The trace of a file or folder as it was recorded, its faults included.

    Raises:
      ValueError: no known format, anything its reader cannot take, options that do not fit it.
    """
    path = args.trace
    if args.format == "messjax" or (args.format == "auto" and not args.columns and traces.is_messjax(path)):
        if args.cost or args.prices or args.parameters or args.cost_unit or args.scores:
            given = "--cost, --prices, --parameters, --cost-unit, --scores"
            raise ValueError(f"{given}: {path} has its costs and scores, expected none of these")
        return traces.read_parquet(path)
    columns = traces.parse_columns(args.columns) if args.columns else {}
    options = traces.Options(metric=args.metric, filter=args.filter, columns=columns)
    recording = traces.read(path, args.format, options)
    rule = traces.parse_rule(args.cost, args.prices, args.parameters, args.cost_unit, recording)
    return traces.unchecked(recording, rule, args.scores)


def plain(check: Check) -> dict[str, Any]:
    """A check for JSON, which knows neither NaN nor infinity: null, and "-inf" as text."""

    def number(value: Any) -> Any:
        if not isinstance(value, float) or math.isfinite(value):
            return value
        return None if math.isnan(value) else str(value)

    return {name: number(value) for name, value in check._asdict().items()}
