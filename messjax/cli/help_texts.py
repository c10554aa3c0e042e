"""What the help pages of the commands say: what each command does, sections of options, examples that can be pasted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

COMMANDS = {  # what each does; messjax.cli.NAME_command has its options and runs it
    "recommend": "which policy a recorded trace recommends at an SLA target, how surely, and why",
    "evaluate": "what other policies would have cost and satisfied, from a log of one answer per request",
    "replay": "MESS+ and its baselines on a recorded trace",
    "bench": "routers compared on one protocol, beside the static mix that spends as much",
    "certify": "what a run on a recorded trace certifies: SLA by the queue, satisfaction at any time, regret",
    "simulate": "MESS+ and its baselines on a stream calibrated to a zoo",
    "optimum": "C*, gamma* and the optimal mixture of a zoo or a trace",
    "trace": "what a recorded trace holds, what is wrong with it; convert it; a made-up one to try things with",
    "report": "one page to look at of a folder of results, with figures that can be asked and tables that sort",
    "completion": "a script that lets a shell complete commands and options",
}

SECTIONS = {  # options of every command by what they are about; those that are in none are "options"
    "what is asked": ("alpha", "budgets", "confidence", "tolerance", "level", "track"),
    "what is read": (
        *("zoo", "trace", "synthetic", "format", "columns", "metric", "filter", "score-words", "encoding", "on-bad"),
        *("missing", "scores", "repeats", "sessions", "features", "dim", "pooling"),
    ),
    "models and their costs": (
        *("models", "exclude", "models-with-data", "cost", "prices", "parameters", "cost-unit"),
    ),
    "what is compared": (
        *("policies", "prefix", "also", "scenarios", "estimator", "interval", "training"),
        *("V", "c", "a", "f", "predictor", "learning-rate"),
    ),
    "what is run": (
        *("horizon", "streams", "seeds", "labels", "order", "held-out", "cells", "seed", "quick", "recommend"),
    ),
    "what is shown and written": ("all", "json", "csv", "export", "out", "report", "fresh", "to", "force"),
    "the program": ("help", "version", "config", "memory", "no-cache", "distributed"),
}

DEMO = "messjax trace demo demo.parquet"
DEMO_LOG = "messjax trace demo log.csv --log"
LOG_COLUMNS = "prompt=q,model=m,score=s,cost=usd,propensity=p"


class Example(NamedTuple):
    """Commands to paste, one after another, and what they are for."""

    commands: tuple[str, ...]
    what: str


EXAMPLES = {  # of each help page, by the words that come before --help
    "": (
        Example(("messjax simulate --zoo llama3 --alpha 0.667 --V 1,10,100",), "try MESS+ on a calibrated stream"),
        Example((DEMO, "messjax recommend demo.parquet --alpha 0.75"), "from a trace to a recommendation"),
    ),
    "recommend": (
        Example((DEMO, "messjax recommend demo.parquet --alpha 0.75"), "which policy, at what cost, how surely"),
        Example(
            ("messjax recommend demo.parquet --alpha 0.75 --export router/ --fresh",), "and write it for messjax.deploy"
        ),
    ),
    "evaluate": (
        Example((DEMO_LOG, f"messjax evaluate log.csv --alpha 0.7 --columns {LOG_COLUMNS}"), "judge other policies"),
    ),
    "replay": (
        Example((DEMO, "messjax replay demo.parquet --alpha 0.75"), "MESS+ beside every single model"),
        Example(("messjax replay demo.parquet --alpha 0.7,0.8 --V 1,10 --fresh",), "a grid of targets and weights"),
    ),
    "bench": (
        Example(
            ("messjax bench --synthetic --quick --scenarios stationary --policies MESS+",),
            "the protocol, small",
        ),
    ),
    "certify": (Example((DEMO, "messjax certify demo.parquet --alpha 0.7"), "what one run shows"),),
    "simulate": (
        Example(("messjax simulate --zoo llama3 --alpha 0.667 --V 1,10,100",), "three weights of cost"),
        Example(("messjax simulate --config results/simulate.toml --V 30 --fresh",), "the same again with another V"),
    ),
    "optimum": (
        Example(("messjax optimum --zoo llama3 --alpha 0.6,0.667",), "of a zoo"),
        Example((DEMO, "messjax optimum --trace demo.parquet --alpha 0.75"), "of a trace"),
    ),
    "trace": (Example((DEMO, "messjax trace info demo.parquet"), "a made-up trace, and what it holds"),),
    "trace info": (Example((DEMO, "messjax trace info demo.parquet"), "what a trace holds"),),
    "trace lint": (Example((DEMO, "messjax trace lint demo.parquet"), "what is wrong with a trace"),),
    "trace convert": (
        Example((DEMO, "messjax trace convert demo.parquet --exclude medium --to two.parquet"), "without one model"),
    ),
    "trace demo": (
        Example((DEMO,), "a trace: every model answers every request"),
        Example((DEMO_LOG,), "a decision log: one model answers each request"),
    ),
    "report": (
        Example(
            ("messjax simulate --zoo llama3 --alpha 0.667 --V 1,10,100 --fresh", "messjax report results"),
            "run, then write results/report.html",
        ),
    ),
    "completion": (
        Example(('eval "$(messjax completion bash)"',), "for this shell; put the line into ~/.bashrc for all"),
    ),
}


def epilog(words: str, examples: Mapping[str, Sequence[Example]] = EXAMPLES) -> str | None:
    """The examples at the end of a help page.

    Args:
        words: The command, "trace info".
        examples: Those of all pages of a program.

    Returns:
        The text; None for a page without examples.
    """
    if words not in examples:
        return None
    lines = ["examples:"]
    for example in examples[words]:
        lines += [f"  # {example.what}", *(f"  {command}" for command in example.commands)]
    return "\n".join(lines)
