"""A grid judged point by point: whether the agreement was kept, and what it cost brought to alpha (`_contest`)."""

from __future__ import annotations

import xarray as xr

from messjax import stats
from sims import _contest
from sims._worlds import World


def judged(found: xr.Dataset, world: World) -> xr.Dataset:
    """The dataset with the word `sla` of every point, and both ledgers brought to alpha for every stream.

    `cost_at_alpha`, `cost_exploit_at_alpha`: see `_contest`. alpha is a number.
    """
    short = (found["alpha"] - found["satisfaction"]).transpose(..., "stream")
    found = found.assign(sla=(short.dims[:-1], _contest.sla(stats.interval(short.values))))
    for ledger in ("cost", "cost_exploit"):
        about = {"long_name": f"{found[ledger].attrs['long_name']}, brought to alpha", "units": world.cost_unit}
        found[f"{ledger}_at_alpha"] = found[ledger].dims, _contest.at_alpha(found, world, ledger), about
    return found
