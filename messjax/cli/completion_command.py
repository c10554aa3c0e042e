"""`messjax completion SHELL`, `messjax-proofs completion SHELL`: a script that lets a shell complete options."""

from __future__ import annotations

import argparse
from importlib.util import find_spec

from messjax.cli import command_parser

SHELLS = ("bash", "zsh", "tcsh")
MISSING = "completion is made by shtab, which is not installed: pip install 'messjax[completion]'"


def add_options(parser: command_parser.CommandParser) -> None:
    """The command's argument."""
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=f"one of {', '.join(SHELLS)}")
    parser.set_defaults(run=run, program=parser.program)


def run(args: argparse.Namespace) -> None:
    """Print the script.

    Raises:
        ValueError: shtab is not installed.
    """
    if find_spec("shtab") is None:
        raise ValueError(MISSING)
    import shtab  # an extra

    print(shtab.complete(command_parser.build(args.program, everything=True), shell=args.shell))
