"""`--policies`: policies by name and from Python files of one's own, for `replay`, `simulate` and `recommend`."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from messjax import user_files
from messjax.evaluation import trained_routers
from messjax.types import Policy, Stream

ALWAYS = ("mess+", "single", "uniform", "mixture")  # what tables compare with is always there
PREFIX = 1_000  # requests of a simulated stream that routers are trained on
OWN_FILE = "FILE.py with a function policy(num_features, num_models) -> messjax Policy, or with policies as values"


class Wanted(NamedTuple):
    """What `--policies` names.

    Attributes:
        names: Names, of those that the command knows.
        files: Python files of one's own.
    """

    names: tuple[str, ...]
    files: tuple[Path, ...]


def add_options(parser: argparse.ArgumentParser, *, prefix: bool) -> None:
    """`--policies` of `replay` and `simulate`; `prefix`: also the share of a trace that routers are trained on."""
    parser.add_argument(
        "--policies",
        default=",".join(ALWAYS),
        metavar="A,B,...",
        help=f"policies beside {', '.join(ALWAYS)}, which are always there: {', '.join(trained_routers.NAMES)} "
        f"(trained on a prefix), and {OWN_FILE}",
    )
    if prefix:
        parser.add_argument(
            "--prefix",
            type=float,
            default=0.3,
            metavar="SHARE",
            help=f"share of the requests, drawn at random, that {', '.join(trained_routers.NAMES)} are trained on and "
            "that no policy then serves (default: 0.3)",
        )


def parse(text: str, known: Sequence[str]) -> Wanted:
    """Split names from files.

    Raises:
        ValueError: A name that is unknown; those that it is near to are proposed.
    """
    entries = [entry.strip() for entry in text.split(",") if entry.strip()]
    files = [Path(entry) for entry in entries if entry.endswith(".py")]
    names = [entry.lower() for entry in entries if not entry.endswith(".py")]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=2, cutoff=0.5)
            meant = f" (did you mean {' or '.join(near)}?)" if near else ""
            raise ValueError(f"--policies: found {name!r}{meant}, expected some of {', '.join(known)}, or a FILE.py")
    return Wanted(tuple(dict.fromkeys(names)), tuple(dict.fromkeys(files)))


def load(path: Path, num_features: int, num_models: int) -> dict[str, Policy]:
    """The policies of a Python file: what its function `policy` makes, and its values that are policies.

    Args:
        path: The file.
        num_features: Number of features d of a request.
        num_models: Number of models M.

    Returns:
        Policies by name: the file's name, and that of the value.

    Raises:
        ValueError: No such file, one that does not run, or one without a policy. The message names the file.
    """
    module = user_files.run_file(path, OWN_FILE)
    make: Any = getattr(module, "policy", None)
    is_function = callable(make) and not isinstance(make, Policy)
    made = user_files.run(path, lambda: make(num_features, num_models)) if is_function else None
    found = {path.stem: made} if made is not None else {}
    found |= {f"{path.stem}.{name}": value for name, value in vars(module).items() if isinstance(value, Policy)}
    if not found:
        raise ValueError(f"{path}: found no policy, expected {OWN_FILE}")
    for name, value in found.items():
        if not isinstance(value, Policy):
            raise ValueError(f"{path}: policy() returned {type(value).__name__} for {name}, expected a messjax Policy")
    return found


def own(files: Sequence[Path], num_features: int, num_models: int) -> dict[str, Policy]:
    """The policies of all files by name."""
    found: dict[str, Policy] = {}
    for path in files:
        found |= load(path, num_features, num_models)
    return found


def beside(
    wanted: Wanted, prefix: trained_routers.Prefix | None, alpha: float, shape: tuple[int, int]
) -> dict[str, Policy]:
    """What is compared beside `comparison.contenders`: trained routers, then policies of one's own.

    Args:
        wanted: What `parse` returned.
        prefix: What routers are trained on, where any are.
        alpha: Where the threshold rule chooses its two models.
        shape: Number of features and of models.

    Returns:
        Policies by name.
    """
    names = [name for name in wanted.names if name in trained_routers.NAMES]
    routers = trained_routers.trained(names, prefix, alpha) if names and prefix is not None else {}
    return routers | own(wanted.files, *shape)


def drawn_prefix(stream: Stream, seed: int, num: int = PREFIX) -> trained_routers.Prefix:
    """Requests of an endless stream, drawn with a key that no run has.

    Args:
        stream: The stream.
        seed: Seed of the command.
        num: How many.

    Returns:
        The prefix.
    """
    key = jax.random.fold_in(jax.random.key(seed), 2**31 - 1)
    keys = jax.random.split(key, num)
    state = stream.init(key)
    drawn = jax.vmap(lambda key, t: stream.draw(key, state, t)[1])(keys, jax.numpy.arange(1, num + 1))
    return trained_routers.Prefix(
        *(np.asarray(each, np.float64) for each in (drawn.features, drawn.satisfaction, drawn.cost))
    )


def share(args: argparse.Namespace) -> float:
    """--prefix, checked."""
    if not 0.0 < args.prefix < 1.0:
        raise ValueError(f"--prefix: expected a share between 0 and 1, found {args.prefix}")
    return float(args.prefix)
