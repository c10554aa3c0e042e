"""Every study by its name: `python -m sims` lists them, `python -m sims NAME` runs one, `python -m sims --all` all.

    python -m sims [NAME | --all] [--quick] [--from DIR] [--out DIR] [--fresh] [--docs DIR]
    python -m sims {accelerator,answer_time,growth,hlo,scaling} ...   measures this machine; not a part of --all

A study writes its numbers (NAME.nc), its figure and its findings (findings.json). `--all` runs each study in a process
of its own, as many at a time as there are cores, goes on after a failure, and composes OUT/findings.md of all of them.
After an interruption the same command goes on: finished studies are taken as they are, and within the others finished
streams. A folder with results of another code or of `--quick` is refused, unless `--fresh` replaces them.
`--from DIR` runs nothing: tables, figures and findings are made again from the NetCDF files of finished runs.
`--docs docs` is how this project's own docs/findings.md and docs/figures are made.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from rich.table import Table

from messjax import files, interruption, report, run_folder, runtime
from sims.common import page
from sims.common.finding import FILE
from sims.common.study import configuration

FOLDER = Path(__file__).parent / "studies"
MEASURED = Path(__file__).parent / "measurements"
PRINTED = "printed.txt"
MEASUREMENTS = (
    "accelerator",
    "answer_time",
    "growth",
    "hlo",
    "scaling",
)  # in sims.measurements
TIMING = {"speed"}  # measures time: runs alone, before the others; in quick mode, which publishes nothing, beside them


def studies() -> dict[str, str]:
    """Name -> claim of every study, the first paragraph of its docstring, in the order of their names."""
    result = {}
    for path in (*FOLDER.glob("[!_]*.py"), *FOLDER.glob("*/study.py")):
        name = path.parent.name if path.stem == "study" else path.stem
        result[name] = _first_paragraph(path).removeprefix("Claim: ")
    return dict(sorted(result.items()))


def _first_paragraph(path: Path) -> str:
    """Of a module's docstring, without importing it."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split())


def _module(name: str) -> str:
    return f"sims.studies.{name}.study" if (FOLDER / name).is_dir() else f"sims.studies.{name}"


def _measurement(name: str) -> ModuleType:
    return importlib.import_module(f"sims.measurements.{name}")


class Outcome(NamedTuple):
    """A study that has run: what it printed, and what went wrong (empty: nothing)."""

    name: str
    printed: str
    failure: str


def run_all(
    names: Sequence[str],
    options: Sequence[str],
    out: Path,
    *,
    source: Path | None = None,
    docs: Path | None = None,
    workers: int = 1,
    fresh: bool = False,
) -> int:
    """Run studies and compose the page of their findings, OUT/findings.md.

    Args:
        names: The studies.
        options: What each is called with.
        out: Where a study has its folder, OUT/NAME.
        source: A folder like `out` with finished runs: nothing is run again.
        docs: Where findings.md and figures/ are made anew as well, with the figures of those that did not fail.
        workers: How many run at a time. What measures time runs alone, before the others; beside them in quick mode.
        fresh: Whether what another run has left in `out` is replaced.

    Returns:
        0, or 1 if one failed.

    Raises:
        ValueError: Another run is in `out`, or one of other options or code was and `fresh` is False.
    """
    resume = f"finished studies and streams are kept in {out}; the same command goes on from there"
    with run_folder.locked(out), interruption.say_how_to_resume(resume):
        return _run_all(names, options, out, source, docs, workers, fresh)


def _run_all(
    names: Sequence[str],
    options: Sequence[str],
    out: Path,
    source: Path | None,
    docs: Path | None,
    workers: int,
    fresh: bool,
) -> int:
    outcomes: dict[str, Outcome] = {}
    ran_with = configuration(quick="--quick" in options)
    for name in names if source is None and not fresh else ():
        run_folder.check(out / name, name, ran_with)  # all of them before any runs

    def note(finished: Iterable[Outcome]) -> None:
        for each in finished:
            print(each.printed, end="", flush=True)
            outcomes[each.name] = each

    def run(name: str) -> Outcome:
        if source is not None:
            return _run(name, [*options, "--from", str(source)], out)
        finished = not fresh and run_folder.is_finished(out / name, name, ran_with)
        if finished and (out / name / FILE).is_file() and (out / name / PRINTED).is_file():
            return Outcome(name, f"== {name}: taken from {out / name}, where it is finished\n", "")
        return _run(name, [*options, *(["--fresh"] if fresh else [])], out)

    alone = [] if "--quick" in options else [name for name in names if name in TIMING]
    note(map(run, alone))
    with ThreadPoolExecutor(workers) as pool:
        note(pool.map(run, [name for name in names if name not in alone]))
    good = [name for name in names if not outcomes[name].failure]
    failed = [(name, outcomes[name].failure) for name in names if outcomes[name].failure]
    sections = [page.read_section(out / name, name) for name in good]
    target = out / "findings.md"
    files.write(target, page.compose(sections, failed, "{0}/{0}.png"))
    if docs is not None:
        for name in good:
            files.write(docs / "figures" / f"{name}.png", (out / name / f"{name}.png").read_bytes())
        files.write(docs / "findings.md", page.compose(sections, failed, "figures/{}.png"))
    print(f"wrote {target}" + (f"; failed: {', '.join(name for name, _ in failed)}" if failed else ""))
    return int(bool(failed))


