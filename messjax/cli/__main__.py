"""The `messjax` command: replay a recorded trace, simulate a calibrated stream, print an optimum, inspect traces."""

from __future__ import annotations

import argparse
import importlib
import os
import shlex
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from messjax import interruption, run_folder, runtime

COMMANDS = {  # what each does; messjax.cli.NAME_command has its options and runs it
    "recommend": "which policy a recorded trace recommends at an SLA target, how surely, and why",
    "evaluate": "what other policies would have cost and satisfied, from a log of one answer per request",
    "replay": "MESS+ and its baselines on a recorded trace",
    "bench": "routers compared on one protocol, beside the static mix that spends as much",
    "certify": "what a run on a recorded trace certifies: SLA by the queue, satisfaction at any time, regret",
    "simulate": "MESS+ and its baselines on a stream calibrated to a zoo",
    "optimum": "C*, gamma* and the optimal mixture of a zoo or a trace",
    "trace": "what a recorded trace holds, what is wrong with it; convert it",
}

NOT_NUMBERS = {"command", "distributed", "fresh", "memory", "no_cache", "out", "run"}  # options that change no number


class CommandParser(runtime.Parser):
    """Parser of one command, which imports the command's module for its options once they are needed."""

    def __init__(self, *args: Any, command: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.command: str | None = command

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse the command's own arguments, after its options were added."""
        if self.command is not None:
            importlib.import_module(f"messjax.cli.{self.command}_command").add_options(self)
            self.command = None
            if "--out" in self._option_string_actions:
                self.add_argument(
                    "--fresh", action="store_true", help="replace what another run has left in the folder"
                )
        return super().parse_known_args(args, namespace)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
      0; 1 where `messjax trace lint` found an error; 2 after one line on standard error for bad input.
    """
    verdict, words = 0, list(sys.argv[1:] if arguments is None else arguments)

    def program() -> None:
        nonlocal verdict
        args = _parser().parse_args(words)
        runtime.use_all_cores()
        if args.distributed:
            runtime.join_processes(args.distributed)
        if not args.no_cache:
            runtime.use_compilation_cache()
        with _folder(args, words):
            verdict = args.run(args) or 0

    def run() -> int:
        return runtime.run_program("messjax", program) or verdict

    is_shared = any(word.partition("=")[0] == "--distributed" for word in words)
    return interruption.supervised("messjax", run) if is_shared else run()


@contextmanager
def _folder(args: argparse.Namespace, words: Sequence[str]) -> Iterator[None]:
    """The command's folder for results, where it has one: this run's alone, with what an interrupted one finished."""
    if not hasattr(args, "out"):
        yield
        return
    if args.distributed and runtime.process_index() > 0:  # the first process writes and prints
        parts = run_folder.parts_of(args.out, args.command)
        with run_folder.parts_in(parts), tempfile.TemporaryDirectory() as elsewhere, open(os.devnull, "w") as nowhere:
            args.out = Path(elsewhere)
            with redirect_stdout(nowhere):
                yield
        return
    options = {name: value for name, value in vars(args).items() if name not in NOT_NUMBERS}
    command = shlex.join(["messjax", *words])
    with run_folder.opened(args.out, args.command, options, fresh=args.fresh, command=command):
        yield


def _parser() -> runtime.Parser:
    parser = runtime.Parser(prog="messjax", description="MESS+: route requests among language models at least cost.")
    parser.add_argument("--no-cache", action="store_true", help="do not keep compiled programs for the next run")
    parser.add_argument(
        "--distributed",
        metavar="WHERE",
        help="share the streams among processes that run this command with one --out: auto (Slurm, Kubernetes, MPI or "
        "TPU tell), or HOST:PORT,PROCESSES,NUMBER",
    )
    commands = parser.add_subparsers(
        dest="command", required=True, metavar=f"{{{','.join(COMMANDS)}}}", parser_class=CommandParser, title="commands"
    )
    for name, what in COMMANDS.items():
        commands.add_parser(name, help=what, command=name)
    return parser


if __name__ == "__main__":
    sys.exit(main())
