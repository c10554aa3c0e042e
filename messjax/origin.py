"""Where a result comes from: versions, commit and devices, and the components of a run in words."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import platform
import re
import subprocess
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import jax
import numpy as np

from messjax.numerics.array_cache import ArrayCache
from messjax.types import Policy

__all__ = ["describe", "describe_policy", "now", "provenance"]


@functools.cache
def provenance() -> dict[str, Any]:
    """Versions, git commit and devices of this process.

    Returns:
        Attributes for a Dataset, by name.
    """
    devices = jax.devices()
    versions = {f"version_{name}": _version(name) for name in ("messjax", "jax", "jaxlib", "numpy", "optax", "xarray")}
    return versions | {
        "version_python": platform.python_version(),
        "git_commit": _commit(),
        "device": f"{len(devices)} x {devices[0].platform}:{devices[0].device_kind}",
    }


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"


def _commit() -> str:
    root = Path(__file__).parents[1]
    if not (root / ".git").exists():
        return "unknown"
    git = functools.partial(subprocess.run, cwd=root, capture_output=True, text=True, check=False)
    try:
        head = git(["git", "rev-parse", "HEAD"]).stdout.strip() or "none"
        changed = git(["git", "status", "--porcelain", "--untracked-files=no"]).stdout.strip()
    except OSError:
        return "unknown"
    return f"{head}+changes" if changed else head


def describe(function: Any) -> str:
    """A component in words, for provenance: its name, its settings and its arrays.

    Args:
        function: A function of a component, usually a Partial.

    Returns:
        One line; large arrays are given by shape and digest.
    """
    bare = getattr(function, "func", function)
    if dataclasses.is_dataclass(bare):
        name = re.sub(r" at 0x[0-9a-f]+", "", repr(bare))
    else:
        name = getattr(bare, "__qualname__", type(bare).__name__)
    module = getattr(bare, "__module__", type(bare).__module__).removeprefix("messjax.")
    parts = []
    for leaf in jax.tree.leaves(getattr(function, "args", ()), is_leaf=callable):
        parts.append(describe(leaf) if callable(leaf) else _describe_array(leaf))
    return f"{module}.{name}({', '.join(parts)})"


def describe_policy(policy: Policy) -> str:
    """A policy in words, for provenance: what it does and, where that has numbers of its own, what it starts from.

    Args:
        policy: The policy.

    Returns:
        One line.
    """
    text = {id(leaf) for leaf in jax.tree.leaves(policy.act)}
    own = [leaf for leaf in jax.tree.leaves(policy.init) if id(leaf) not in text]
    return describe(policy.act) + (f" from {describe(policy.init)}" if own else "")


def _describe_array(leaf: Any) -> str:
    if jax.dtypes.issubdtype(getattr(leaf, "dtype", None), jax.dtypes.prng_key):
        leaf = jax.random.key_data(leaf)
    if np.size(leaf) <= 8:
        return np.array2string(np.asarray(leaf), separator=",", precision=6).replace("\n", "")
    return f"{np.shape(leaf)}:{_DIGESTS.of(leaf, _digest)}"


def _digest(leaf: Any) -> str:
    return hashlib.sha256(np.ascontiguousarray(leaf).data).hexdigest()[:12]


_DIGESTS = ArrayCache()  # hashing a trace's features takes as long as serving a million requests


def now() -> str:
    """The time of day for provenance.

    Returns:
        UTC in ISO 8601, to the second.
    """
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
