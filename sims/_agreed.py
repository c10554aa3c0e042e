"""A grid judged point by point: whether the agreement was kept, and what it cost brought to alpha (`_contest`)."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sims import _contest
from sims._worlds import World


def judged(found: xr.Dataset, world: World) -> xr.Dataset:
    """The dataset with the word `sla` of every point, and both ledgers brought to alpha for every stream.

    `cost_at_alpha`, `cost_exploit_at_alpha`: see `_contest`. alpha is a number.
    """
    dims = found["cost"].transpose(..., "stream").dims[:-1]
    words = np.empty([found.sizes[d] for d in dims], dtype="<U9")
    for index in np.ndindex(words.shape):
        one = found[["cost", "cost_exploit", "satisfaction"]].isel(dict(zip(dims, index, strict=True)))
        words[index] = _contest.score(one, world).sla
    found = found.assign(sla=(dims, words))
    for ledger in ("cost", "cost_exploit"):
        about = {"long_name": f"{found[ledger].attrs['long_name']}, brought to alpha", "units": world.cost_unit}
        found[f"{ledger}_at_alpha"] = found[ledger].dims, _contest.at_alpha(found, world, ledger), about
    return found
