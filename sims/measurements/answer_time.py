"""Seconds from a command to its answer: whole processes, without compiled programs (cold) and with them (warm).

    python -m sims answer_time [--quick] [--only NAME,...] [--repetitions N] [--out DIR] [--markdown]

Each command runs in a process of its own. Its processor time is that of the process and its children, as the system
accounts for it. Cold means that the folder of compiled programs is empty; Python's bytecode and matplotlib's list of
fonts are there. The numbers are medians. Beside them stands the processor time that other programs took meanwhile:
where it is not close to zero, compare processor times only. `--quick` is one repetition of the commands that take a few
seconds. Exit code 1 where a command fails.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from messjax import origin, run_folder, runtime
from sims.common import worlds
from sims.common.finding import Rows
from sims.measurements import children, record

NAME = "answer_time"
OUT, TRACE = "{out}", "{trace}"
MMLU = (TRACE, "--prices", "mixtral=0.24,gpt-4=24.7", "--alpha", "0.75")


class Command(NamedTuple):
    """A command that is measured, and the seconds that were wanted before it was."""

    name: str
    words: tuple[str, ...]  # of Python: -m PROGRAM ...
    targets: dict[str, float]  # by start: cold, warm
    unit: str = "cpu"  # of the targets: cpu or wall
    cheap: bool = False  # runs in quick mode, too
    starts: tuple[str, ...] = ("cold", "warm")

    def missing(self) -> str:
        """Why it cannot run here, in words; empty where it can."""
        if TRACE in self.words and not (worlds.folder() / "routellm_mmlu").is_dir():
            return "no recorded trace of MMLU (set MESSJAX_TRACES)"
        return "z3 is not installed" if "proofs_check" in self.words and not find_spec("z3") else ""


COMMANDS = (
    Command("--help", ("-m", "messjax", "--help"), {"cold": 0.3, "warm": 0.3}, cheap=True),
    Command(
        "optimum --zoo llama3",
        ("-m", "messjax", "optimum", "--zoo", "llama3", "--alpha", "0.667"),
        {"cold": 2, "warm": 2},
        cheap=True,
    ),
    Command("sims regret_vs_v", ("-m", "sims", "regret_vs_v", "--out", OUT), {"cold": 8, "warm": 4}),
    Command("sims regret_vs_v --quick", ("-m", "sims", "regret_vs_v", "--quick", "--out", OUT), {}),
    Command("replay MMLU", ("-m", "messjax", "replay", *MMLU, "--out", OUT), {"cold": 10, "warm": 4}),
    Command(
        "simulate --zoo llama3",
        ("-m", "messjax", "simulate", "--zoo", "llama3", "--alpha", "0.667", "--out", OUT),
        {"cold": 10},
    ),
    Command(
        "proofs_check --quick",
        ("-m", "proofs_check", "--quick", "--out", OUT),
        {"cold": 120},
        unit="wall",
        starts=("cold",),
    ),
    Command(
        "sims --all --quick", ("-m", "sims", "--all", "--quick", "--out", OUT), {"cold": 90}, "wall", starts=("cold",)
    ),
)


def measure(command: Command, repetitions: int, folder: Path) -> list[dict[str, Any]]:
    """One row per start, medians over the repetitions.

    Args:
        command: The command.
        repetitions: How many times, each with a cold and a warm start.
        folder: For what the command writes, and its log.

    Returns:
        The rows; where the command cannot run, with the reason.
    """
    if reason := command.missing():
        return [_row(command, start, [], reason) for start in command.starts]
    taken: dict[str, list[children.Cost]] = {start: [] for start in command.starts}
    for _ in range(repetitions):
        with tempfile.TemporaryDirectory() as scratch:
            environment = {"XDG_CACHE_HOME": f"{scratch}/cache", "MPLCONFIGDIR": str(folder / "matplotlib")}
            for start in command.starts:
                places = {OUT: f"{scratch}/{start}", TRACE: str(worlds.folder().resolve() / "routellm_mmlu")}
                words = [places.get(word, word) for word in command.words]
                cost = children.run([sys.executable, *words], environment, folder / f"{NAME}.log")
                taken[start].append(cost)
    return [_row(command, start, costs, "") for start, costs in taken.items()]


def _row(command: Command, start: str, costs: Sequence[children.Cost], reason: str) -> dict[str, Any]:
    failed = [cost.code for cost in costs if cost.code]
    median = {
        name: statistics.median(getattr(cost, name) for cost in costs) if costs else None
        for name in ("cpu", "wall", "others")
    }
    note = f"failed with exit code {failed[0]}" if failed else f"not run: {reason}" if reason else ""
    return {
        "command": command.name, "start": start, "repetitions": len(costs), **median,
        "cpu_least": min((cost.cpu for cost in costs), default=None),
        "cpu_most": max((cost.cpu for cost in costs), default=None),
        "target": command.targets.get(start), "target_of": command.unit, "note": note,
    }  # fmt: skip


def table(rows: Sequence[dict[str, Any]]) -> Rows:
    """The rows as text, 78 columns wide."""
    lines = []
    for row in rows:
        target, value = row["target"], row[row["target_of"]]
        wanted = "" if target is None else f"{target:g} {row['target_of']}"
        met = "" if target is None or value is None else "yes" if value <= target else "no"
        seconds = [record.number(row[name], none="not run") for name in ("cpu", "wall")]
        lines.append((row["command"], row["start"], *seconds, wanted, met, record.number(row["others"], 2)))
    return Rows(("command", "start", "CPU s", "wall s", "wanted", "met", "others"), tuple(lines))


def caption(about: dict[str, Any], rows: Sequence[dict[str, Any]]) -> list[str]:
    """What the table's numbers are, and why rows are missing."""
    most = max((row["repetitions"] for row in rows), default=0)
    text = [
        f"Medians of {most}; {about['cores']} cores; commit {about['git_commit'][:12]}, {about['created'][:10]}.",
        "others: cores that other programs kept busy meanwhile (an idle machine: 0).",
    ]
    return text + [f"{row['command']}, {row['start']}: {row['note']}." for row in rows if row["note"]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the commands, one after the other, and print the table."""
    assert __doc__ is not None
    parser = record.parser(NAME, __doc__, "one repetition of the commands that take a few seconds")
    parser.add_argument("--only", default="", metavar="NAME,...", help="commands whose name has one of these words")
    parser.add_argument("--repetitions", type=runtime.whole_number(1), default=5, metavar="N", help="of each start (5)")

    def run() -> int:
        args = parser.parse_args(arguments)
        if args.source:
            about, rows = record.load(args.source, NAME)
        else:
            about, rows = _measured(args)
        record.show(table(rows), "seconds to the answer", caption(about, rows), markdown=args.markdown)
        return int(any(row["note"].startswith("failed") for row in rows))

    return record.program(NAME, run)


def _measured(args: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    wanted = [word for word in args.only.split(",") if word]
    chosen = [each for each in COMMANDS if not wanted or any(word in each.name for word in wanted)]
    chosen = [each for each in chosen if each.cheap or not args.quick]
    if not chosen:
        names = ", ".join(each.name for each in COMMANDS)
        raise ValueError(f"--only: found {args.only!r}, which is in none of {names}")
    out = args.out.resolve()  # the commands run in the repository's folder
    with run_folder.locked(out):
        line = f"python -m sims {NAME}{' --quick' if args.quick else ''}"
        kept = record.Record(out, NAME, line, {"cores": runtime.cores()} | origin.provenance())
        (out / f"{NAME}.log").write_text("", encoding="utf-8")
        fonts = [sys.executable, "-c", "import matplotlib.font_manager"]
        children.run(fonts, {"MPLCONFIGDIR": str(out / "matplotlib")}, out / f"{NAME}.log")
        for number, command in enumerate(chosen):
            print(f"{NAME}: {number + 1} of {len(chosen)}: {command.name}", file=sys.stderr, flush=True)
            for row in measure(command, 1 if args.quick else args.repetitions, out):
                kept.add(row)
    return kept.about, kept.rows


if __name__ == "__main__":
    sys.exit(main())
