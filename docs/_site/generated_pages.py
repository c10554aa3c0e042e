"""Pages made of the code: statements with their evidence, variables of a result, the command line."""

from __future__ import annotations

import argparse
import inspect
import json
import re
from pathlib import Path

from messjax import results, theory
from messjax.cli import command_parser
from messjax.theory.statement import Statement
from proofs_check.cli import command_line as command_line_of_proofs

PROGRAMS = (command_parser.MESSJAX, command_line_of_proofs.PROGRAM)
ROOT_PAGES = ("CHANGELOG", "CODE_OF_CONDUCT", "CONTRIBUTING")


def pages(docs: Path) -> dict[str, str]:
    """The pages by name.

    Args:
        docs: The folder of the documentation.

    Returns:
        Markdown by the name of its file.
    """
    return {
        "statements.md": statements(docs),
        "result_variables.md": result_variables(),
        "command_line.md": command_line(),
        **{f"{name.lower()}.md": of_root(docs.parent / f"{name}.md") for name in ROOT_PAGES},
    }


def of_root(path: Path) -> str:
    """A page beside README.md, whose links are those of a page in docs/generated."""
    text = re.sub(r"\]\(docs/", "](../", path.read_text(encoding="utf-8"))
    for name in ROOT_PAGES:
        text = text.replace(f"]({name}.md)", f"]({name.lower()}.md)")
    return text


def statements(docs: Path) -> str:
    """Statement x assumptions x verdict x code x proof, a row each."""
    verdicts = json.loads((docs / "verdicts.json").read_text(encoding="utf-8"))
    headings = re.findall(r"^#{2,4} (.+)$", (docs / "theory.md").read_text(encoding="utf-8"), re.MULTILINE)
    lines = [
        "# Statements",
        "",
        f"Every statement of the theory ({len(theory.ALL)}), what it needs, what was found on simulations that keep "
        "its assumptions, the function in `messjax/theory` that evaluates it, and its proof. Verdicts are those of "
        f"`{verdicts['command']}`; they are evidence on these cases and no proof. "
        "[Assumptions](../theory.md#assumptions).",
        "",
        "| statement | needs | verdict | code | proof | says | lemmas by z3 |",
        "|---|---|---|---|---|---|---|",
    ]
    for each in theory.ALL:
        verdict = verdicts["scope"].get(each.name, "not run").replace(": evidence, not proof", "")
        verdict = re.sub(r", V [\d.,]+( to [\d.,]+)?, T [\d,]+( to [\d,]+)?(, \d+ streams)?", "", verdict)
        needs = " ".join(sorted(each.assumptions)) or "nothing"
        lemmas = ", ".join(f"`{name}`" for name in each.lemmas)
        cells = [each.name, needs, verdict, code_of(each), proof_of(each, headings), each.about, lemmas]
        lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    return "\n".join([*lines, ""])


def code_of(statement: Statement) -> str:
    """Where the statement's function is, with a link to its source."""
    function = inspect.unwrap(getattr(statement.evaluate, "func", statement.evaluate))
    module = function.__module__
    line = inspect.getsourcelines(function)[1]
    path, name = module.replace(".", "/"), module.rpartition(".")[2]
    shown = f"{name}.py:{line}"
    public = {getattr(getattr(theory, each), "__module__", "") for each in theory.__all__}
    return f'<a href="../_modules/{path}.html">{shown}</a>' if module in public else f"`{shown}`"


def proof_of(statement: Statement, headings: list[str]) -> str:
    """A link to the section of the theory that the statement names."""
    name = statement.source.removesuffix(" in docs/theory")
    for heading in headings:
        if re.match(rf"{re.escape(name)}(?![\w'])", heading):
            return f"[{name}](../theory.md#{slug(heading)})"
    return f"[{name}](../theory.md)"


def slug(heading: str) -> str:
    """The anchor that a heading gets."""
    plain = re.sub(r"\$[^$]*\$", "", heading)  # as Sphinx does, formulas are left out
    return re.sub(r"[^\w\- ]", "", plain.lower()).lstrip().replace(" ", "-")


def result_variables() -> str:
    """What a result of `sweep` holds."""
    lines = [
        "# Variables of a result",
        "",
        "`sweep` returns an `xarray.Dataset`. Its dimensions are the controls that were swept, `stream`, `t` (for "
        "curves, `NAME_curve`) and `model`. Every variable and coordinate has `long_name` and `units`; *cost* stands "
        "for the cost unit of the stream (attribute `cost_unit`). Which of them a result has depends on its meters.",
        "",
        "| variable | what it is | unit |",
        "|---|---|---|",
    ]
    rows = {**results._ABOUT, **results._COORDINATES}
    for name, (what, unit) in rows.items():
        shown = what.replace("|", "\\|").replace("*", "\\*")
        lines.append(f"| `{name}` | {shown} | {'*cost*' if unit == 'cost' else unit} |")
    return "\n".join([*lines, ""])


def command_line() -> str:
    """The help of every command, from the parsers."""
    lines = ["# Command line", "", "Made of the parsers. Options that take several numbers take them with commas.", ""]
    for program in PROGRAMS:
        parser = command_parser.build(program, everything=True)
        lines += _command(program, parser, "")
        for name, each in command_parser.commands_of(parser).items():
            lines += _command(program, each, name)
            for below, page in command_parser.commands_of(each).items():
                lines += _command(program, page, f"{name} {below}")
    return "\n".join(lines)


def _command(program: command_parser.Program, parser: argparse.ArgumentParser, words: str) -> list[str]:
    lines = [f"## `{' '.join(filter(None, (program.name, words)))}`", ""]
    if parser.description:
        lines += [_plain(parser.description), ""]
    lines += ["```text", parser.format_usage().strip(), "```", ""]
    for section, actions in parser.in_sections().items():  # type: ignore[attr-defined]
        if section == "commands":
            continue
        lines += [f"**{section[0].upper()}{section[1:]}**", "", "| option | meaning |", "|---|---|"]
        for action in actions:
            name = ", ".join(action.option_strings) or str(action.metavar or action.dest)
            value = "" if not action.option_strings or action.nargs == 0 else f" {_value(action)}"
            meaning = (action.help or "").replace("%(default)s", str(action.default))
            lines.append(f"| `{name}{value}` | {_plain(meaning)} |")
        lines.append("")
    if program.closing and not words:
        lines += ["```text", program.closing, "```", ""]
    return lines + _examples(program, words)


def _value(action: argparse.Action) -> str:
    if action.metavar is not None:
        return str(action.metavar)
    return "{" + ",".join(map(str, action.choices)) + "}" if action.choices else action.dest.upper()


def _plain(text: str) -> str:
    """Text of a help page as Markdown that shows it unchanged."""
    return re.sub(r"([|*_<\[\]$])", r"\\\1", text)


def _examples(program: command_parser.Program, words: str) -> list[str]:
    lines = []
    for example in program.examples.get(words, ()):
        lines += [f"# {example.what}", *example.commands]
    return ["```bash", *lines, "```", ""] if lines else []
