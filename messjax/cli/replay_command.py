"""`messjax replay`: MESS+ and its baselines on a recorded trace, published router metrics, the predictor over time."""

from __future__ import annotations

import argparse
import shlex
from typing import Any

import jax
import numpy as np
import xarray as xr

from messjax import feedback, plot, results, runtime, streams, traces
from messjax.cli import (
    chosen_policies,
    feature_options,
    grids,
    machine_output,
    options,
    recommend_command,
    recorded_routers,
    replay_advice,
    run_log,
)
from messjax.cli.chosen_policies import Wanted
from messjax.evaluation import comparison, router_metrics, trained_routers
from messjax.evaluation import predictor as predictor_evaluation
from messjax.evaluation.recommendation import words
from messjax.output import counted
from messjax.streams.recorded import ORDERS
from messjax.traces import Trace
from messjax.types import Stream

ORDERED = {
    "shuffled": "in shuffled orders",
    "file": "in file order",
    "groups": "one group after the other (not stationary)",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    options.add_trace_options(parser)
    options.add_judge(parser, "policies receive its scores, and are measured by those of PATH")
    grids.add_options(parser, "0.1, 1 and 10 over the range of the models' mean costs")
    parser.add_argument(
        "--seeds",
        type=runtime.whole_number(1),
        default=8,
        help="number of replays, each with its own order and exploration (default: 8)",
    )
    parser.add_argument("--order", choices=ORDERS, default="shuffled", help="order of the requests (default: shuffled)")
    feature_options.add_options(parser)
    parser.add_argument(
        "--held-out",
        type=float,
        default=0.1,
        metavar="SHARE",
        help="share of requests held out to test the predictor, in a separate replay (default: 0.1; 0 for none)",
    )
    parser.add_argument(
        "--recommend",
        action="store_true",
        help="end with what `messjax recommend` says, which takes up to a minute more",
    )
    chosen_policies.add_options(parser, prefix=True)
    run_log.add_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Replay the trace; tables, Datasets and figures, or JSON."""
    if not 0.0 <= args.held_out <= 0.5:
        raise ValueError(f"--held-out: expected a share from 0 to 0.5, found {args.held_out}")
    if args.judge and args.log:
        raise ValueError("--log: found --judge, expected one of the two: a log has the scores of one judge")
    runtime.out_dir(args.out)
    with machine_output.notes_to_errors(args.json):
        page = _replayed(args)
    if args.json:
        print(machine_output.as_json(page))


def _replayed(args: argparse.Namespace) -> dict[str, Any]:
    """What `run` prints, and the same for JSON."""
    wanted = chosen_policies.parse(args.policies, (*chosen_policies.ALWAYS, *trained_routers.NAMES))
    whole = options.with_judge(args, options.read_trace(args))
    all_features = feature_options.features_of(args, whole)
    trace, x, prefix = _served(args, wanted, whole, all_features)
    cost, accuracy = trace.cost.mean(axis=0), trace.satisfaction.mean(axis=0)
    spread = float(np.ptp(cost)) or 1.0
    num, num_models = trace.satisfaction.shape
    stream = _stream(args, trace, x, trace.satisfaction)
    if trace.judged is not None:
        stream = streams.with_judge(stream, _stream(args, trace, x, trace.judged))
    parts = ((num, "request"), (len(set(trace.groups)), "group"), (num_models, "model"), (x.shape[1], "feature"))
    print(f"{trace.source}: " + ", ".join(counted(number, what) for number, what in parts))
    more = chosen_policies.beside(wanted, prefix, args.alpha[0], (x.shape[1], num_models))
    predictor = grids.predictor(args, stream, x.shape[1], num_models)
    everyone = comparison.contenders(predictor, trace.models, cost, accuracy) | more
    run_log.check(args, everyone)
    V = [0.1 / spread, 1.0 / spread, 10.0 / spread]
    dataset = grids.run(
        args,
        stream=stream,
        predictor=predictor,
        models=trace.models,
        cost=cost,
        accuracy=accuracy,
        horizon=num,
        num_streams=args.seeds,
        cost_unit=trace.cost_unit,
        paid=trace.paid,
        V=V,
        more=more,
        feedback=feedback.complete if trace.judged is None else feedback.second_judge,
    )
    dataset.attrs |= {f"trace_{name}": value for name, value in trace.provenance.items()} | {"order": args.order}
    best, seeds = grids.per_alpha(dataset, "optimal_cost"), dataset.sizes["stream"]
    print(f"C* of a policy that knows every label: {best}. The LP mixture knows only the averages of each model.")
    if seeds > 1:
        what = "draws of exploration" if args.order == "file" else "orders of this one trace and draws of exploration"
        print(f"Intervals are over {seeds} {what}; they do not generalise to other requests.")
    title = f"replay of {trace.source}, {num:,} requests {ORDERED[args.order]}, seeds: {seeds}"
    said = {"summary": replay_advice.summary(dataset), "warnings": replay_advice.warnings(dataset, trace)}
    for name, lines in said.items():
        for line in lines:
            print(f"{name.removesuffix('s')}: {line}")
    own = recorded_routers.records(trace, args.alpha)
    page = grids.about(dataset, title) | said | {"rows": grids.finish(args, dataset, title, "replay", own)}
    page["router_metrics"] = _metrics(args, dataset, trace)
    if trace.judged is not None:
        print("note: what the predictor learns is not scored beside a second judge (--judge)")
    elif args.predictor != "oracle":
        page["predictor"] = _predictor_metrics(args, trace, x)
    if args.log:
        page["log"] = run_log.write(args, V, everyone, stream, trace)
    page["recommendations"] = _recommended(args, whole)
    return page


def _served(
    args: argparse.Namespace, wanted: Wanted, trace: Trace, x: np.ndarray
) -> tuple[Trace, np.ndarray, trained_routers.Prefix | None]:
    """What is replayed with its features, and the prefix that routers are trained on where there are any."""
    names = [name for name in wanted.names if name in trained_routers.NAMES]
    if not names:
        return trace, x, None
    key = jax.random.fold_in(jax.random.key(args.seed), 1)
    served, first = predictor_evaluation.split(key, len(x), chosen_policies.share(args))
    first = np.asarray(jax.random.permutation(key, first))
    print(
        f"note: {', '.join(names)}: trained on {len(first):,} requests that no policy serves (--prefix {args.prefix:g})"
    )
    prefix = trained_routers.Prefix(x[first], trace.satisfaction[first], trace.cost[first])
    return traces.rows_of(trace, served), x[served], prefix


def _recommended(args: argparse.Namespace, trace: Trace) -> list[dict[str, Any]]:
    """The last paragraph: what `messjax recommend` says at every alpha, or the command that says it."""
    found = []
    for alpha in args.alpha:
        if args.recommend:
            wanted = chosen_policies.parse(",".join(recommend_command.ALL), recommend_command.ALL)
            result, _ = recommend_command.of_trace(
                trace, alpha=alpha, confidence=0.95, tolerance=0.005, wanted=wanted, seed=args.seed
            )
            recommend_command.show(result, trace, len(result.judged))
            found.append(words.as_json(result))
            continue
        command = ["messjax", "recommend", str(args.path), "--alpha", f"{alpha:g}", *options.words(args)]
        print(f"Which policy to use, how surely, and why: {shlex.join(command)}")
    return found


def _stream(args: argparse.Namespace, trace: Trace, x: np.ndarray, satisfaction: np.ndarray) -> Stream:
    return streams.replay(x, satisfaction, trace.cost, order=args.order, groups=_groups(args, trace))


def _groups(args: argparse.Namespace, trace: Trace) -> np.ndarray | None:
    if args.order != "groups":
        return None
    codes = np.unique(np.array(list(trace.groups)), return_inverse=True)[1]
    if codes.max() == 0:
        raise ValueError(f"--order groups: {trace.source} has one group only, expected several")
    return codes


def _metrics(args: argparse.Namespace, dataset: xr.Dataset, trace: Trace) -> list[dict[str, Any]]:
    """The metrics that others use, beside the best single model."""
    result = router_metrics.replay_metrics(dataset, trace.satisfaction, trace.cost)
    console, beaten = runtime.console(), () if args.all else comparison.folded(dataset)
    title = "published metrics of routers, as their authors define them"
    for table in router_metrics.metrics_tables(result, title, without=beaten, width=console.width):
        console.print(table)
    path = args.out / "router_metrics.csv"
    records = router_metrics.metrics_records(result)
    path.write_text(machine_output.as_csv(records), encoding="utf-8")
    print(f"wrote {results.save(result, args.out / 'router_metrics.nc')}, {path}")
    return records


def _predictor_metrics(args: argparse.Namespace, trace: Trace, x: np.ndarray) -> list[dict[str, Any]]:
    """The predictor over the requests of a replay in which some are held out."""
    key, num = jax.random.key(args.seed), len(x)
    served, held = np.arange(num), None
    if args.held_out and num >= 20:
        served, tested = predictor_evaluation.split(key, num, args.held_out)
        held = predictor_evaluation.HeldOut(x[tested], trace.satisfaction[tested])
    groups = _groups(args, trace)
    stream: Stream = streams.replay(
        x[served],
        trace.satisfaction[served],
        trace.cost[served],
        order=args.order,
        groups=None if groups is None else groups[served],
    )
    scored = predictor_evaluation.over_time(
        key,
        predictor=grids.predictor(args, stream, x.shape[1], trace.satisfaction.shape[1]),
        stream=stream,
        horizon=len(served),
        c=np.array(args.c),
        a=args.a,
        num_streams=args.seeds,
        held_out=held,
        checkpoints=min(20, len(served)),
        models=trace.models,
    )
    saved = [results.save(scored, args.out / "predictor.nc")]
    what = f"{num - len(served):,} of {num:,} requests held out" if held else "no request held out"
    title = f"predictor of MESS+ on {trace.source}, {what}"
    saved += plot.save(
        plot.predictor_quality(predictor_evaluation.summary(scored), title=title), args.out / "predictor"
    )
    last, records = scored.isel(t=-1).mean(("stream", "model")), []
    for on in scored["on"].values:
        for name in ("log_loss", "brier"):
            measured, base = (np.atleast_1d(last[f"{prefix}{name}"].sel(on=on).values) for prefix in ("", "base_"))
            text = ", ".join(
                f"{a:.4f} (base rate {b:.4f}) at c = {c:g}" for a, b, c in zip(measured, base, args.c, strict=True)
            )
            print(f"predictor, {name.replace('_', ' ')} on requests {on} at the end: {text}")
            pairs = zip(args.c, measured, base, strict=True)
            records += [{"score": name, "on": str(on), "c": c, "measured": a, "base_rate": b} for c, a, b in pairs]
    explored = _explored(args, len(served))
    judged = last.isel(on=-1)
    for i, c in enumerate(args.c):
        worse = []
        for name in ("log_loss", "brier"):
            loss, base_loss = (float(np.atleast_1d(judged[f"{pre}{name}"].values)[i]) for pre in ("", "base_"))
            worse += replay_advice.predictor_warning(loss, base_loss, c, explored[i], name.replace("_", " "))
        for line in worse[:1]:
            print(f"warning: {line}")
    print(f"wrote {', '.join(str(path) for path in saved)}")
    return records


def _explored(args: argparse.Namespace, horizon: int) -> list[float]:
    """Expected number of explored requests for every c."""
    t = np.arange(1, horizon + 1, dtype=np.float64)
    return [float(np.minimum(1.0, c * t**-args.a).sum()) for c in args.c]
