"""What is wrong with a recording, or only unusual, and which option handles it; nothing is changed here."""

from __future__ import annotations

import numpy as np

from messjax.traces.linting import cells, costs, models, texts
from messjax.traces.recording import Finding, Recording

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
    result = [
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
        *cells.measures(recording),
    ]
    return tuple(sorted(result, key=lambda finding: SEVERITIES.index(finding.severity)))
