"""What is wrong with a recording, or only unusual, and which option handles it; nothing is changed here."""

from __future__ import annotations

import numpy as np

from messjax.traces.findings import Finding
from messjax.traces.linting import cells, costs, models, texts
from messjax.traces.parsing import listed
from messjax.traces.recording import Recording
from messjax.traces.selection import scored

SCORE_CHECKS = ("scores in 0-100", "scores outside [0, 1]")
CELL_CHECKS = ("missing cells", "missing costs", "negative costs", "infinite costs")
SEVERITIES = ("error", "warning", "info")


def lint(recording: Recording, cost: np.ndarray | None = None) -> tuple[Finding, ...]:
    """All findings, errors first; those that only the reader could notice (repeated cells) are among them.

    An "error" about scores, missing cells or costs is there exactly where `prepare` with its default choices refuses
    the recording, and its option names what makes it accept.

    Args:
        recording: What a reader returned.
        cost: Costs [N, M], models as in the recording, of `costs.make_costs`; by default the recorded ones.

    Returns:
        The findings.

    Raises:
        ValueError: Costs of another shape.
    """
    if cost is not None and cost.shape != recording.score.shape:
        raise ValueError(f"cost has shape {cost.shape}, expected {recording.score.shape} (requests, models)")
    cost = recording.cost if cost is None else cost
    recording, cost, unscored = scored(recording, cost)
    left_out = Finding("models without a score", "warning", len(unscored), f"left out: {listed(unscored)}")
    result = [
        *([left_out] if unscored else []),
        *cells.missing(recording, cost),
        *cells.scores(recording),
        *costs.values(recording, cost),
        *recording.findings,
        *costs.units(recording, cost),
        *costs.prices(recording, cost),
        *costs.order(recording, cost),
        *models.alike(recording),
        *texts.prompts(recording),
        *texts.groups(recording),
        *texts.constant_tokens(recording),
        *cells.measures(recording),
    ]
    return tuple(sorted(result, key=lambda finding: SEVERITIES.index(finding.severity)))
