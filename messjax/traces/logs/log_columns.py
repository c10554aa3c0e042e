"""Which columns of a table hold what of a decision log: the option `--columns`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from messjax.traces.logs.log_builder import BY_MODEL, ROLES
from messjax.traces.readers.plain_columns import items_of

UNIT, FEATURE = "cost_unit", "feature"
EXAMPLE = "--columns prompt=COLUMN,model=COLUMN,score=COLUMN,cost=COLUMN,propensity=COLUMN,time=COLUMN"
UNNAMED = "recorded cost"  # the unit of costs of which none was named


class LogColumns(NamedTuple):
    """Columns by what they hold.

    Attributes:
        roles: Columns by role, of `ROLES`.
        by_model: Columns by role (of `BY_MODEL`) and model.
        features: Columns by name of a feature.
        cost_unit: Unit of the costs.
    """

    roles: Mapping[str, str]
    by_model: Mapping[tuple[str, str], str] = {}
    features: Mapping[str, str] = {}
    cost_unit: str = UNNAMED

    @property
    def columns(self) -> list[str]:
        """All columns that are read."""
        return list(dict.fromkeys([*self.roles.values(), *self.by_model.values(), *self.features.values()]))


def parse_log_columns(given: str) -> LogColumns:
    """Columns of a decision log, from the option `--columns ROLE=COLUMN,...`.

    Roles: model, score, cost, prompt, id, time, feedback_time, session, version, propensity (that of the model that
    answered), eligible (the models that could have been chosen: a list, or names separated by "|"), p_observed, latency
    (in seconds), latency_ms, input_tokens, output_tokens; `propensity:MODEL` and `cost:MODEL` (known before the choice)
    of every model; `feature:NAME`, a number of the request; `cost_unit=TEXT`.

    Args:
        given: The option's value.

    Returns:
        The columns.

    Raises:
        ValueError: An item that is not ROLE=COLUMN, or an unknown role.
    """
    roles: dict[str, str] = {}
    by_model: dict[tuple[str, str], str] = {}
    features: dict[str, str] = {}
    unit = UNNAMED
    for role, column in items_of(given, EXAMPLE).items():
        name, _, which = (part.strip() for part in role.partition(":"))
        if role == UNIT:
            unit = column
        elif name == FEATURE and which:
            features[which] = column
        elif name in BY_MODEL and which:
            by_model[name, which] = column
        elif role in ROLES:
            roles[role] = column
        else:
            known = f"{', '.join(ROLES)}, {', '.join(f'{each}:MODEL' for each in BY_MODEL)}, feature:NAME, {UNIT}"
            raise ValueError(f"--columns: found the role {role!r}, expected one of {known}")
    return LogColumns(roles, by_model, features, unit)


def columns_by_name(names: Iterable[str]) -> LogColumns | None:
    """Columns of a table whose header says what they hold, as `write_log` writes it.

    Args:
        names: Names of the columns.

    Returns:
        The columns; None where there are no columns model, score and propensity (or `propensity:MODEL`), the last of
        which may be empty.
    """
    roles: dict[str, str] = {}
    by_model: dict[tuple[str, str], str] = {}
    features: dict[str, str] = {}
    for name in names:
        role, _, which = name.partition(":")
        if role == FEATURE and which:
            features[which] = name
        elif role in BY_MODEL and which:
            by_model[role, which] = name
        elif name in (*ROLES, UNIT):
            roles[name] = name
    known = "propensity" in roles or any(role == "propensity" for role, _ in by_model)
    return LogColumns(roles, by_model, features) if known and {"model", "score"} <= set(roles) else None
