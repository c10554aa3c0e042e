"""The `messjax` command: replay a recorded trace, simulate a calibrated stream, print an optimum, inspect traces."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

from messjax import files, interruption, run_folder, runtime
from messjax.cli import command_parser

NOT_NUMBERS = {  # options that change no number
    *("command", "config", "config_text", "distributed", "export", "fresh", "json", "memory", "no_cache"),
    *("out", "report", "run"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Without arguments it prints the help page, and that a command is missing.

    Returns:
      0; 1 where `messjax trace lint` found an error; 2 after one line on standard error for bad input.
    """
    verdict, words = 0, list(sys.argv[1:] if arguments is None else arguments)
    parser = command_parser.build()

    def program() -> None:
        nonlocal verdict
        if not words:
            print(parser.format_help())
        args = parser.parse_args(words)
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
        again = f"# the same run again: messjax {args.command} --config {args.command}.toml\n{args.config_text}"
        files.write(args.out / f"{args.command}.toml", again)
    if args.report:
        from messjax import report  # only where it is asked for

        page = report.write_report(args.out).resolve()
        print(f"open {page}", file=sys.stderr if getattr(args, "json", False) else sys.stdout)


if __name__ == "__main__":
    sys.exit(main())
