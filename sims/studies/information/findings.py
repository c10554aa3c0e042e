"""What the study concludes."""

from __future__ import annotations

import numpy as np
import xarray as xr

from messjax.evaluation.information import PARTS
from sims.common.finding import Finding, Number, Rows, Verdict, verdict_of_cases
from sims.common.study import Results
from sims.studies.information.figure import SHOWN
from sims.studies.information.runs import WORLD
from sims.studies.information.tables import text


def conclude(result: Results) -> list[Finding]:
    """The split, and T2' by partition."""
    return [_parts(result), _bounds(result[WORLD])]


def _parts(result: Results) -> Finding:
    """Rule, per learner, V and trace: it holds where exploration and refinement together are more than control, by

    the interval of control; it fails where they are less. Intervals are asymptotic.
    """
    rows, holds, fails, shares = [], 0, 0, []
    for name, dataset in result.items():
        for learner in dataset["learner"].values:
            for V in dataset["V"].values:
                one = dataset["split"].sel(learner=learner, V=V, partition=SHOWN)
                mean = {part: float(one.sel(part=part, limit="mean")) for part in (*PARTS, "excess")}
                paid = mean["refinement"] + mean["exploration"]
                holds += paid > float(one.sel(part="control", limit="upper"))
                fails += paid < float(one.sel(part="control", limit="lower"))
                if name == WORLD:
                    shares.append(mean["exploration"] / mean["excess"])
                parts = (text(one.sel(part=part)) for part in (*PARTS, "excess"))
                rows.append((name, str(learner), f"{V:.3g}", *parts))
    verdict: Verdict = verdict_of_cases(holds, fails, len(rows))
    return Finding(
        "Where a learned router's excess comes from",
        "What a learned router pays too much is paid for exploration and for what it cannot see, not for its queue.",
        verdict,
        f"In {holds} of {len(rows)} cases exploration and refinement exceed what the moving price Q/V loses. On "
        f"{WORLD} exploration is {min(shares):.0%} to {max(shares):.0%} of the excess over the oracle.",
        (
            Number("cases in which it holds", holds, f"of {len(rows)}"),
            Number("least share of exploration", 100.0 * min(shares), "%"),
            Number("largest share of exploration", 100.0 * max(shares), "%"),
        ),
        Rows(("world", "learner", "V", *PARTS, "excess"), tuple(rows)),
    )


def _bounds(llama: xr.Dataset) -> Finding:
    """Rule: T2' by a partition holds in every case; one violated case refutes it."""
    words = llama["verdict"].values
    holds, violated = int((words == "holds").sum()), int((words == "violated").sum())
    checks = int((words != "not applicable").sum())
    least = llama["bound"].min("partition")
    best = [str(llama["partition"].values[i]) for i in llama["bound"].argmin("partition").values.ravel()]
    coarse = sum(each != "types" for each in best)
    rows = [
        (str(learner), f"{V:.3g}", str(partition), *_numbers(llama.sel(learner=learner, V=V, partition=partition)))
        for learner in llama["learner"].values for V in llama["V"].values for partition in llama["partition"].values
    ]  # fmt: skip
    ratio = float(np.nanmedian((least / llama["bound"].sel(partition="types")).values))
    return Finding(
        "T2' by partition",
        "T2' holds against the best router that sees one cell, bins of s_hat, or the request type.",
        "refuted" if violated else verdict_of_cases(holds, 0, checks),
        f"Of {checks} checks (95%, Holm) {holds} hold and {violated} are violated. A coarser partition gives the least "
        f"bound in {coarse} of {len(best)} cases; the least bound is {ratio:.3g} times T2' (median).",
        (
            Number("checks that hold", holds, f"of {checks}"),
            Number("cases in which a coarser partition is best", coarse, f"of {len(best)}"),
            Number("least bound over T2', median", ratio),
        ),
        Rows(("learner", "V", "partition", "cost gap", "bound", "verdict"), tuple(rows)),
    )


def _numbers(one: xr.Dataset) -> tuple[str, str, str]:
    return f"{float(one['measured']):.4g}", f"{float(one['bound']):.4g}", str(one["verdict"].values)
