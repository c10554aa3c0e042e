"""Options of commands that need features of a trace's texts, and the features that they ask for."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from messjax import features, runtime
from messjax.traces import Trace

if TYPE_CHECKING:
    from messjax.features.encoder import Embedded

Result: TypeAlias = "tuple[int, Embedded]"  # where texts were cut, and what came of them

STATIC = "static"


def add_options(parser: argparse.ArgumentParser) -> None:
    """`--features`, `--dim` and `--pooling`."""
    if isinstance(parser, runtime.Parser):
        parser.pairs = {"--features": STATIC}
    parser.add_argument(
        "--features",
        default="ngrams",
        metavar="WHAT",
        help="features of the prompts: ngrams (hashed), the folder of a text encoder, or `static FOLDER` of static "
        "embeddings (default: ngrams)",
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
    with runtime.progress(len(trace.prompts), "texts") as report:
        what, _, folder = args.features.partition(" ")
        max_tokens, result = _static(args, folder, trace, report) if what == STATIC else _encoded(args, trace, report)
    if cut := int(result.cut.sum()):
        print(f"note: {cut:,} of {len(result.cut):,} texts have more than {max_tokens} tokens and were cut")
    return result.rows


def _static(args: argparse.Namespace, folder: str, trace: Trace, report: Callable[[int, int], None]) -> Result:
    from messjax.features import static  # its packages are an extra

    if not folder.strip():
        raise ValueError(f"--features {STATIC}: found no folder, expected {static.FILES} after it")
    if args.pooling:
        raise ValueError(f"--pooling: static embeddings are averaged, expected none beside --features {STATIC}")
    model = static.load(Path(folder.strip()))
    return model.max_tokens, static.embed(model, trace.prompts, progress=report)


def _encoded(args: argparse.Namespace, trace: Trace, report: Callable[[int, int], None]) -> Result:
    from messjax.features import encoder, static  # their packages are an extra

    folder = Path(args.features)
    if static.is_static(folder):
        raise ValueError(f"--features: {folder} holds static embeddings, expected --features {STATIC} {folder}")
    model = encoder.load(folder, args.pooling)
    return model.max_tokens, encoder.embed(model, trace.prompts, cache=not args.no_cache, progress=report)
