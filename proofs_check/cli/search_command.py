"""`messjax-proofs search`: look for a counterexample where one likes, and get the instance found as a program."""

from __future__ import annotations

import argparse
from pathlib import Path

import jax

from messjax import plot, runtime
from messjax.theory import ALL, statements_named
from messjax.theory.statement import Statement, load_statements
from proofs_check import report
from proofs_check.counterexamples import presentation, quantities, search
from proofs_check.counterexamples.instances import Space


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.description = (
        "Look for the instance on which a statement has the least to spare: request types, predictions and controls. "
        f"Quantities that may be fixed or bounded: {quantities.MEANING}."
    )
    parser.add_argument("statements", metavar="NAMES", help="by name or number: T1,T2 or 'T1 queue'")
    parser.add_argument(
        "--fix", action="append", default=[], metavar="NAME=NUMBER", help="c=0 or 'mu[0,1]=0.9'; repeat"
    )
    parser.add_argument("--range", action="append", default=[], metavar="NAME=LOW:HIGH", help="V=1:50; repeat")
    parser.add_argument("--types", type=runtime.whole_number(1, 8), default=2, help="request types (2)")
    parser.add_argument("--models", type=runtime.whole_number(1, 8), default=2, help="models (2)")
    parser.add_argument("--also", type=Path, action="append", default=[], metavar="FILE", help="a file of statements")
    parser.add_argument("--quick", action="store_true", help="a third of the instances")
    parser.add_argument("--seed", type=runtime.whole_number(0), default=0, help="all randomness follows from it (0)")
    parser.add_argument("--out", type=Path, default=Path("results/search"), metavar="DIR", help="where to write")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Search, print the table and the programs, write them and the figure.

    Returns:
        1 where a statement is violated, else 0.
    """
    chosen: list[Statement] = statements_named(
        args.statements, list(ALL) + [each for path in args.also for each in load_statements(path)]
    )
    limits = quantities.parse(args.fix, args.range, args.types, args.models)
    space = Space(args.types, args.models, limits=tuple(limits.items()))
    out, key = runtime.out_dir(args.out), jax.random.key(args.seed)
    with runtime.progress(len(chosen), "statements") as progress:
        seen = search.screen(key, search.SCREENED * (1 if args.quick else 4), space)
        result = search.find_counterexamples(
            chosen, key, quick=args.quick, seen=seen, progress=lambda done: progress(done, len(chosen))
        )
    words = [
        f"{name} = {low:g}" if low == high else f"{name} in {low:g} to {high:g}" for name, (low, high) in limits.items()
    ]
    title = f"Search where {', '.join(words)}" if words else "Search"
    runtime.console().print(presentation.table(result, title))
    saved = plot.save(presentation.figure(result), out / "search")
    for number, each in enumerate(result):
        path = out / f"instance_{number}.py"
        path.write_text(presentation.python(each, args.also), encoding="utf-8")
        saved.append(path)
        print(f"\n# {each.statement.name}: {path}\n{path.read_text(encoding='utf-8')}", end="")
    print(f"\nwritten to: {', '.join(map(str, saved))}\ncommand: {report.command(args.words)}")
    return int(any(each.row.verdict == "violated" for each in result))
