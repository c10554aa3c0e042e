"""The `messjax` command: replay a recorded trace, simulate a calibrated stream, print the offline optimum."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import xarray as xr
from rich.table import Table

from messjax import compare, features, optimum, plot, predictors, results, shell, streams, traces, zoo
from messjax.predictors import learning
from messjax.types import Controls, Law, Predictor, Stream


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line: 0, or 2 after one line on standard error for bad input."""

    def program() -> None:
        asked = _parser().parse_args(arguments)
        shell.use_all_cores()
        if not asked.no_cache:
            shell.use_compilation_cache()
        asked.run(asked)

    return shell.exit_code("messjax", program)


def _parser() -> shell.Parser:
    parser = shell.Parser(prog="messjax", description="MESS+: route requests among language models at least cost.")
    parser.add_argument("--no-cache", action="store_true", help="do not keep compiled programs for the next run")
    commands = parser.add_subparsers(required=True, metavar="{replay,simulate,optimum}")

    replay = commands.add_parser("replay", help="MESS+ and its baselines on a recorded trace")
    replay.add_argument("path", type=Path, metavar="PATH", help="a RouteLLM CSV or a folder of them")
    _prices(replay)
    _grid(replay, "0.1, 1 and 10 over the spread of costs")
    replay.add_argument("--seeds", type=shell.whole(1), default=8, help="orders of the trace (8)")
    replay.add_argument("--dim", type=shell.whole(1, 65_536), default=256, help="buckets of the hashed n-grams (256)")
    replay.set_defaults(run=_replay)

    simulate = commands.add_parser("simulate", help="MESS+ and its baselines on a stream calibrated to a zoo")
    simulate.add_argument(
        "--zoo", required=True, help=f"{', '.join(zoo.PRESETS)}; or one benchmark of it: llama3/ARC-C"
    )
    _grid(simulate, "1,10,100")
    simulate.add_argument("--horizon", type=shell.whole(1), default=20_000, help="requests per stream (20000)")
    simulate.add_argument("--streams", type=shell.whole(1), default=4096, help="independent streams (4096)")
    simulate.add_argument("--labels", default="independent", help="independent (default) or comonotone")
    simulate.set_defaults(run=_simulate)

    best = commands.add_parser("optimum", help="C*, gamma* and the optimal mixture of a zoo or a trace")
    source = best.add_mutually_exclusive_group(required=True)
    source.add_argument("--zoo", help=f"{', '.join(zoo.PRESETS)}; or one benchmark of it: llama3/ARC-C")
    source.add_argument("--trace", type=Path, metavar="PATH", help="a RouteLLM CSV or a folder of them")
    _prices(best)
    best.add_argument("--alpha", type=shell.numbers, required=True, help="agreed satisfaction, one or several: 0.6,0.7")
    best.set_defaults(run=_optimum)
    return parser


def _prices(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--prices",
        default="",
        metavar="MODEL=USD,...",
        help="USD per 1M tokens of each model; part of its name will do",
    )


def _grid(parser: argparse.ArgumentParser, default_V: str) -> None:
    parser.add_argument(
        "--alpha", type=shell.numbers, required=True, help="agreed satisfaction, one or several: 0.6,0.7"
    )
    parser.add_argument("--V", type=shell.numbers, default=None, help=f"weights of cost ({default_V})")
    parser.add_argument("--c", type=shell.numbers, default=[0.1], help="exploration scales, p_t = min(1, c t^-a) (0.1)")
    parser.add_argument("--a", type=float, default=0.25, help="exploration exponent (0.25; the workshop paper: 0.333)")
    parser.add_argument("--predictor", choices=("linear", "mlp", "oracle"), default="linear", help="(linear)")
    parser.add_argument("--learning-rate", type=float, default=0.06, help="of its SGD with momentum 0.9 (0.06)")
    parser.add_argument("--seed", type=shell.whole(0), default=7, help="all randomness follows from it (7)")
    parser.add_argument("--out", type=Path, default=Path("results"), metavar="DIR", help="where to write (results)")


def _replay(asked: argparse.Namespace) -> None:
    trace = _trace(asked.path, asked.prices)
    x = features.hashed_ngrams(trace.prompts, dim=asked.dim)
    cost, accuracy = trace.cost.mean(axis=0), trace.satisfaction.mean(axis=0)
    spread = float(np.ptp(cost)) or 1.0
    num, num_models = trace.satisfaction.shape
    stream = streams.replay(x, trace.satisfaction, trace.cost)
    print(
        f"{trace.source}: {num:,} requests, {len(set(trace.groups))} groups, {num_models} models, {asked.dim} features"
    )
    dataset = _compare(
        asked,
        stream=stream,
        predictor=_predictor(asked, stream, asked.dim, num_models),
        models=trace.models,
        cost=cost,
        accuracy=accuracy,
        horizon=num,
        num_streams=asked.seeds,
        cost_unit=trace.cost_unit,
        V=[0.1 / spread, 1.0 / spread, 10.0 / spread],
    )
    best, seeds = _per_alpha(dataset, "optimal_cost"), dataset.sizes["stream"]
    print(f"clairvoyant optimum (knows every label): cost {best}. The LP mixture knows each model's two averages.")
    if seeds > 1:
        print(f"Intervals are over {seeds} orders of this one trace and the router's coins, not over other requests.")
    _finish(asked, dataset, f"replay of {trace.source}, {num:,} requests, orders: {seeds}", "replay")


def _trace(path: Path, prices: str) -> traces.Trace:
    recording = traces.read(path)
    return traces.prepare(recording, traces.parse_rule(None, prices, "", "", recording))


