"""Arguments of programs: errors that name what was meant, help in sections of 100 columns, numbers and amounts."""

from __future__ import annotations

import argparse
import difflib
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NoReturn

__all__ = ["Parser", "gibibytes", "number_list", "whole_number"]

WIDTH = 100  # columns of a help page, where the terminal is not narrower
FEW = 6  # options that are named in the usage; more of them are "[options]"
OTHERS = "options"  # the last section of a help page


class HelpFormatter(argparse.HelpFormatter):
    """Help that is as wide as the terminal and at most 100 columns, with a usage of one or two lines."""

    def __init__(self, prog: str, **options: Any) -> None:
        width = min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns - 2)
        super().__init__(prog, max_help_position=30, width=width, **options)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """A text of one line is filled; the lines of another one stay as they are."""
        if "\n" not in text.strip():
            return super()._fill_text(text, width, indent)
        return "".join(f"{indent}{line}\n" for line in text.strip("\n").split("\n"))

    def _format_usage(self, usage: Any, actions: Iterable[argparse.Action], groups: Iterable[Any], prefix: Any) -> str:
        chosen = [group for group in groups if group.required]
        needed = {id(action) for group in chosen for action in group._group_actions}
        shown = [each for each in actions if not each.option_strings or each.required or id(each) in needed]
        if usage is not None or len(list(actions)) - len(shown) <= FEW:
            return super()._format_usage(usage, actions, groups, prefix)
        program, self._prog = self._prog, f"{self._prog} [options]"
        try:
            return super()._format_usage(None, shown, chosen, prefix)
        finally:
            self._prog = program


class Parser(argparse.ArgumentParser):
    """An argument parser that raises ValueError for bad options, which `run_program` prints in one line.

    The error proposes the option or command that was nearly written. A help page has the options in the sections that
    `sections` names.

    Attributes:
        sections: Options and arguments of each section of the help page, by its title, without their dashes. Those
            that no section names are in the last one.
        pairs: Options whose value is two words where the first is this one: they become one value with a space.
    """

    sections: Mapping[str, Sequence[str]] = {}
    pairs: Mapping[str, str] = {}

    def __init__(self, *args: Any, **options: Any) -> None:
        options.setdefault("formatter_class", HelpFormatter)
        super().__init__(*args, **options)

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage and exiting.

        Args:
            message: What is wrong.

        Raises:
            ValueError: Always.
        """
        raise ValueError(f"{message} (see {self.prog} --help)")

    def format_help(self) -> str:
        """The help page.

        Returns:
            Its text.
        """
        formatter = self._get_formatter()
        formatter.add_usage(self.usage, self._actions, self._mutually_exclusive_groups)
        formatter.add_text(self.description)
        for title, actions in self.in_sections().items():
            formatter.start_section(title)
            formatter.add_arguments(actions)
            formatter.end_section()
        formatter.add_text(self.epilog)
        return formatter.format_help()

    def in_sections(self) -> dict[str, list[argparse.Action]]:
        """The arguments and options of the help page.

        Returns:
            For each section that has any its actions, by its title.
        """
        title_of = {name: title for title, names in self.sections.items() for name in names}
        found: dict[str, list[argparse.Action]] = {title: [] for title in (*self.sections, OTHERS)}
        commands: list[argparse.Action] = []
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                commands.append(action)
            else:
                name = max(action.option_strings, key=len, default=action.dest).lstrip("-")
                plain = OTHERS if action.option_strings else "arguments"
                found.setdefault(title_of.get(name, plain), []).append(action)
        first = {"arguments": found.pop("arguments")} if "arguments" in found else {}
        return {title: actions for title, actions in (first | {"commands": commands} | found).items() if actions}

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, after slips that argparse would report as something else were looked for.

        Args:
            args: Words of the command line; by default those of the program.
            namespace: As argparse has it.

        Returns:
            The namespace and the words that no option or argument took.

        Raises:
            ValueError: A slip, or what argparse finds.
        """
        words = self._joined(sys.argv[1:] if args is None else list(args))
        self._refuse_slips(words)
        return super().parse_known_args(words, namespace)

    def _joined(self, words: Sequence[str]) -> list[str]:
        """The words with each pair as one."""
        found: list[str] = []
        for word in words:
            is_second = len(found) > 1 and self.pairs.get(found[-2]) == found[-1] and not word.startswith("-")
            found[-1:] = [f"{found[-1]} {word}"] if is_second else [*found[-1:], word]
        return found

    def _refuse_slips(self, words: Sequence[str]) -> None:
        """Refuse options that do not exist, and lists of numbers with spaces in them."""
        has_commands = any(isinstance(action, argparse._SubParsersAction) for action in self._actions)
        takes_value = False
        for n, word in enumerate(words):
            if word == "--" or (has_commands and not takes_value and not word.startswith("-")):
                return  # the rest is for the parser of a command
            name, equals, _ = word.partition("=")
            if re.fullmatch(r"--?[A-Za-z][\w-]+", name) and " " not in word:
                self._refuse_unknown(name)
            action = self._option_string_actions.get(name)
            takes_value = action is not None and action.nargs is None and not equals
            if takes_value and action is not None and action.type is number_list:
                numbers = _leading_numbers(words[n + 1 :])
                if len(numbers) > 1:
                    self.error(f"several values of {name} are separated by commas: {name} {','.join(numbers)}")

    def _refuse_unknown(self, name: str) -> None:
        known = list(self._option_string_actions)
        if not any(option.startswith(name) for option in known):
            self.error(f"unrecognized arguments: {name}{did_you_mean(name, known)}")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            choices = [str(choice) for choice in action.choices]
            text = f"invalid choice: {value!r}{did_you_mean(str(value), choices)}, choose from {', '.join(choices)}"
            raise argparse.ArgumentError(action, text)


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """What an error says of a word that is not known.

    Args:
        word: What was found.
        known: What is known.

    Returns:
        " (did you mean A or B?)", or nothing where no known word is near.

    Example:
        >>> did_you_mean("--alhpa", ["--alpha", "--all", "--out"])
        ' (did you mean --alpha?)'
    """
    near = difflib.get_close_matches(word, known, n=2, cutoff=0.6)
    near = near[:1] if near and difflib.SequenceMatcher(None, word, near[0]).ratio() > 0.8 else near
    return f" (did you mean {' or '.join(near)}?)" if near else ""


