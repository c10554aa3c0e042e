"""Which columns of a plain table hold what: the option `--columns`, its patterns, and fields within records."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

from messjax.traces.parsing import listed

TEXTS = ("prompt", "id", "group", "model", "time")
MEASURES = ("score", "cost", "input_tokens", "output_tokens", "latency", "cached_tokens", "reasoning_tokens")
ROUTERS = ("choice", "score_of")  # what a router of the user's own decided, by its name
OF_A_LOG = ("propensity", "p_observed", "session", "version", "feedback_time", "feature")
UNIT = "cost_unit"  # not a column: what the costs are in
EXAMPLE = "--columns prompt=COLUMN,score:MODEL=COLUMN,... or prompt=COLUMN,model=COLUMN,score=COLUMN"


class Plan(NamedTuple):
    """Which column is read as what.

    Attributes:
        texts: Columns by role: "prompt" at least, perhaps "id", "group", "model" and "time".
        measures: Columns by model ("" in the long form) and measure; both have a `*` in a pattern.
        cost_unit: Unit of the costs.
        routers: Columns by role ("choice" or "score_of") and name of a router.
        leave_out: Names or patterns of models whose columns a pattern does not read.
    """

    texts: Mapping[str, str]
    measures: Mapping[str, Mapping[str, str]]
    cost_unit: str
    routers: Mapping[tuple[str, str], str] = {}
    leave_out: tuple[str, ...] = ()

    @property
    def columns(self) -> list[str]:
        """All columns that are read."""
        measured = (column for of in self.measures.values() for column in of.values())
        return list(dict.fromkeys([*self.texts.values(), *measured, *self.routers.values()]))

    @property
    def is_pattern(self) -> bool:
        """Whether a pattern has still to be resolved."""
        return any("*" in model for model in self.measures)

    @property
    def by_file(self) -> bool:
        """Whether a file's name is its model."""
        return "" in self.measures and "model" not in self.texts


def parse_columns(given: str) -> dict[str, str]:
    """Columns by role, from the option `--columns ROLE=COLUMN,...`.

    Roles: prompt, id, group, time; per model `score:MODEL`, `cost:MODEL`, `input_tokens:MODEL`, `output_tokens:MODEL`,
    `cached_tokens:MODEL`, `reasoning_tokens:MODEL`, `latency:MODEL` (seconds), or model, score, cost, ... for a table
    with one row per model; without model the file's name is the model. `choice:NAME` and `score_of:NAME` are what a
    router of your own decided; `cost_unit=TEXT` gives the unit of the costs. One `*` in the model and in the column
    stands for many (`score:*=*,cost:*=*|cost`). A column within a record has a dotted name. Items are those of a CSV:
    one with a comma is quoted. The last "=" of an item separates.

    Args:
        given: The option's value.

    Returns:
        Columns by role, for `Options.columns`.

    Raises:
        ValueError: An item that is not ROLE=COLUMN, an unknown role, one that is given twice, or one that is missing.
    """
    columns = items_of(given, EXAMPLE)
    plan_of(columns)
    return columns


def items_of(given: str, example: str) -> dict[str, str]:
    """The items of an option ROLE=COLUMN,...: those of a CSV, so that one with a comma is quoted.

    Args:
        given: The option's value.
        example: What it should look like, for error messages.

    Returns:
        Columns by role.

    Raises:
        ValueError: An item that is not ROLE=COLUMN, or a role that is given twice.
    """
    try:
        items = next(csv.reader([given], strict=True, skipinitialspace=True), [])
    except csv.Error as error:
        raise ValueError(f"--columns {given!r}: {error}, expected {example}") from None
    columns: dict[str, str] = {}
    for item in items or [""]:
        role, equals, column = (part.strip() for part in item.rpartition("="))
        if not (role and equals and column):
            raise ValueError(f"--columns: found {item.strip()!r}, expected ROLE=COLUMN as in {example}")
        if role in columns:
            raise ValueError(f"--columns: {role!r} is there twice, {columns[role]!r} and {column!r}, expected one")
        columns[role] = column
    return columns


