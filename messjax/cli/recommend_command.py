"""`messjax recommend`: which policy a recorded trace recommends at an SLA target, with its uncertainty."""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from pathlib import Path

import numpy as np

from messjax import features, plot, runtime
from messjax.cli import chosen_policies, machine_output, options
from messjax.cli.chosen_policies import Wanted
from messjax.evaluation.recommendation import decision, export, figure, kinds, requests, table, words
from messjax.evaluation.recommendation.decision import Recommendation
from messjax.output import counted
from messjax.traces import Trace

ALL = kinds.NAMES
FEWEST = 100  # requests, of which half are judged on
DIM = 256
ROWS = 9  # of the table; all candidates are in candidates.csv
LEAST = 20  # requests of a group that is shown; all of them are in the JSON


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    options.add_trace_options(parser)
    parser.add_argument("--alpha", type=float, required=True, help="required mean satisfaction, for example 0.75")
    parser.add_argument(
        "--confidence",
        type=float,
        default=0.95,
        help="probability with which alpha is to be kept on the next requests (default: 0.95)",
    )
    parser.add_argument(
        "--tolerance", type=float, default=0.005, help="what may be missing of alpha on them (default: 0.005)"
    )
    parser.add_argument(
        "--policies",
        default=",".join(kinds.NAMES),
        metavar="A,B,...",
        help=f"candidates: {', '.join(kinds.NAMES)}, and {chosen_policies.OWN_FILE} (default: all names); "
        f"{kinds.PLAIN} is the one that learns from scratch: {kinds.TRAINED} and {kinds.SERVED} are names of their own",
    )
    parser.add_argument(
        "--seed", type=runtime.whole_number(0), default=7, help="seed of all random numbers (default: 7)"
    )
    parser.add_argument(
        "--export", type=Path, metavar="DIR", help="write what is recommended as a folder for messjax.deploy.Router"
    )
    machine_output.add_json(parser, "the recommendation")
    parser.add_argument(
        "--out", type=Path, default=Path("results"), metavar="DIR", help="folder for the results (default: results)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Recommend; the answer in words, a table, a figure, JSON and CSV. 2 where what is said cannot be exported."""
    for name, low, high in (("alpha", 0.0, 1.0), ("confidence", 0.5, 1.0)):
        if not low < getattr(args, name) < high:
            raise ValueError(f"--{name}: expected a number between {low:g} and {high:g}, found {getattr(args, name)}")
    if not 0.0 <= args.tolerance < args.alpha:
        raise ValueError(f"--tolerance: expected a number from 0 to below alpha, found {args.tolerance}")
    wanted = chosen_policies.parse(args.policies, kinds.NAMES)
    runtime.out_dir(args.out)
    with machine_output.notes_to_errors(args.json):
        trace = options.read_trace(args)
        result, projection = of_trace(
            trace,
            alpha=args.alpha,
            confidence=args.confidence,
            tolerance=args.tolerance,
            wanted=wanted,
            seed=args.seed,
        )
    saved, refused = write(result, args.out, trace), ""
    if args.export is not None:
        try:
            saved += export.write(result, projection, args.export, args.seed)
        except ValueError as error:  # said last: the answer holds without it
            refused = f"messjax: {error}"
    if args.json:
        print(machine_output.as_json(words.as_json(result)))
    else:
        show(result, trace)
        print(f"wrote {', '.join(str(path) for path in saved)}")
    if refused:
        print(refused, file=sys.stderr)
    return 2 if refused else 0


def of_trace(
    trace: Trace, *, alpha: float, confidence: float, tolerance: float, wanted: Wanted, seed: int
) -> tuple[Recommendation, requests.Projection]:
    """The recommendation for a trace, and how its prompts' features are projected."""
    num = len(trace.prompts)
    if num < FEWEST:
        raise ValueError(f"{trace.source}: found {num} requests, expected at least {FEWEST} to recommend anything")
    every = requests.Requests(
        features.hashed_ngrams(trace.prompts, dim=DIM),
        trace.satisfaction,
        trace.cost,
        np.array(list(trace.groups)),
        np.arange(num),
        {name: np.asarray(choice) for name, choice in trace.choices.items() if np.all(np.asarray(choice) >= 0)},
        {name: np.asarray(score) for name, score in trace.router_scores.items() if np.all(np.isfinite(score))},
        trace.paid,
    )
    parts = requests.split(every, seed)
    projection = requests.project(parts.training.features)
    parts = requests.Parts(*(part._replace(features=projection(part.features)) for part in parts))
    result = decision.recommend(
        parts,
        trace.models,
        alpha=alpha,
        cost_unit=trace.cost_unit,
        confidence=confidence,
        tolerance=tolerance,
        wanted=wanted.names,
        own=chosen_policies.own(wanted.files, parts.training.features.shape[1], len(trace.models)),
        seed=seed,
    )
    return result, projection


def write(result: Recommendation, folder: Path, trace: Trace) -> list[Path]:
    """recommendation.json, candidates.csv and the frontier."""
    paths = [folder / "recommendation.json", folder / "candidates.csv"]
    paths[0].write_text(machine_output.as_json(words.as_json(result)) + "\n", encoding="utf-8")
    rows = [row | {"settings": json.dumps(row["settings"])} for row in words.records(result)]
    paths[1].write_text(machine_output.as_csv(rows), encoding="utf-8")
    drawn = figure.frontier(result, f"{trace.source}, alpha = {result.alpha:g}")
    return paths + plot.save(drawn, folder / "frontier")


def show(result: Recommendation, trace: Trace, most: int = ROWS) -> None:
    """The answer, the reasons, the alternatives (about so many) and the groups that fall short."""
    count = counted(len(trace.models), "model")
    print(f"{trace.source}: {len(trace.prompts):,} requests, {count}, alpha = {result.alpha:g}\n")
    print(textwrap.fill(words.answer(result), 80))
    print()
    for reason in words.reasons(result):
        print(textwrap.fill(reason, 80, initial_indent="- ", subsequent_indent="  "))
    print(textwrap.fill(words.footing(result), 80, initial_indent="- ", subsequent_indent="  "))
    print()
    runtime.console().print(table.alternatives(result, most))
    groups = [row for row in words.groups(result) if row["requests"] >= LEAST]
    below = [row for row in groups if row["satisfaction"] < result.alpha]
    if below and len(groups) > 1:
        shown = ", ".join(f"{row['group']} {row['satisfaction']:.3f} ({row['requests']})" for row in below[:5])
        rest = f" and {len(below) - 5} more" if len(below) > 5 else ""
        what = f"{len(below)} of {len(groups)} groups with at least {LEAST} judged requests are below alpha: "
        print(textwrap.fill(f"{what}{shown}{rest}.", 80))
