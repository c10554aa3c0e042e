"""The option --zoo: a zoo by name, or from a file."""

from __future__ import annotations

from messjax import zoo, zoo_tables

HELP = (
    f"{', '.join(zoo.PRESETS)}; or one benchmark of it: llama3/ARC-C; or a CSV or JSON file with model, cost, accuracy "
    "and, where there are several, benchmark, and cost_unit"
)


def get(name: str) -> zoo.Zoo:
    """The zoo that --zoo names.

    Raises:
        ValueError: an unknown name, or a file that is missing or says something else.
    """
    return zoo.read(name) if zoo_tables.is_file_name(name) else zoo.get(name)
