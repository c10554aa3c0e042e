"""The parser of the `messjax` command: a command's module is imported once its options are needed."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path
from typing import Any, NoReturn

from messjax import runtime
from messjax.cli import help_texts, options_file


class ShowVersion(argparse.Action):
    """`--version`: the versions that numbers depend on."""

    def __call__(self, parser: argparse.ArgumentParser, *args: Any) -> None:
        """Print one line and exit."""
        import platform
        from importlib import metadata

        from messjax import run_folder

        versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("jax", "jaxlib", "numpy"))
        python = platform.python_version()
        try:
            version = metadata.version("messjax")
        except metadata.PackageNotFoundError:  # a source tree that was never installed
            version = "unknown"
        print(f"messjax {version} (code {run_folder.code_version()}; Python {python}, {versions})")
        parser.exit()


class CommandParser(runtime.Parser):
    """Parser of one command, which imports the command's module for its options once they are needed."""

    sections = help_texts.SECTIONS

    def __init__(self, *args: Any, command: str = "", **options: Any) -> None:
        super().__init__(*args, **options)
        self.command = command
        self.is_loaded = not command
        self.own_defaults: dict[str, Any] = {}
        self.config: Path | None = None  # the file of options that was named

    def load(self) -> None:
        """Add the command's own options, and those that every command has."""
        if self.is_loaded:
            return
        self.is_loaded = True
        importlib.import_module(f"messjax.cli.{self.command}_command").add_options(self)
        self.epilog = help_texts.epilog(self.command)
        if any(action.dest == "out" for action in self._actions):
            self.add_argument(
                "--report",
                action="store_true",
                help="write report.html as well (`messjax report`)",
            )
            self.add_argument("--fresh", action="store_true", help="replace what another run has left in the folder")
            options_file.add_option(self, self.command)
        add_global_options(self, default=argparse.SUPPRESS)
        for name, each in commands_of(self).items():
            each.sections = help_texts.SECTIONS
            each.epilog = help_texts.epilog(f"{self.command} {name}")
            add_global_options(each, default=argparse.SUPPRESS)
        self.own_defaults = {action.dest: action.default for action in self._actions}

    def error(self, message: str) -> NoReturn:
        """Raise, and name the file of options that might have said what is missing.

        Args:
            message: What is wrong.

        Raises:
            ValueError: Always.
        """
        super().error(
            f"{message}; {self.config} does not give them" if "required:" in message and self.config else message
        )

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse the command's own arguments, after its options were added and its file of options was read."""
        self.load()
        self.config = options_file.named(args or [])
        options_file.apply(self, args or [])
        found, rest = super().parse_known_args(args, namespace)
        if options_file.NAME in self._option_string_actions:
            found.config_text = options_file.text(self, found, self.own_defaults)
        return found, rest


def commands_of(parser: argparse.ArgumentParser) -> dict[str, Any]:
    """The parsers of a parser's commands by name; none where it has no commands."""
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return {name: each for group in groups for name, each in group.choices.items()}


def add_global_options(parser: argparse.ArgumentParser, **default: Any) -> None:
    """Options that may stand before the command and after it."""
    parser.add_argument(
        "--no-cache", action="store_true", help="do not keep compiled programs for the next run", **default
    )
    parser.add_argument(
        "--distributed",
        metavar="WHERE",
        help="share the streams among processes that run this command with one --out: auto (Slurm, Kubernetes, MPI or "
        "TPU tell), or HOST:PORT,PROCESSES,NUMBER",
        **default,
    )
    parser.add_argument("--version", action=ShowVersion, nargs=0, help="print versions and exit")


def build(*, everything: bool = False) -> CommandParser:
    """The parser of the whole command line.

    Args:
        everything: Whether the options of all commands are added at once, which imports all of messjax.

    Returns:
        The parser.
    """
    parser = CommandParser(
        prog="messjax",
        description="MESS+: route requests among language models at least cost.",
        epilog=f"{help_texts.epilog('')}\n\n`messjax COMMAND --help` has the options of a command.",
    )
    add_global_options(parser)
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", parser_class=CommandParser, title="commands"
    )
    for name, what in help_texts.COMMANDS.items():
        each = commands.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.", command=name)
        if everything:
            each.load()
    return parser
