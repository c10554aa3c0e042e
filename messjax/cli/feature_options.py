"""Options of commands that need features of a trace's texts, and the features that they ask for."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from messjax import features, runtime
from messjax.traces import Trace


def add_options(parser: argparse.ArgumentParser) -> None:
    """`--features`, `--dim` and `--pooling`."""
    parser.add_argument(
        "--features",
        default="ngrams",
        metavar="WHAT",
        help="features of the prompts: ngrams (hashed), or the folder of a text encoder (default: ngrams)",
    )
    parser.add_argument(
        "--dim",
        type=runtime.whole_number(1, 65_536),
        default=256,
        help="number of hashed n-gram features (default: 256)",
    )
    parser.add_argument(
        "--pooling", choices=("cls", "mean"), help="pooling of the encoder (default: what its folder states)"
    )


def features_of(args: argparse.Namespace, trace: Trace) -> np.ndarray:
    """[N, d] of the trace's texts.

    Raises:
      ValueError: --pooling without an encoder, or as `features.encoder.load` and `embed`.
    """
    if args.features == "ngrams":
        if args.pooling:
            raise ValueError("--pooling: hashed n-grams have none, expected --features FOLDER of an encoder beside it")
        return features.hashed_ngrams(trace.prompts, dim=args.dim)
    from messjax.features import encoder  # its packages are an extra

    model = encoder.load(Path(args.features), args.pooling)
    with runtime.progress(len(trace.prompts), "texts") as report:
        result = encoder.embed(model, trace.prompts, cache=not args.no_cache, progress=report)
    if cut := int(result.cut.sum()):
        print(f"note: {cut:,} of {len(result.cut):,} texts have more than {model.max_tokens} tokens and were cut")
    return result.rows