def _leading_numbers(words: Sequence[str]) -> list[str]:
    """The words up to the first that is no number."""
    found = []
    for word in words:
        try:
            float(word)
        except ValueError:
            break
        found.append(word)
    return found


def number_list(text: str) -> list[float]:
    """An option's value as numbers.

    Args:
        text: Numbers separated by commas: "1,10,100".

    Returns:
        The numbers.

    Raises:
        argparse.ArgumentTypeError: The text is something else.

    Example:
        >>> number_list("1,10,100")
        [1.0, 10.0, 100.0]
    """
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected numbers separated by commas, found {text!r}") from None


def whole_number(least: int, most: int = 2**31 - 2) -> Callable[[str], int]:
    """The type of an option whose value is a whole number.

    Args:
        least: Smallest value allowed.
        most: Largest value allowed.

    Returns:
        A function that parses the text of the option.

    Raises:
        argparse.ArgumentTypeError: By that function, for another text.

    Example:
        >>> whole_number(1, 10)("7")
        7
    """

    def parse(text: str) -> int:
        if not text.lstrip("-").isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"expected a whole number from {least} to {most}, found {text!r}")
        return int(text)

    return parse


def gibibytes(text: str) -> float:
    """An option's value as an amount of memory.

    Args:
        text: A number with a unit, "4GiB", "512MiB" or "8GB", or without one: GiB.

    Returns:
        The amount in GiB.

    Raises:
        argparse.ArgumentTypeError: The text is something else, or not above zero.

    Example:
        >>> gibibytes("512MiB")
        0.5
    """
    units = {"": 1.0, "gib": 1.0, "mib": 2.0**-10, "tib": 2.0**10, "gb": 1e9 / 2**30, "mb": 1e6 / 2**30}
    parts = re.fullmatch(r"([0-9]+(?:\.[0-9]*)?) *([a-z]*)", text.strip().lower())
    if parts is None or parts[2] not in units or not float(parts[1]) > 0:
        raise argparse.ArgumentTypeError(f"expected an amount of memory, such as 4GiB or 512MiB, found {text!r}")
    return float(parts[1]) * units[parts[2]]
