"""The `messjax` command: replay a recorded trace, simulate a calibrated stream, print an optimum, look at traces."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from messjax import runtime
from messjax.cli import optimum_command, replay_command, simulate_command, trace_command

COMMANDS = {
    "replay": replay_command.add,
    "simulate": simulate_command.add,
    "optimum": optimum_command.add,
    "trace": trace_command.add,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
      0; 1 where `messjax trace lint` found an error; 2 after one line on standard error for bad input.
    """
    verdict = 0

    def program() -> None:
        nonlocal verdict
        args = _parser().parse_args(arguments)
        runtime.use_all_cores()
        if not args.no_cache:
            runtime.use_compilation_cache()
        verdict = args.run(args) or 0

    return runtime.run_program("messjax", program) or verdict


def _parser() -> runtime.Parser:
    parser = runtime.Parser(prog="messjax", description="MESS+: route requests among language models at least cost.")
    parser.add_argument("--no-cache", action="store_true", help="do not keep compiled programs for the next run")
    commands = parser.add_subparsers(required=True, metavar=f"{{{','.join(COMMANDS)}}}")
    for add in COMMANDS.values():
        add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
