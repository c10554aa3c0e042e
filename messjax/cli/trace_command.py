"""`messjax trace`: what a trace holds (info), what is wrong with it (lint), it as Parquet (convert), a made-up one."""

from __future__ import annotations

import argparse
import textwrap
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.table import Table

from messjax import runtime, traces
from messjax.cli import demo_trace, machine_output, options
from messjax.output import counted
from messjax.traces import Finding, Recording
from messjax.traces.costs import make_costs
from messjax.traces.linting.cells import DECISION_LOG, is_decision_log
from messjax.traces.linting.report import mean_where
from messjax.traces.preparation import handles

_KINDS = ("error", "handled", "warning", "info")
_GROUPS = 8  # named in the table


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's four actions and their options."""
    actions = parser.add_subparsers(required=True, parser_class=runtime.Parser, metavar="{info,lint,convert,demo}")
    info = actions.add_parser("info", help="format, requests, groups; per model: scores, costs, tokens, latency")
    lint = actions.add_parser("lint", help="what is wrong or strange, where, and which option handles it")
    convert = actions.add_parser("convert", help="write the trace as one Parquet file, which every command reads")
    for each, run in ((info, run_info), (lint, run_lint), (convert, run_convert)):
        options.add_trace_options(each)
        each.set_defaults(run=run)
    for each, what in ((info, "what the trace holds"), (lint, "the findings")):
        machine_output.add_json(each, what)
        machine_output.add_csv(each)
    convert.add_argument("--to", type=Path, required=True, metavar="OUT.parquet", help="where to write")
    convert.add_argument("--force", action="store_true", help="replace a file that is there")
    demo = actions.add_parser("demo", help="write a made-up trace, or a log, to try the other commands with")
    demo.add_argument("path", type=Path, metavar="OUT", help="where to write: a trace OUT.parquet, a log OUT.csv")
    demo.add_argument("--log", action="store_true", help="a decision log, in which one model answers each request")
    demo.add_argument(
        "--requests", type=runtime.whole_number(100, 1_000_000), default=1_200, metavar="N", help="(default: 1200)"
    )
    demo.add_argument("--seed", type=runtime.whole_number(0), default=7, metavar="N", help="(default: 7)")
    demo.add_argument("--force", action="store_true", help="replace another file that is there")
    demo.set_defaults(run=run_demo)


def run_info(args: argparse.Namespace) -> None:
    """Print what the recording holds, or JSON."""
    with machine_output.notes_to_errors(args.json):
        recording = options.read_recording(args)
        cost, unit = _cost(args, recording)
        about, rows = _about(recording), _models(recording, cost, unit)
        console = runtime.console()
        console.print(_about_table(recording.source, about))
        console.print(_models_table(rows))
        if is_decision_log(recording):
            print(textwrap.fill(f"{recording.source}: {DECISION_LOG}", 80))
        machine_output.write_csv(args.csv, rows)
    if args.json:
        about |= {"requests": len(recording.ids), "models": rows, "cost_unit": unit}
        about["decision_log"] = is_decision_log(recording)
        print(machine_output.as_json({"source": recording.source} | about))


def run_lint(args: argparse.Namespace) -> int:
    """Print the findings, or JSON: 0, or 1 where an error is left that the options given do not handle."""
    with machine_output.notes_to_errors(args.json):
        recording = options.read_recording(args, report=True)
        cost, _ = _cost(args, recording)
        accepted = handles(recording, cost, options.choices(args))
        findings = options.handled(traces.lint(recording, cost), args, accepted)
        kinds = Counter(finding.severity for finding in findings)
        if findings:
            runtime.console().print(_findings(recording, findings, args.path))
        print(f"{recording.source}: {', '.join(f'{kinds[kind]} {kind}' for kind in _KINDS if kinds[kind]) or 'clean'}")
        rows = [finding._asdict() for finding in findings]
        machine_output.write_csv(args.csv, rows)
        if failed := any(finding.severity == "error" for finding in findings):
            print("a trace cannot be made of it without the options named at the errors")
        else:
            traces.prepare(recording, options.rule(args, recording), options.choices(args))
    if args.json:
        print(machine_output.as_json({"source": recording.source, "format": recording.format, "findings": rows}))
    return int(failed)


