"""`messjax bench`: routers compared on one protocol, with the static mix that spends as much as a control."""

from __future__ import annotations

import argparse
import json
import textwrap
from pathlib import Path

import xarray as xr

from messjax import plot, results, runtime, zoo
from messjax.cli import machine_output, options
from messjax.evaluation import bench
from messjax.evaluation.bench import entrants, figures, plan, scenarios, tables
from messjax.evaluation.bench.data import BenchData
from messjax.output import counted

QUICK = {"seeds": 8, "tuning_seeds": 2, "horizon": 600, "replicates": 200, "lanes": 64}
SYNTHETIC = "llama3"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument(
        "path", type=Path, nargs="?", metavar="TRACE", help=f"{options.PATH_HELP}; or --synthetic in its place"
    )
    options.add_trace_options(parser, path=False)
    options.add_judge(parser, f"adds the scenario {scenarios.SECOND_JUDGE!r}")
    parser.add_argument("--synthetic", action="store_true", help=f"requests calibrated to the zoo {SYNTHETIC} instead")
    parser.add_argument(
        "--scenarios", default="all", metavar="A,B,...", help=f"{', '.join(scenarios.SCENARIOS)} (default: all)"
    )
    parser.add_argument(
        "--policies",
        default="all",
        metavar="A,B,...",
        help=f"{', '.join(entrants.ENTRANTS)} (default: all)",
    )
    parser.add_argument(
        "--track", default="floor,ceiling", metavar="A,B",
        help="floor: least cost at satisfaction alpha; ceiling: most satisfaction at a budget (default: both)",
    )  # fmt: skip
    parser.add_argument(
        "--alpha", type=runtime.number_list, default=list(plan.ALPHAS), metavar="A,B,...",
        help="targets of the floor track (default: 0.8,0.85,0.9,0.92)",
    )  # fmt: skip
    parser.add_argument(
        "--budgets", type=runtime.number_list, default=None, metavar="A,B,...",
        help="targets of the ceiling track, cost per request (default: seven from the cheapest model to the dearest)",
    )  # fmt: skip
    parser.add_argument("--seeds", type=runtime.whole_number(2), help="paired streams (default: 32; 8 with --quick)")
    parser.add_argument("--horizon", type=runtime.whole_number(30), help="requests per stream (default: all judged)")
    parser.add_argument("--quick", action="store_true", help="8 streams of at most 600 requests")
    parser.add_argument(
        "--time-policies", action="store_true",
        help="also measure microseconds per decision of every policy, and of the package paretobandit if installed",
    )  # fmt: skip
    parser.add_argument(
        "--also", type=Path, action="append", default=[], metavar="FILE", help="a file with policies of your own"
    )
    parser.add_argument(
        "--seed", type=runtime.whole_number(0), default=7, help="seed of everything random (default: 7)"
    )
    parser.add_argument("--json", action="store_true", help="print the records as JSON and nothing else")
    parser.add_argument(
        "--out", type=Path, default=Path("results"), metavar="DIR", help="folder for the results (default: results)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Compare; tables, a Dataset, JSON and three figures."""
    if args.synthetic == (args.path is not None):
        raise ValueError("bench: expected a trace or --synthetic, found " + ("both" if args.synthetic else "neither"))
    own = {name: build for path in args.also for name, build in entrants.from_file(path).items()}
    chosen = _options(args)
    runtime.out_dir(args.out)
    with machine_output.notes_to_errors(args.json):
        data = _data(args)
        with runtime.progress(1, "decisions") as report:
            dataset = bench.run_bench(data, chosen, own=own, progress=report)
    saved = write(dataset, args.out)
    if args.json:
        print(json.dumps(tables.records(dataset), indent=1))
        return
    print(
        f"{data.source}: {len(data.parts.judging.rows):,} requests are judged, {counted(len(data.models), 'model')}, "
        f"{counted(dataset.sizes['seed'], 'stream')} of {dataset.attrs['horizon']:,}; costs in {data.cost_unit}\n"
    )
    console = runtime.console()
    for each in tables.all_tables(dataset):
        console.print(textwrap.fill(each, 80) if isinstance(each, str) else each)
        console.print()
    print(textwrap.fill(_reading(), 80))
    print(f"{dataset.attrs['decisions']:,} decisions in {dataset.attrs['calls']} calls of one compiled program")
    print(f"wrote {', '.join(str(path) for path in saved)}")


def _options(args: argparse.Namespace) -> plan.Options:
    quick = QUICK if args.quick else {}
    given = {name: getattr(args, name) for name in ("seeds", "horizon") if getattr(args, name) is not None}
    tracks = _names(args.track)
    return plan.Options(
        policies=_names(args.policies), scenarios=_names(args.scenarios),
        tracks=plan.TRACKS if tracks is None else tracks, timed=args.time_policies,
        alphas=tuple(args.alpha), budgets=None if args.budgets is None else tuple(args.budgets), seed=args.seed,
        **(quick | given),
    )  # fmt: skip


def _names(text: str) -> tuple[str, ...] | None:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    return None if names == ("all",) else names


def _data(args: argparse.Namespace) -> BenchData:
    if args.synthetic and args.judge:
        raise ValueError("--judge: found --synthetic, expected a trace of the requests that the other judge scored")
    asked = _names(args.scenarios)
    if args.judge and asked is not None and scenarios.SECOND_JUDGE not in asked:
        raise ValueError(f"--judge: expected {scenarios.SECOND_JUDGE!r} among --scenarios, found {args.scenarios}")
    if args.synthetic:
        return bench.of_stream(zoo.get(SYNTHETIC).stream(), seed=args.seed, source=f"synthetic {SYNTHETIC}")
    return bench.of_trace(options.with_judge(args, options.read_trace(args)), args.seed)


def _reading() -> str:
    """How the tables are read."""
    return (
        "keep: more satisfaction than the static mix of two models that spends as much (Holm over policies, 5%), and "
        "the upper limit of the violation is tolerable. kill: less. ?: undecided. The mean gain is over all scenarios; "
        "a target is missed for sure (!) where the lower limit of the violation is not tolerable, and may be missed "
        "(?) where the upper one is not. The models of the mix are chosen on requests before the judged ones. "
        "Intervals are 95%, over prompts and streams. Settings are chosen among 32 on other requests, once for all "
        "scenarios. A name that ends with * is a reconstruction."
    )


def write(dataset: xr.Dataset, folder: Path) -> list[Path]:
    """The Dataset, the records and the figures.

    Args:
        dataset: A result of `bench.run_bench`.
        folder: Where to.

    Returns:
        The files.
    """
    paths = [results.save(dataset, folder / "bench.nc")]
    records = tables.records(dataset)
    paths.append(folder / "bench.json")
    attributes = {name: value for name, value in dataset.attrs.items() if isinstance(value, (str, int, float))}
    paths[-1].write_text(json.dumps({"about": attributes, "records": records}, indent=1) + "\n", encoding="utf-8")
    paths.append(folder / "bench.csv")
    paths[-1].write_text(machine_output.as_csv(records), encoding="utf-8")
    first = "stationary" if "stationary" in dataset["scenario"].values else str(dataset["scenario"].values[0])
    paths += plot.save(figures.cost_against_satisfaction(dataset, first), folder / "cost_against_satisfaction")
    for track in dict.fromkeys(str(each) for each in dataset["track"].values):
        drawn = figures.adaptation(dataset, track)
        if drawn is not None:
            paths += plot.save(drawn, folder / f"adaptation_{track}")
        paths += plot.save(figures.regret(dataset, track), folder / f"regret_{track}")
    return paths
