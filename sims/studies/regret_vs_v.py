"""Claim: V trades cost against the SLA as the theory of MESS+ says, for an oracle and for learned predictors.

Cost gap, violation, queue and adjusted regret against V, each measured on independent streams beside its bounds in
docs/theory (T1, T2, T3, T5, T6 and their sharper forms, constants re-derived there) and beside V gamma*; and what cost
gap and regret are made of, by the identities I1 to I4, which must hold as equalities.

    python -m sims regret_vs_v [--quick] [--out DIR]
"""

from __future__ import annotations

import sys
from typing import NamedTuple

import jax
import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from rich import box
from rich.table import Table

from messjax import meters, plot, policies, predictors, runtime, streams, theory, zoo
from messjax.engine.grid_sweep import sweep
from messjax.theory.attraction import T6_MEAN
from messjax.theory.catalogue import OF_A_SWEEP, OF_TERMS
from messjax.theory.duality import T5_REGRET
from messjax.types import Controls, Distribution, Policy
from sims.common.finding import Finding, Number, Rows, Verdict, verdict_of_cases
from sims.common.study import Study


class Setting(NamedTuple):
    """What is run: the grid, its size, and the zoo's SLA."""

    V: tuple[float, ...]
    horizon: int
    num_streams: int
    alpha: float = 0.667
    c: float = 0.1
    seed: int = 7


FULL = Setting(V=(1.0, 3.0, 10.0, 30.0, 100.0), horizon=60_000, num_streams=1024)
QUICK = Setting(V=(1.0, 3.0, 10.0), horizon=4_000, num_streams=1024)


JUDGED = (*OF_A_SWEEP, T6_MEAN, *OF_TERMS)
FORMS = {  # what is measured: its bounds, from the first form on; those that decompose come last
    "cost gap": ("T2 cost gap", "T2'", "T2''"),
    "regret": ("R'",),
    "queue": ("T1 queue", "T1'", "T1''"),
    "mean queue": ("T3 mean queue", "T3'", "T6 mean", "T6'"),
}
TARGETS = {"T2''": 3.0, "R'": 3.0, "T1''": 2.0}  # looseness wanted wherever the cost gap is three errors from zero


def requests() -> Distribution:
    """The law of the requests: sixteen grades of difficulty, calibrated to the zoo."""
    llama = zoo.get("llama3")
    return streams.graded(llama.mean_cost(), llama.mean_accuracy())


def contenders(distribution: Distribution, quick: bool) -> dict[str, Policy]:
    """MESS+ with an oracle and with what it can learn online: running means, and the linear head of [M25]'s rule."""
    num_types, num_models = np.shape(distribution.mean)
    result = {
        "oracle": policies.mess_plus(predictors.oracle(streams.types(distribution))),
        "learned, running means": policies.mess_plus(predictors.tabular(num_types, num_models)),
    }
    if not quick:
        result["learned, linear SGD"] = policies.mess_plus(predictors.linear(num_types, num_models))
    return result


def run(setting: Setting, quick: bool) -> xr.Dataset:
    """Per-stream metrics of every contender on every V, with the verdicts: dimensions policy, V, stream, statement."""
    llama, distribution = zoo.get("llama3"), requests()
    with runtime.progress(setting.num_streams * setting.horizon, "requests") as report:
        result = sweep(
            jax.random.key(setting.seed),
            Controls(V=np.array(setting.V), alpha=setting.alpha, c=setting.c),
            policy=contenders(distribution, quick),
            stream=streams.types(distribution),
            horizon=setting.horizon,
            num_streams=setting.num_streams,
            models=llama.models,
            cost_unit=llama.cost_unit,
            progress=report,
            meter=meters.zip_meters(meters.standard(), meters.decomposition(distribution, setting.alpha)),
        )
    judged = theory.judge(result, distribution, statements=JUDGED, correction="none")
    both = result.merge(judged, combine_attrs="drop_conflicts")
    terms = theory.decompose(result, distribution)["cost_gap_terms"]  # for the page of `messjax report`
    both["cost_gap_terms"] = terms.rename(term="part")  # the verdicts have terms of their own
    both.attrs["setting"] = str(setting)
    return both


def looseness_tables(dataset: xr.Dataset) -> list[Table]:
    """Bound over measured of old and new forms, a table per policy and a row per V."""
    return [_looseness(dataset.sel(policy=policy), str(policy)) for policy in dataset["policy"].values]