def _simulate(asked: argparse.Namespace) -> None:
    chosen = zoo.get(asked.zoo)
    cost, accuracy = chosen.mean_cost(), chosen.mean_accuracy()
    stream = streams.calibrated(cost, accuracy, labels=asked.labels)
    dataset = _compare(
        asked,
        stream=stream,
        predictor=_predictor(asked, stream, 16, len(cost)),
        models=chosen.models,
        cost=cost,
        accuracy=accuracy,
        horizon=asked.horizon,
        num_streams=asked.streams,
        cost_unit=chosen.cost_unit,
        V=[1.0, 10.0, 100.0],
    )
    print(
        f"C* (knows mu of every request): {_per_alpha(dataset, 'optimal_cost')}; gamma*: {_per_alpha(dataset, 'gamma')}"
    )
    largest = float(np.max(dataset["V"]) * dataset["gamma"].max())
    ratio = f", ratio {asked.horizon / largest:.0f}" if largest > 0 else ""
    print(f"gate T >> V gamma*: T = {asked.horizon:,}, largest V gamma* = {largest:,.0f}{ratio}")
    title = f"{chosen.name}, {dataset.sizes['stream']:,} calibrated streams of {asked.horizon:,} requests"
    _finish(asked, dataset, title, "simulate")


def _predictor(asked: argparse.Namespace, stream: Stream, num_features: int, num_models: int) -> Predictor:
    if asked.predictor == "oracle":
        return predictors.oracle(stream)
    if not (asked.learning_rate > 0 and np.isfinite(asked.learning_rate)):
        raise ValueError(f"--learning-rate: expected a finite number > 0, found {asked.learning_rate}")
    make = predictors.linear if asked.predictor == "linear" else predictors.mlp
    return make(num_features, num_models, tx=learning.sgd(asked.learning_rate))


def _compare(
    asked: argparse.Namespace, *, num_streams: int, V: list[float], models: tuple[str, ...], **parts: Any
) -> xr.Dataset:
    shell.out_dir(asked.out)
    controls = Controls(
        V=np.array(asked.V if asked.V is not None else V), alpha=np.array(asked.alpha), c=np.array(asked.c), a=asked.a
    )
    with shell.progress(num_streams * parts["horizon"], "requests") as report:
        dataset = compare.compare(
            jax.random.key(asked.seed), controls, num_streams=num_streams, models=models, progress=report, **parts
        )
    for alpha in asked.alpha:
        if alpha > (best := float(np.max(parts["accuracy"]))):
            print(f"note: alpha {alpha:g} is above the best single model ({best:.4f}): only routing can meet it")
    return dataset


def _per_alpha(dataset: xr.Dataset, name: str) -> str:
    values = zip(np.atleast_1d(dataset["alpha"].values), np.atleast_1d(dataset[name].values), strict=True)
    return ", ".join(f"{value:.4g} at alpha {alpha:g}" for alpha, value in values)


def _finish(asked: argparse.Namespace, dataset: xr.Dataset, title: str, stem: str) -> None:
    dataset.attrs["command"] = f"messjax {stem} {' '.join(f'{k}={v}' for k, v in vars(asked).items() if k != 'run')}"
    saved = [results.save(dataset, asked.out / f"{stem}.nc")]
    shell.console().print(compare.table(dataset, title))
    alpha = float(np.atleast_1d(dataset["alpha"].values)[0])
    figure = plot.over_requests(
        compare.curves(dataset), alpha=alpha, title=f"{title}; 95% intervals", cost_unit=dataset.attrs["cost_unit"]
    )
    saved += plot.save(figure, asked.out / stem)
    print(f"wrote {', '.join(str(path) for path in saved)}")


def _optimum(asked: argparse.Namespace) -> None:
    if asked.zoo is not None:
        if asked.prices:
            raise ValueError("--prices are for --trace; a zoo has its own costs")
        chosen = zoo.get(asked.zoo)
        law, models, unit, kinds = chosen.law(), chosen.models, chosen.cost_unit, chosen.benchmarks
        reading = "knows each request's benchmark"
    else:
        trace = _trace(asked.trace, asked.prices)
        law = Law(np.full(len(trace.prompts), 1.0 / len(trace.prompts)), trace.cost, trace.satisfaction, "labels")
        models, unit, kinds, reading = trace.models, trace.cost_unit, (), "clairvoyant: knows every label"
    averages = Law(np.ones(1), (law.weight @ law.cost)[None], (law.weight @ law.mean)[None])
    readings = {"static mixture: knows the averages": averages, reading: law}
    tables = [_optimum_table(readings, alpha, models, unit, kinds) for alpha in asked.alpha]
    for table in tables:
        shell.console().print(table)


def _optimum_table(
    readings: dict[str, Law], alpha: float, models: tuple[str, ...], unit: str, kinds: tuple[str, ...]
) -> Table:
    out = Table(title=f"alpha = {alpha:g}; cost in {unit} per request")
    for name in ("policy", "C*", "gamma*", "satisfaction", *models):
        out.add_column(name, justify="left" if name == "policy" else "right")
    for label, law in readings.items():
        last = law is list(readings.values())[-1]
        if not last and alpha > (largest := optimum.largest_alpha(law)):
            out.add_row(label, "out of reach", "", f"<= {largest:.4f}")
            continue
        best = optimum.solve(law, alpha)
        shares = (f"{share:.2%}" for share in law.weight @ best.mixture)
        out.add_row(label, f"{best.cost:.6g}", f"{best.gamma:.6g}", f"{best.satisfaction:.4f}", *shares)
    if len(kinds) > 1:
        for kind, row in zip(kinds, best.mixture, strict=True):
            out.add_row(f"  of which {kind}", "", "", "", *(f"{share:.2%}" for share in row))
    return out


if __name__ == "__main__":
    sys.exit(main())