def plan_of(columns: Mapping[str, str], leave_out: tuple[str, ...] = ()) -> Plan:
    """The plan that a mapping of roles to columns describes.

    Args:
        columns: Columns by role.
        leave_out: Names or patterns of models whose columns a pattern does not read.

    Returns:
        The plan.

    Raises:
        ValueError: As `parse_columns` raises.
    """
    texts = {role: column for role, column in columns.items() if role in TEXTS}
    measures: dict[str, dict[str, str]] = {}
    routers: dict[tuple[str, str], str] = {}
    for role, column in columns.items():
        if role in TEXTS or role == UNIT:
            continue
        measure, colon, name = (part.strip() for part in role.partition(":"))
        if measure in ROUTERS and (name or not colon):
            routers[measure, name or column] = column
            continue
        if measure not in MEASURES or (colon and not name):
            if measure in OF_A_LOG:
                hint = "a decision log, which `messjax evaluate PATH --alpha A --columns ...` reads"
                raise ValueError(f"--columns: found the role {role!r}, which belongs to {hint}")
            known = f"{', '.join((*TEXTS, UNIT, *ROUTERS, *MEASURES))}, the last ones perhaps with :MODEL"
            raise ValueError(f"--columns: found the role {role!r}, expected one of {known}")
        if name.count("*") > 1 or name.count("*") != (column.count("*") if "*" in name else 0):
            raise ValueError(f"--columns: found {role}={column}, expected one * in the model and one in the column")
        measures.setdefault(name, {})[measure] = column
    _check(texts, measures, UNIT in columns)
    return Plan(texts, measures, columns.get(UNIT, "recorded cost"), routers, leave_out)


def _check(texts: Mapping[str, str], measures: Mapping[str, Mapping[str, str]], unit: bool) -> None:
    if "prompt" not in texts:
        raise ValueError(f"--columns: found no role 'prompt', expected {EXAMPLE}")
    named = [model for model in measures if model]
    if named and ("model" in texts or "" in measures):
        what = f"model={texts['model']}" if "model" in texts else f"score={measures[''].get('score')}"
        raise ValueError(f"--columns: found {what} and columns of {listed(named)}, expected one or the other")
    unscored = [model for model, of in measures.items() if "score" not in of]
    if unscored or not measures:
        whose = f" of {listed(unscored)}" if any(unscored) else ""
        raise ValueError(f"--columns: found no score{whose}, expected {EXAMPLE}")
    seen: dict[str, str] = {}
    for model, of in measures.items():
        for measure, column in of.items():
            role = f"{measure}:{model}" if model else measure
            if column in seen:
                raise ValueError(f"--columns: {seen[column]!r} and {role!r} are both {column!r}, expected two columns")
            seen[column] = role
    if unit and not any("cost" in of for of in measures.values()):
        raise ValueError(f"--columns: found {UNIT} and no cost, expected both or neither")


def resolved(plan: Plan, names: Iterable[tuple[str, ...]], where: str) -> Plan:
    """The plan of a table with these columns: patterns are replaced by what they fit.

    A column that is named elsewhere fits no pattern, and one that fits several belongs to that with most letters: of
    `score:*=*` and `cost:*=*|cost` the column `gpt|cost` fits the latter.

    Args:
        plan: The plan.
        names: Columns of the table, each the way to a field: ("arms", "gpt", "reward").
        where: The file, for error messages.

    Returns:
        The plan without patterns.

    Raises:
        ValueError: A pattern that fits no column, or a model without a score.
    """
    if not plan.is_pattern:
        return plan
    patterns = _patterns(plan)
    measures: dict[str, dict[str, str]] = {model: dict(of) for model, of in plan.measures.items() if "*" not in model}
    taken = {*plan.texts.values(), *plan.routers.values(), *(name for of in measures.values() for name in of.values())}
    unused = {column for _, _, column in patterns}
    names = [way for way in dict.fromkeys(names) if ".".join(way) not in taken]
    for way in names:
        fitting = ((each, star) for each in patterns if (star := _star(each[2], way)) is not None)
        (measure, model, column), star = next(fitting, (("", "", ""), ""))
        unused.discard(column)
        called = model.replace("*", star)
        if column and not any(fnmatchcase(called.casefold(), each.casefold()) for each in plan.leave_out):
            measures.setdefault(called, {})[measure] = ".".join(way)
    if unused:
        known = listed(".".join(way) for way in names)
        raise ValueError(f"{where}: found columns {known}, expected some that fit {listed(sorted(unused))}")
    if unscored := [model for model, of in measures.items() if "score" not in of]:
        raise ValueError(f"{where}: found no score of {listed(unscored)}, expected one as of the other models")
    return plan._replace(measures=measures)


def _patterns(plan: Plan) -> list[tuple[str, str, str]]:
    """(measure, model, column) of each pattern, the one with most letters first."""
    measures = plan.measures.items()
    result = [(name, model, column) for model, of in measures for name, column in of.items() if "*" in model]
    return sorted(result, key=lambda each: -len(each[2]))


def _star(pattern: str, way: tuple[str, ...]) -> str | None:
    """What `*` stands for where a pattern fits a column, or None."""
    parts = pattern.split(".") if len(way) > 1 else [pattern]
    if len(parts) != len(way):
        return None
    star = None
    for part, name in zip(parts, way, strict=True):
        before, found, after = part.partition("*")
        if not found:
            if part != name:
                return None
        elif len(name) > len(before) + len(after) and name.startswith(before) and name.endswith(after):
            star = name[len(before) : len(name) - len(after)]
        else:
            return None
    return star
