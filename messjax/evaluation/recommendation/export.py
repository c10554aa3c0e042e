"""A recommended policy as a folder that `messjax.deploy.Router` loads: JSON and npz."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from messjax import files, origin
from messjax.deploy import exported, router
from messjax.engine.simulation import component_keys
from messjax.evaluation.recommendation import kinds, words
from messjax.evaluation.recommendation.decision import Recommendation
from messjax.evaluation.recommendation.kinds import Family
from messjax.evaluation.recommendation.requests import Projection
from messjax.numerics import virtual_queue
from messjax.policies.dual_price import price_at, prices

WITHOUT_FEATURES = (kinds.SINGLE, kinds.MIXTURE)


def rule_of(family: Family, g: int, models: tuple[str, ...], cost: np.ndarray, seed: int, stream: int = 0) -> tuple:
    """What a router decides by.

    Args:
        family: The family.
        g: Number of the setting.
        models: Names of the models.
        cost: Mean cost of each model [M].
        seed: Seed of the draws.
        stream: Number of the stream whose draws are made, as in `runs.play`.

    Returns:
        The numbers (a dict for JSON) and the arrays by name.

    Raises:
        ValueError: A candidate that cannot be exported: a policy of the user's own.
    """
    if family.kind not in kinds.NAMES:
        raise ValueError(f"--export: {family.name} is a policy of your own, expected one of {', '.join(kinds.NAMES)}")
    key = component_keys(jax.random.fold_in(jax.random.key(seed), stream))[1]
    rule: dict[str, Any] = {"version": router.VERSION, "kind": family.kind, "models": list(models)}
    rule |= {"prices": np.asarray(cost).tolist(), "key": [int(word) for word in jax.random.key_data(key)[:2]]}
    rule |= family.settings[g]
    parts, arrays = dict(family.parts), {}
    if family.kind == kinds.MIXTURE:
        rule["shares"] = parts["shares"][g].tolist()
    if family.kind == kinds.KNN:
        arrays = {"known": parts["features"], "satisfaction": parts["satisfaction"]}
    for name in ("model", "weak", "strong", "k"):
        if name in parts:
            rule[name] = int(parts[name])
    for name in ("theta", "inverse"):
        if name in parts:
            arrays[name] = np.asarray(parts[name], np.float64)
    if "price" in parts:
        level = price_at(prices(parts["price"], "export"), jnp.float32(rule["alpha"]))
        start = virtual_queue.of(jnp.asarray(jnp.float32(rule["V"]) * level))
        rule["queue"] = int(start.whole) * virtual_queue.UNIT + int(start.part)
    if family.kind == kinds.SERVED:
        rule["learns"] = "served"
    return rule, arrays


def write(result: Recommendation, projection: Projection, folder: Path, seed: int) -> list[Path]:
    """Write the recommended policy with its evidence.

    Args:
        result: The recommendation.
        projection: That of the features.
        folder: Where to write; made where there is none.
        seed: Seed of the draws of the exported policy.

    Returns:
        The paths.

    Raises:
        ValueError: Nothing is recommended, or it cannot be exported.
    """
    if result.answer not in ("use", "do not route"):
        raise ValueError(f"--export: nothing is recommended ({result.answer}), expected a policy that keeps alpha")
    one = result.chosen
    cost = result.parts.judging.cost.mean(axis=0)
    rule, arrays = rule_of(one.family, one.g, result.models, cost, seed)
    if one.family.kind not in WITHOUT_FEATURES:
        arrays |= {"centre": projection.centre, "components": projection.components}
    rule |= {"name": one.family.name, "cost_unit": result.cost_unit, "versions": origin.provenance()}
    rule["evidence"] = {key: value for key, value in words.as_json(result).items() if key != "groups"}
    return write_files(rule, arrays, folder)


def write_files(rule: dict[str, Any], arrays: dict[str, np.ndarray], folder: Path) -> list[Path]:
    """Write what `rule_of` gives, as `Router.load` reads it.

    Args:
        rule: The numbers.
        arrays: The arrays by name.
        folder: Where to write; made where there is none. The state of another policy there is removed.

    Returns:
        The paths.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / exported.STATE).unlink(missing_ok=True)
    content = io.BytesIO()
    np.savez(content, **arrays)  # type: ignore[arg-type]
    packed = content.getvalue()
    checksums = {exported.RULE: exported.digest(rule), exported.ARRAYS: hashlib.sha256(packed).hexdigest()}
    text = json.dumps(rule | {exported.DIGEST: checksums}, indent=1) + "\n"
    return [files.write(folder / exported.ARRAYS, packed), files.write(folder / exported.RULE, text)][::-1]
