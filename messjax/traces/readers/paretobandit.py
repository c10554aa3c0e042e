"""ParetoBandit's rewards: JSON Lines, one record per request, with a reward and a cost of every arm (model).

Source: `data_collection/rewards/` of github.com/ParetoBandit/ParetoBandit.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from messjax.traces.builder import Builder
from messjax.traces.contents import stem_of
from messjax.traces.options import DEFAULTS, Options
from messjax.traces.parsing import field, label, number, shown_value, text
from messjax.traces.reading import BadCell, current
from messjax.traces.record_files import json_lines
from messjax.traces.recording import Recording
from messjax.traces.sniff import Sniffed, files_of


def fits(sniffed: Sniffed) -> bool:
    """JSON Lines with a prompt and its arms.

    Args:
        sniffed: What a path holds.

    Returns:
        True or False.
    """
    return {"prompt", "arms"} <= sniffed.fields


def read(path: Path, options: Options = DEFAULTS) -> Recording:
    """Reads one file, or all JSON Lines of a folder; a request is a line.

    Fields: `prompt`, `source` (the group), and `arms`, of each model `reward` (the score, in [0, 1]) and `cost` (USD).
    The rest (difficulty, the best arm) follows from the rewards and is not read.

    Args:
        path: A file or folder.
        options: Not used.

    Returns:
        The recording.

    Raises:
        ValueError: A path that is missing or has no JSON Lines, a line that is broken or lacks a field, values that are
            none. It names file, line and field.
    """
    builder = Builder("paretobandit", path, cost_unit="USD")
    for file in files_of(path, "jsonl", "json"):
        stem = stem_of(file)
        for place, record in json_lines(file):
            with current():
                prompt = text(place, "prompt", field(place, record, "prompt"), role="prompt")
                arms = field(place, record, "arms")
                if not isinstance(arms, Mapping) or not arms:
                    raise BadCell(f"{place}, column 'arms': found {shown_value(arms)}, expected arms", "bad records")
                group = label(place, "source", record.get("source"), stem)
                rewards = {
                    text(place, "arms", arm, role="model"): (field(place, arms, arm, "reward"), arms[arm].get("cost"))
                    for arm in arms
                }
                n = builder.request(None, prompt, group, place, id=f"{stem}/{place.row}")
                for arm, (reward, cost) in rewards.items():
                    score = number(place, f"arms.{arm}.reward", reward, truth=True)
                    price = number(place, f"arms.{arm}.cost", cost)
                    builder.cell(n, builder.model(arm), place, score=score, cost=price)
    return builder.build()