def _run(name: str, options: Sequence[str], out: Path) -> Outcome:
    """One study in a process of its own, which goes on when another fails; what it prints is kept in its folder."""
    printed_to, findings = out / name / PRINTED, out / name / FILE
    command = [sys.executable, "-m", _module(name), *options, "--out", str(out / name)]
    findings.unlink(missing_ok=True)
    environment = os.environ | {interruption.PARENT: str(os.getpid())}  # it ends when this process does
    done = subprocess.run(
        command,
        cwd=FOLDER.parents[1],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        check=False,
    )
    files.write(printed_to, done.stdout)
    failure = f"exit code {done.returncode}" if done.returncode else "" if findings.is_file() else "wrote no findings"
    return Outcome(name, f"== {' '.join(command[1:])}\n{done.stdout}", failure)


def main(arguments: Sequence[str] | None = None) -> int:
    """List the studies, run one, or run all."""
    if __doc__ is None:
        print("sims: found no docstrings, which have the claims: python -OO removes them, expected -O", file=sys.stderr)
        return 2
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words and words[0] in MEASUREMENTS:
        measured: int = _measurement(words[0]).main(words[1:])
        return measured
    known = studies()
    parser = runtime.Parser(prog="python -m sims", description=__doc__.split("\n\n")[0])
    parser.add_argument("name", nargs="?", metavar="NAME", help=f"one of {', '.join((*known, *MEASUREMENTS))}")
    parser.add_argument("--all", action="store_true", help="all of them")
    parser.add_argument("--quick", action="store_true", help="small versions")
    parser.add_argument("--out", type=Path, default=Path("results"), metavar="DIR", help="where to write (results)")
    parser.add_argument(
        "--from", type=Path, dest="source", metavar="DIR", help="run nothing: show the finished runs in DIR again"
    )
    parser.add_argument(
        "--workers",
        type=runtime.whole_number(0),
        default=0,
        metavar="N",
        help="with --all: studies at a time (0: one per core)",
    )
    parser.add_argument("--fresh", action="store_true", help="replace what another run has left in DIR")
    parser.add_argument(
        "--docs", type=Path, metavar="DIR", help="with --all: make DIR/findings.md and DIR/figures anew"
    )
    status = 0

    def program() -> None:
        nonlocal status
        args = parser.parse_args(words)
        status = _do(args, known)

    return runtime.run_program("sims", program) or status


def _do(args: argparse.Namespace, known: dict[str, str]) -> int:
    options = ["--quick"] if args.quick else []
    if args.docs and not args.all:
        raise ValueError("--docs: expected --all beside it")
    if args.quick and args.source:
        raise ValueError("--quick: found --from beside it, which runs nothing")
    if args.all:
        if args.name:
            raise ValueError(f"found {args.name!r} beside --all, expected one of them")
        # Each study runs in the repository's folder: its paths are made absolute first.
        out, source = args.out.resolve(), args.source and args.source.resolve()
        workers = args.workers or runtime.cores()
        return run_all(list(known), options, out, source=source, docs=args.docs, workers=workers, fresh=args.fresh)
    if args.name is None:
        _show_names(known)
        return 0
    if args.name not in known:
        raise ValueError(f"found {args.name!r}, expected one of {', '.join((*known, *MEASUREMENTS))}")
    if args.fresh:
        options += ["--fresh"]
    if args.source:
        options += ["--from", str(args.source)]
    result: int = importlib.import_module(_module(args.name)).main([*options, "--out", str(args.out)])
    _write_page(args.out, result)
    return result


def _show_names(known: dict[str, str]) -> None:
    table = Table("study", "claim")
    for name, claim in known.items():
        table.add_row(name, claim)
    table.add_section()
    for name in MEASUREMENTS:
        table.add_row(name, f"(measurement) {_first_paragraph(MEASURED / f'{name}.py')}")
    runtime.console().print(table)


def _write_page(out: Path, code: int) -> None:
    """A page to look at, of a run that ended well, where the packages of the extra `report` are installed."""
    if code == 0 and find_spec("altair") and find_spec("vl_convert"):
        print(f"open {report.write_report(out).resolve()}")


if __name__ == "__main__":
    sys.exit(main())