def run_convert(args: argparse.Namespace) -> None:
    """Write the trace; says what was done to it. A file that is there is replaced with --force only."""
    if args.to.suffix.lower() != ".parquet":
        raise ValueError(f"--to: found {str(args.to)!r}, expected a name that ends in .parquet")
    if args.to.exists() and not (args.force and args.to.is_file()):
        raise ValueError(f"--to: {args.to} is there already, expected a new name, or --force to replace a file")
    trace = options.read_trace(args)
    runtime.out_dir(args.to.parent)
    traces.write_parquet(trace, args.to)
    num, num_models = trace.satisfaction.shape
    print(f"wrote {args.to}: {num:,} requests, {counted(num_models, 'model')}, cost in {trace.cost_unit}")


def run_demo(args: argparse.Namespace) -> None:
    """Write a made-up trace or log."""
    runtime.out_dir(args.path.parent)
    written = demo_trace.write(args.path, num=args.requests, seed=args.seed, is_log=args.log, force=args.force)
    what = "a log of one answer each" if args.log else f"a trace of {', '.join(demo_trace.MODELS)}"
    print(f"wrote {written}: {args.requests:,} made-up requests, {what}; no number in it was measured")


def _cost(args: argparse.Namespace, recording: Recording) -> tuple[np.ndarray | None, str]:
    """Costs as the options say, else as recorded, if they are; with their unit."""
    if args.cost or args.prices or args.parameters:
        return make_costs(recording, options.rule(args, recording))
    return recording.cost, recording.cost_unit


def _about(recording: Recording) -> dict[str, Any]:
    codes, names = recording.groups.codes()
    sizes = np.bincount(codes, minlength=len(names))
    largest = np.argsort(-sizes, kind="stable")[:_GROUPS]
    shown = ", ".join(f"{names[g]} {sizes[g]:,}" for g in largest)
    low, high = recording.score_range
    return {
        "format": recording.format,
        "files": f"{len(recording.files):,}: {', '.join(Path(file).name for file in recording.files[:3])}"
        + (", ..." if len(recording.files) > 3 else ""),
        "requests": f"{len(recording.ids):,}",
        "groups": f"{len(names):,}: {shown}" + (", ..." if len(names) > _GROUPS else ""),
        "models": f"{len(recording.models):,}",
        "scores": f"[{low:g}, {high:g}] by the format",
        "cost": recording.cost_unit or "none recorded",
    }


def _about_table(source: str, about: dict[str, Any]) -> Table:
    table = Table(title=source, show_header=False, box=box.SIMPLE)
    for name, value in about.items():
        table.add_row(name, value)
    return table


def _models(recording: Recording, cost: np.ndarray | None, unit: str) -> list[dict[str, Any]]:
    """A record per model, in the order of the file: averages over the cells that are known."""
    measures: dict[str, np.ndarray | None] = {
        f"cost, {unit}": cost,
        "input tokens": recording.input_tokens,
        f"output {recording.token_unit}s": recording.output_tokens,
        "latency, s": recording.latency,
    }
    columns = {name: values for name, values in measures.items() if values is not None}
    known = ~np.isnan(recording.score)
    score = mean_where(recording.score, known)
    means = {name: mean_where(values, np.isfinite(values)) for name, values in columns.items()}
    return [
        {"model": model, "score": float(score[m]), "missing": float(1 - known[:, m].mean())}
        | {name: float(mean[m]) for name, mean in means.items()}
        for m, model in enumerate(recording.models)
    ]


def _models_table(rows: list[dict[str, Any]]) -> Table:
    table = Table(caption="averages over the cells that are known; missing: share of requests without a score")
    for name in rows[0]:
        table.add_column(name, justify="left" if name == "model" else "right")
    for row in rows:
        model, score, missing, *numbers = row.values()
        shown = ("" if np.isnan(number) else f"{number:.4g}" for number in numbers)
        table.add_row(model, f"{score:.4f}", f"{missing:.2%}", *shown)
    return table


def _findings(recording: Recording, findings: tuple[Finding, ...], path: Path) -> Table:
    """A row per finding; places are named from the folder on."""
    folder = f"{path if path.is_dir() else path.parent}/"
    table = Table(title=f"lint of {recording.source}: {recording.format}", show_lines=True)
    table.add_column("finding", overflow="fold", min_width=18)
    table.add_column("count", justify="right", no_wrap=True)
    table.add_column("what, where, and the option that handles it", overflow="fold")
    for each in findings:
        lines = [each.message]
        if each.examples:
            lines.append(f"for example {'; '.join(each.examples).replace(folder, '')}")
        if each.option:
            lines.append(f"option: {each.option}")
        table.add_row(f"{each.severity}: {each.check}", f"{each.times:,}", "\n".join(lines))
    return table
