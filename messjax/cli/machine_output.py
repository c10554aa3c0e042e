"""What programs read instead of tables: `--json` prints JSON and nothing else, `--csv` writes a table's records."""

from __future__ import annotations

import argparse
import csv
import io
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from messjax import files


def add_json(parser: argparse.ArgumentParser, what: str) -> None:
    """`--json`; `what` is printed."""
    parser.add_argument("--json", action="store_true", help=f"print {what} as JSON and nothing else")


def add_csv(parser: argparse.ArgumentParser) -> None:
    """`--csv`, of a command without a folder for results."""
    parser.add_argument("--csv", type=Path, metavar="FILE.csv", help="write the table as CSV as well")


@contextmanager
def notes_to_errors(wanted: bool) -> Iterator[None]:
    """Where `wanted`, what is printed goes to standard error: standard output is JSON."""
    with redirect_stdout(sys.stderr) if wanted else nullcontext():
        yield


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Records as CSV with a header, which has the fields of all of them; empty for none."""
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return text.getvalue()


def as_json(value: Any) -> str:
    """A value of dicts, sequences, texts and numbers as JSON; numbers that are not finite are null."""
    return json.dumps(_plain(value), indent=1, allow_nan=False)


def write_csv(path: Path | None, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write `--csv`, where it is given, and say so."""
    if path is not None:
        files.write(path, as_csv(rows))
        print(f"wrote {path}")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)
