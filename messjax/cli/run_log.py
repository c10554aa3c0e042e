"""`messjax replay --log FILE`: the decisions of one policy on a trace, as a decision log."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax

from messjax.engine import decision_log
from messjax.evaluation import comparison
from messjax.traces import Trace
from messjax.traces.logs.log_writer import SUFFIXES, write_log
from messjax.traces.texts import Texts
from messjax.types import Controls, Policy, Stream


def add_options(parser: argparse.ArgumentParser) -> None:
    """`--log` and `--log-policy`."""
    parser.add_argument(
        "--log",
        type=Path,
        metavar="FILE",
        help=f"write what one policy decided for every request as a decision log ({', '.join(SUFFIXES)}), with the "
        "probabilities of its choices, for `messjax evaluate`: the first replay, at the first V, alpha and c",
    )
    parser.add_argument(
        "--log-policy",
        default=comparison.MESS_PLUS,
        metavar="NAME",
        help="the policy that is logged, by its name in the table (default: MESS+)",
    )


def check(args: argparse.Namespace, everyone: Mapping[str, Policy]) -> None:
    """Refuse what `write` could not write, before anything runs.

    Args:
        args: The command's options.
        everyone: The policies of the table, by name.

    Raises:
        ValueError: No policy of that name, or a file of another kind.
    """
    if args.log and args.log.suffix not in SUFFIXES:
        raise ValueError(f"--log: found {args.log.name!r}, expected a name that ends with {', '.join(SUFFIXES)}")
    if args.log_policy not in everyone:
        raise ValueError(f"--log-policy: found {args.log_policy!r}, expected one of {', '.join(everyone)}")


def write(
    args: argparse.Namespace, V: list[float], everyone: Mapping[str, Policy], stream: Stream, trace: Trace
) -> dict[str, Any]:
    """Run the policy once more and write its log; says what the log can be used for.

    Args:
        args: The command's options.
        V: Weights of cost where none are given.
        everyone: The policies of the table, by name.
        stream: The trace as a stream.
        trace: The trace, for texts and names.

    Returns:
        What was written, for JSON.
    """
    controls = Controls(V=(args.V or V)[0], alpha=args.alpha[0], c=args.c[0], a=args.a)
    key = jax.random.fold_in(jax.random.key(args.seed), 0)
    log = decision_log.logged_run(
        key, controls, policy=everyone[args.log_policy], stream=stream, horizon=len(trace.prompts),
        models=trace.models, cost_unit=trace.cost_unit,
    )  # fmt: skip
    rows = decision_log.served_rows(key, stream, log)
    texts = Texts.of(trace.prompts[int(n)] for n in rows)
    named = log._replace(  # the numbers of the trace, which a run rounds to float32
        texts=texts, score=trace.satisfaction[rows, log.action], cost=trace.cost[rows, log.action],
        known_cost=trace.cost[rows],
    )  # fmt: skip
    if any(texts):
        named = named._replace(features=None, feature_names=())
    if len(trace.ids):
        named = named._replace(ids=Texts.of(trace.ids[int(n)] for n in rows))
    path = write_log(named, args.log)
    print(f"wrote {path}: {len(rows):,} decisions of {args.log_policy} at V = {controls.V:.3g}, c = {controls.c:g}")
    page: dict[str, Any] = {"path": str(path), "policy": args.log_policy, "requests": len(rows)}
    if log.propensity is None:
        print(f"note: {args.log_policy} does not know the probabilities of its choices: the log has none")
        return page | {"every_model_possible": None}
    possible = log.propensity > 0 if log.eligible is None else (log.propensity > 0) | ~log.eligible
    share = float(possible.all(axis=1).mean())
    print(f"every model could have been chosen on {share:.1%} of them: only there other policies are identified")
    print(f"What other policies would have done: messjax evaluate {shlex.quote(str(path))} --alpha {controls.alpha:g}")
    return page | {"every_model_possible": share}