def _looseness(dataset: xr.Dataset, policy: str) -> Table:
    out = Table(
        title=f"{policy}: bound over measured cost gap, regret, queue, mean queue",
        caption='"-": not applicable, or below zero; *: gap within 3 standard errors of 0',
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    names = [name for forms in FORMS.values() for name in forms]
    for column in ("V", "gap", *(name.split()[0] for name in names)):
        out.add_column(column, justify="right", no_wrap=True)
    clear = clear_gaps(dataset)
    for V in dataset["V"].values:
        at = dataset.sel(V=V)
        star = "" if bool(clear.sel(V=V)) else "*"
        loose = [float(at["looseness"].sel(statement=name)) for name in names]
        gap = f"{float(at['measured'].sel(statement='T2 cost gap')):.3f}{star}"
        out.add_row(f"{V:g}", gap, *(f"{value:.3g}" if np.isfinite(value) else "-" for value in loose))
    return out


def clear_gaps(dataset: xr.Dataset) -> xr.DataArray:
    """Where the cost gap is at least three standard errors from zero."""
    gaps = dataset["cost"] - dataset["optimal_cost"]
    error = gaps.std("stream", ddof=1) / np.sqrt(gaps.sizes["stream"])
    return abs(gaps.mean("stream")) >= 3.0 * error


def targets(dataset: xr.Dataset) -> list[str]:
    """Of each statement with a target at how many points with a clear cost gap it is reached, in words."""
    clear, words = clear_gaps(dataset).transpose("policy", "V").values, []
    for name, target in TARGETS.items():
        loose = dataset["looseness"].sel(statement=name).transpose("policy", "V").values[clear]
        loose = loose[np.isfinite(loose)]  # none where the gap is negative
        reached = int((loose <= target).sum())
        words.append(f"{name} within {target:g} at {reached} of {loose.size} points (largest {loose.max():.2g})")
    return words


def table(dataset: xr.Dataset) -> Table:
    """One row per policy, V and statement that a sweep is judged by; the sharper forms are in `looseness_tables`."""
    dataset = dataset.sel(statement=[each.name for each in OF_A_SWEEP])
    unit = dataset.attrs["cost_unit"]
    out = Table(
        title=f"MESS+ against V on the calibrated llama3 zoo; cost in {unit} per request, 95% intervals over streams",
        caption="\n".join(gate(dataset)),
        caption_justify="left",
    )
    for column in ("predictor", "statement", "V", "measured", "interval", "bound", "looseness", "verdict"):
        out.add_column(column, justify="left" if column in ("predictor", "statement", "verdict") else "right")
    for policy in dataset["policy"].values:
        for statement in dataset["statement"].values:
            for V in dataset["V"].values:
                row = dataset.sel(policy=policy, statement=statement, V=V)
                bound = float(row["bound"])
                out.add_row(
                    str(policy),
                    str(statement),
                    f"{V:g}",
                    f"{float(row['measured']):.4g}",
                    f"[{float(row['measured_lower']):.4g}, {float(row['measured_upper']):.4g}]",
                    (">= 0" if statement == T5_REGRET.name else f"<= {bound:.4g}") if np.isfinite(bound) else "none",
                    f"{float(row['looseness']):.3g}" if np.isfinite(row["looseness"]) else "-",
                    str(row["verdict"].values),
                )
            out.add_section()
    return out


def gate(dataset: xr.Dataset) -> list[str]:
    """The horizon gate, and how settled each queue is: limits in V mean something only where T >> V gamma*."""
    at = dataset.isel(V=-1)
    V, gamma, T = float(at["V"]), float(at["gamma"]), dataset.attrs["horizon"]
    lines = [f"gate T >> V gamma*: T = {T:,}, largest V gamma* = {V * gamma:,.0f}, ratio {T / (V * gamma):.0f}"]
    for policy in dataset["policy"].values:
        one = at.sel(policy=policy)
        mean, last, S = (float(one[name].mean()) for name in ("queue_mean", "queue_last", "S"))
        worst = float(one["error_max"].max())
        lines.append(
            f"  {policy}: at V = {V:g} mean Q {mean:,.0f}, last Q {last:,.0f} (V gamma* = {V * gamma:,.0f}); "
            f"S_T/T = {S / T:.3g}; largest e_t {worst:.2g}{_t3_not_applicable(one)}"
        )
    return lines


def _t3_not_applicable(one: xr.Dataset) -> str:
    reason = str(one["reason"].sel(statement="T3 mean queue").values)
    return f": T3 is not applicable, its {reason}" if reason else ""


DECOMPOSING = (
    "T1''",
    "T2''",
    "R'",
)  # equal to what is measured but for what they drop: often too tight to be told apart
IDENTITIES = ("I1", "I2", "I3", "I4")


def findings(dataset: xr.Dataset) -> list[Finding]:
    """One. Rule, per check of a bound that predicts, or of an identity: it holds. One violated check refutes the claim.

    Bounds that decompose (T1'', T2'', R') are counted where they are violated only: R' is all but equal to the regret.
    """
    own = ~np.isin(dataset["implied_by"].values, dataset["statement"].values)  # older forms follow from others
    words = dataset["verdict"].isel(statement=own)
    violated = int((words == "violated").sum())
    predicting = words.sel(statement=~np.isin(words["statement"].values, DECOMPOSING))
    holds = int((predicting == "holds").sum())
    checks = int(((predicting == "holds") | (predicting == "violated") | (predicting == "undecided")).sum())
    verdict: Verdict = "refuted" if violated else verdict_of_cases(holds, 0, checks)
    ratio = dataset["queue_last"].mean("stream").sel(policy="oracle") / (dataset["V"] * dataset["gamma"])
    return [
        Finding(
            "Trade-off in V: bounds of the theory",
            "V trades cost against the SLA as the theory of MESS+ says, for an oracle and for learned predictors.",
            verdict,
            f"Of {checks} checks of T1 to T3, T5, T6, of their sharper forms T1', T2', T3', T6' and of the identities "
            f"I1 to I4 (each at 95%, not corrected for their number) {holds} hold, and {violated} checks are violated. "
            f"{_sharp(dataset)} With an oracle the queue after the last request is {float(ratio[-1]):.3f} times "
            f"V gamma* at V = {float(dataset['V'][-1]):g}, as the theory says it should be about 1.",
            (
                Number("checks that hold", holds, f"of {checks}"),
                Number("violated", violated),
                Number("queue of an oracle over V gamma*", float(ratio[-1])),
            ),
            Rows(("predictor", "statement", f"outcome at {dataset.sizes['V']} V", "bound / measured"), _rows(dataset)),
        )
    ]


def _rows(dataset: xr.Dataset) -> tuple[tuple[str, ...], ...]:
    """Outcomes and looseness by policy and statement, the identities together."""
    rows = []
    groups = {name: [name] for name in dataset["statement"].values if name not in IDENTITIES} | {
        "I1 to I4": list(IDENTITIES)
    }
    for policy in dataset["policy"].values:
        for name, statements in groups.items():
            one = dataset.sel(policy=policy, statement=statements)
            names, counts = np.unique(one["verdict"].values.astype(str), return_counts=True)
            looseness = one["looseness"].values[np.isfinite(one["looseness"].values)]
            shown = looseness.size and name != "I1 to I4"
            loose = f"{looseness.min():.2g} to {looseness.max():.2g}" if shown else "-"
            text = ", ".join(f"{count} {word}" for word, count in zip(names, counts, strict=True))
            rows.append((str(policy), str(name), text, loose))
    return tuple(rows)


def _sharp(dataset: xr.Dataset) -> str:
    """How loose the sharper forms are, and for whom T3' speaks."""
    speaks = xr.apply_ufunc(np.isfinite, dataset["bound"].sel(statement="T3'")).all("V")
    who = [str(name) for name in dataset["policy"].values[speaks.values]]
    return (
        "Where the cost gap is at least three standard errors from zero, bound over measured of the bounds that "
        f"decompose is: {', '.join(targets(dataset))}. T3' speaks at every V for {len(who)} of "
        f"{dataset.sizes['policy']} predictors."
    )


def figure(dataset: xr.Dataset) -> Figure:
    """The four panels of `plot.versus_v`, and what cost gap and regret are made of."""
    setting = f"{dataset.sizes['stream']:,} streams per V, T = {dataset.attrs['horizon']:,}"
    title = (
        "MESS+ on requests calibrated to the Llama 1B/8B/70B zoo: measured and bounds\n"
        f"({setting}, alpha = {float(dataset['alpha']):g}; 95% intervals)"
    )
    shown = dataset.drop_dims("stream").assign(gamma=dataset["gamma"])
    terms = theory.decompose(dataset, requests())
    return plot.versus_v(shown, title=title, cost_unit=dataset.attrs["cost_unit"], terms=terms)


WORLD = "llama3"
STUDY = Study(
    "regret_vs_v",
    __doc__,
    run=lambda quick: {WORLD: run(QUICK if quick else FULL, quick)},
    tables=lambda result: [table(result[WORLD]), *looseness_tables(result[WORLD])],
    figure=lambda result: figure(result[WORLD]),
    findings=lambda result: findings(result[WORLD]),
    quick="three V, a short horizon, two predictors: seconds",
)
main = STUDY.main


if __name__ == "__main__":
    sys.exit(main())
