"""`messjax report`: one self-contained page of a folder of results."""

from __future__ import annotations

import argparse
from pathlib import Path

from messjax import report


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="what a command wrote with --out")
    parser.add_argument(
        "--out", type=Path, dest="page", metavar="FILE.html", help="where to write (default: DIR/report.html)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Write the page and say where it is."""
    print(f"open {report.write_report(args.folder, args.page).resolve()}")
