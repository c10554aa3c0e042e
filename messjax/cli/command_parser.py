"""Parsers of programs with commands, `messjax` and `messjax-proofs`: their modules are imported once needed."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from messjax import runtime
from messjax.cli import help_texts, options_file


class Program(NamedTuple):
    """A program whose commands are modules.

    Attributes:
        name: What it is called.
        about: The first lines of its help page.
        package: Where its commands are: `NAME_command`, with `add_options(parser)`.
        commands: What each command does.
        examples: Of each help page, by the words that come before --help.
        sections: Options of every help page by what they are about.
        add_own: Adds options of the program, which stand before a command or without one.
        add_common: Adds to a command what all commands have.
        closing: The last lines of its help page.
        needs_command: Whether the program does nothing without a command.
    """

    name: str
    about: str
    package: str
    commands: Mapping[str, str]
    examples: Mapping[str, Sequence[help_texts.Example]]
    sections: Mapping[str, Sequence[str]]
    add_own: Callable[[argparse.ArgumentParser], None]
    add_common: Callable[[CommandParser], None]
    closing: str = ""
    needs_command: bool = True


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
        print(f"{parser.prog.split()[0]} {version} (code {run_folder.code_version()}; Python {python}, {versions})")
        parser.exit()


class CommandParser(runtime.Parser):
    """Parser of one command, which imports the command's module for its options once they are needed."""

    def __init__(self, *args: Any, program: Program | None = None, command: str = "", **options: Any) -> None:
        super().__init__(*args, **options)
        self.program = program
        self.command = command
        self.is_loaded = not command
        self.own_defaults: dict[str, Any] = {}
        self.config: Path | None = None  # the file of options that was named
        if program is not None:
            self.sections = program.sections

    def load(self) -> None:
        """Add the command's own options, and those that every command has."""
        if self.is_loaded or self.program is None:
            return
        self.is_loaded = True
        importlib.import_module(f"{self.program.package}.{self.command}_command").add_options(self)
        self.epilog = help_texts.epilog(self.command, self.program.examples)
        for name, each in commands_of(self).items():
            each.sections = self.program.sections
            each.epilog = help_texts.epilog(f"{self.command} {name}", self.program.examples)
        self.program.add_common(self)
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


def add_report(parser: argparse.ArgumentParser) -> None:
    """`--report`, which the program obeys once the command has written its folder."""
    parser.add_argument("--report", action="store_true", help="write report.html as well (`messjax report`)")


def add_global_options(parser: argparse.ArgumentParser, **default: Any) -> None:
    """Options of `messjax` that may stand before the command and after it."""
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


def _add_common(parser: CommandParser) -> None:
    """What every command of `messjax` has."""
    if any(action.dest == "out" for action in parser._actions):
        add_report(parser)
        parser.add_argument("--fresh", action="store_true", help="replace what another run has left in the folder")
        options_file.add_option(parser, parser.command)
    for each in (parser, *commands_of(parser).values()):
        add_global_options(each, default=argparse.SUPPRESS)


MESSJAX = Program(
    "messjax",
    "MESS+: route requests among language models at least cost.",
    "messjax.cli",
    help_texts.COMMANDS,
    help_texts.EXAMPLES,
    help_texts.SECTIONS,
    add_own=add_global_options,
    add_common=_add_common,
)


def build(program: Program = MESSJAX, *, everything: bool = False) -> CommandParser:
    """The parser of a whole command line.

    Args:
        program: The program.
        everything: Whether the options of all commands are added at once, which imports all of messjax.

    Returns:
        The parser.
    """
    closing = f"`{program.name} COMMAND --help` has the options of a command."
    parts = (program.closing, help_texts.epilog("", program.examples), closing)
    parser = CommandParser(
        prog=program.name, description=program.about, epilog="\n\n".join(filter(None, parts)), program=program
    )
    program.add_own(parser)
    commands = parser.add_subparsers(
        dest="command",
        required=program.needs_command,
        metavar="COMMAND",
        parser_class=CommandParser,
        title="commands",
    )
    for name, what in program.commands.items():
        about = f"{what[0].upper()}{what[1:]}."
        each = commands.add_parser(name, help=what, description=about, program=program, command=name)
        if everything:
            each.load()
    return parser
