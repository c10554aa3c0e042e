"""Every claim with its script: `python -m sims` lists them, `python -m sims NAME` runs one, `python -m sims --all` all.

    python -m sims [NAME | --all] [--quick] [--out DIR] [--docs DIR]

A script writes figure, NetCDF and a line that begins with "finding:" or "ratios". `--all` runs each in a process of its
own, as many at a time as there are cores, goes on after a failure, and puts these lines together in DIR/findings.md.
`--docs docs` is how this project's own docs/findings.md and docs/figures are made, from one run.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import itertools
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from rich.table import Table

from messjax import results, runtime

FOLDER = Path(__file__).parent / "studies"
SAID = ("finding:", "ratios")
ALONE = {"speed"}
PRINTED = "printed.txt"


def scripts() -> dict[str, str]:
    """Name -> claim of every script, the first paragraph of its docstring, in the order of their names."""
    result = {}
    for path in (*FOLDER.glob("[!_]*.py"), *FOLDER.glob("*/study.py")):
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        result[path.parent.name if path.stem == "study" else path.stem] = " ".join(
            text.split("\n\n")[0].removeprefix("Claim: ").split()
        )
    return dict(sorted(result.items()))


def _module(name: str) -> str:
    return f"sims.studies.{name}.study" if (FOLDER / name).is_dir() else f"sims.studies.{name}"


class Outcome(NamedTuple):
    """A script that has run: what it printed, and its lines of findings (or what went wrong)."""

    name: str
    printed: str
    findings: list[str]
    failed: bool


def run_all(
    names: Sequence[str],
    options: Sequence[str],
    out: Path,
    docs: Path | None = None,
    workers: int = 1,
    resume: bool = False,
) -> int:
    """Run scripts, `workers` at a time; 0, or 1 if one failed. `out`/findings.md has what they found.

    What measures time runs alone, before the others. With `docs` its findings.md, and its figures/ of those scripts
    that did not fail, are made anew as well. With `resume` what a script printed into `out` before is taken as it is.
    """
    result: dict[str, Outcome] = {}

    def note(outcomes: Iterable[Outcome]) -> None:
        for each in outcomes:
            print(each.printed, end="", flush=True)
            result[each.name] = each

    note(_run(name, options, out, resume) for name in names if name in ALONE)
    with ThreadPoolExecutor(workers) as pool:
        note(pool.map(lambda name: _run(name, options, out, resume), [name for name in names if name not in ALONE]))
    lines = []
    for name in names:
        command, findings = " ".join(["python -m sims", name, *options]), result[name].findings
        picture = f"figures/{name}.png" if docs is not None else f"{name}/{name}.png"
        lines += [
            f"## {name}",
            "",
            scripts()[name],
            "",
            *itertools.chain(*map(_listed, findings)),
            "",
            f"![{name}]({picture})",
            "",
            f"*`{command}`*",
            "",
        ]
        if docs is not None and not result[name].failed:
            shutil.copyfile(out / name / f"{name}.png", runtime.out_dir(docs / "figures") / f"{name}.png")
    target = runtime.out_dir(out) / "findings.md"
    text = "\n".join(["# Findings", "", f"Written by `python -m sims --all`, never typed. {_where()}", "", *lines])
    target.write_text(text, encoding="utf-8")
    if docs is not None:
        shutil.copyfile(target, docs / "findings.md")
    failed = [name for name in names if result[name].failed]
    print(f"wrote {target}" + (f"; failed: {', '.join(failed)}" if failed else ""))
    return int(bool(failed))


def _run(name: str, options: Sequence[str], out: Path, resume: bool) -> Outcome:
    """One script in a process of its own, which goes on when another fails; what it prints is kept in its folder."""
    kept = out / name / PRINTED
    command = [sys.executable, "-m", _module(name), *options, "--out", str(out / name)]
    code, printed = 0, ""
    if resume and kept.is_file():
        printed = kept.read_text(encoding="utf-8")
    else:
        kept.unlink(missing_ok=True)
        done = subprocess.run(
            command, cwd=FOLDER.parents[1], stdout=subprocess.PIPE, text=True, encoding="utf-8", check=False
        )
        code, printed = done.returncode, done.stdout
        if not code:
            runtime.out_dir(kept.parent)
            kept.write_text(printed, encoding="utf-8")
    findings = [line.strip() for line in printed.splitlines() if line.startswith(SAID)]
    failed = bool(code) or not findings
    if failed:
        findings = [f"failed with exit code {code}" if code else "said no finding"]
    return Outcome(name, f"== {' '.join(command[1:])}\n{printed}", findings, failed)


def _listed(line: str) -> list[str]:
    """A long finding as a list: a point for each of its parts between "; " or " | " outside brackets."""
    depth, parts = 0, [""]
    for i, letter in enumerate(line):
        depth += (letter in "([") - (letter in ")]")
        if depth == 0 and line.startswith(("; ", " | "), i):
            parts.append("")
        else:
            parts[-1] += letter
    return [line] if len(parts) == 1 else [f"- {part.strip(' |')}" for part in parts]


def _where() -> str:
    """Which version of what was run, and when."""
    about = results.provenance()
    return f"messjax {about['version_messjax']}, jax {about['version_jax']}, {about['device']}, {results.now()[:10]}."


def main(arguments: Sequence[str] | None = None) -> int:
    """List, run one, run all."""
    known = scripts()
    parser = runtime.Parser(prog="python -m sims", description=__doc__.split("\n\n")[0])
    parser.add_argument("name", nargs="?", metavar="NAME", help=f"one of {', '.join(known)}")
    parser.add_argument("--all", action="store_true", help="all of them")
    parser.add_argument("--quick", action="store_true", help="small versions")
    parser.add_argument("--out", type=Path, default=Path("results"), metavar="DIR", help="where to write (results)")
    parser.add_argument(
        "--workers",
        type=runtime.whole_number(0),
        default=0,
        metavar="N",
        help="with --all: scripts at a time (0: one per core)",
    )
    parser.add_argument("--resume", action="store_true", help="with --all: run only what has not run into DIR before")
    parser.add_argument(
        "--docs", type=Path, metavar="DIR", help="with --all: make DIR/findings.md and DIR/figures anew"
    )
    status = 0

    def program() -> None:
        nonlocal status
        args = parser.parse_args(arguments)
        status = _do(args, known)

    return runtime.run_program("sims", program) or status


def _do(args: argparse.Namespace, known: dict[str, str]) -> int:
    options = ["--quick"] if args.quick else []
    if args.docs and not args.all:
        raise ValueError("--docs: expected --all beside it")
    if args.all:
        if args.name:
            raise ValueError(f"found {args.name!r} beside --all, expected one of them")
        return run_all(list(known), options, args.out, args.docs, args.workers or runtime.cores(), args.resume)
    if args.name is None:
        out = Table("script", "claim")
        for name, claim in known.items():
            out.add_row(name, claim)
        runtime.console().print(out)
        return 0
    if args.name not in known:
        raise ValueError(f"found {args.name!r}, expected one of {', '.join(known)}")
    result: int = importlib.import_module(_module(args.name)).main([*options, "--out", str(args.out)])
    return result


if __name__ == "__main__":
    sys.exit(main())
