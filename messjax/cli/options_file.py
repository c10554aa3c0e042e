"""`--config run.toml`: the options of a run in a file, and the file that runs a finished run again.

    [simulate]
    zoo = "llama3"
    alpha = [0.667]
    V = [1.0, 10.0, 100.0]

A table has the name of its command, a key that of an option without its dashes. What the command line says goes before
the file. In place of a TOML file a result (NetCDF) may be given, whose attribute `config` is such a text.
"""

from __future__ import annotations

import argparse
import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from messjax.arguments import Parser, did_you_mean

NAME = "--config"
UNWRITTEN = {
    "config",
    "distributed",
    "fresh",
    "help",
    "json",
    "no_cache",
    "out",
    "report",
    "version",
}  # they change no number


def add_option(parser: Parser, command: str) -> None:
    """`--config`."""
    parser.add_argument(
        NAME,
        type=Path,
        metavar="FILE",
        help=f"take options from a TOML file with a table [{command}], such as the {command}.toml of a run, or from a "
        "result; the command line goes before it",
    )


def apply(parser: Parser, words: Sequence[str]) -> None:
    """Make what the file says the defaults of the command's options, where the words name a file.

    Args:
        parser: Parser of the command, with its options.
        words: Words after the command.

    Raises:
        ValueError: No such file, no table of this command, an unknown key, or a value that the option refuses.
    """
    path = named(words)
    if path is None or NAME not in parser._option_string_actions:
        return
    command = parser.prog.split()[-1]
    known = {_key(action): action for action in parser._actions if action.dest not in UNWRITTEN}
    for key, value in read(path, command).items():
        if key not in known:
            raise ValueError(f"{path}: [{command}] has no option {key!r}{did_you_mean(key, list(known))}")
        action = known[key]
        action.default = _value(action, value, f"{path}: {key}")
        action.required = False
        if not action.option_strings:
            action.nargs = "?"
        for group in parser._mutually_exclusive_groups:
            group.required = group.required and action not in group._group_actions


def named(words: Sequence[str]) -> Path | None:
    """The file that words name.

    Args:
        words: Words of a command line.

    Returns:
        The file, or None.
    """
    for n, word in enumerate(words):
        if word == NAME and n + 1 < len(words):
            return Path(words[n + 1])
        if word.startswith(f"{NAME}="):
            return Path(word.removeprefix(f"{NAME}="))
    return None


def read(path: Path, command: str) -> Mapping[str, Any]:
    """The table of a command in a file of options, or in a result.

    Args:
        path: The file.
        command: The command.

    Returns:
        Values by the names of options.

    Raises:
        ValueError: The file is missing, is something else, or has no such table.
    """
    if path.suffix == ".nc":
        from messjax import results  # only for a result

        text = str(results.load(path).attrs.get("config", ""))
    else:
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise ValueError(f"{NAME}: {path}: {error.strerror or error}") from None
        except UnicodeDecodeError as error:
            raise ValueError(f"{NAME}: {path}: expected TOML in UTF-8, found something else: {error}") from None
    try:
        tables = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, brackets without end
        raise ValueError(f"{NAME}: {path}: expected TOML, found something else: {error}") from None
    if not isinstance(tables.get(command), Mapping):
        found = ", ".join(f"[{name}]" for name in tables) or "none"
        raise ValueError(f"{NAME}: {path}: expected a table [{command}], found {found}")
    table: Mapping[str, Any] = tables[command]
    return table


def _value(action: argparse.Action, value: Any, where: str) -> Any:
    """A value of the file as the option's own value."""
    if isinstance(action.const, bool):  # a flag
        if not isinstance(value, bool):
            raise ValueError(f"{where}: expected true or false, found {value!r}")
        return value
    several = isinstance(action, argparse._AppendAction)
    texts = [str(each) for each in value] if isinstance(value, list) else [str(value)]
    parse = action.type if callable(action.type) else str
    try:
        result = [parse(text) for text in texts] if several else parse(",".join(texts))
    except (argparse.ArgumentTypeError, ValueError) as error:
        raise ValueError(f"{where}: {error}") from None
    if action.choices is not None and result not in action.choices:
        raise ValueError(f"{where}: found {result!r}, expected one of {', '.join(map(str, action.choices))}")
    return result


def text(parser: Parser, args: argparse.Namespace, defaults: Mapping[str, Any]) -> str:
    """The file that runs a command again.

    Args:
        parser: Parser of the command, with its options.
        args: What it parsed.
        defaults: The options' own defaults by `dest`, as they were before a file of options was read.

    Returns:
        TOML with every option that is not at its default, less those that change no number.
    """
    lines = [f"[{parser.prog.split()[-1]}]"]
    for action in parser._actions:
        value = getattr(args, action.dest, None)
        if action.dest not in UNWRITTEN and action.dest in vars(args) and value != defaults.get(action.dest):
            lines.append(f"{_key(action)} = {_toml(value)}")
    return "\n".join(lines) + "\n"


def _key(action: argparse.Action) -> str:
    return max(action.option_strings, key=len, default=action.dest).lstrip("-")


def _toml(value: Any) -> str:
    """A value of an option as TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml(each) for each in value)}]"
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")  # a JSON string is a TOML one
