"""The `messjax` command: replay a recorded trace, simulate a calibrated stream, print an optimum, look at traces."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from messjax import shell
from messjax.commands import optimum, replay, simulate, trace

COMMANDS = {"replay": replay.add, "simulate": simulate.add, "optimum": optimum.add, "trace": trace.add}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
      0; 1 where `messjax trace lint` found an error; 2 after one line on standard error for bad input.
    """
    verdict = 0

    def program() -> None:
        nonlocal verdict
        asked = _parser().parse_args(arguments)
        shell.use_all_cores()
        if not asked.no_cache:
            shell.use_compilation_cache()
        verdict = asked.run(asked) or 0

    return shell.exit_code("messjax", program) or verdict


def _parser() -> shell.Parser:
    parser = shell.Parser(prog="messjax", description="MESS+: route requests among language models at least cost.")
    parser.add_argument("--no-cache", action="store_true", help="do not keep compiled programs for the next run")
    commands = parser.add_subparsers(required=True, metavar=f"{{{','.join(COMMANDS)}}}")
    for add in COMMANDS.values():
        add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
