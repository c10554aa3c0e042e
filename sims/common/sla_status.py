"""Whether alpha was kept at every point of a grid, and what it cost brought to alpha (`sims.common.comparison`)."""

from __future__ import annotations

import xarray as xr

from messjax.statistics import intervals
from sims.common import comparison
from sims.common.worlds import World


def add_sla_status(result: xr.Dataset, world: World) -> xr.Dataset:
    """The dataset with the word `sla` of every point, and both ledgers brought to alpha for every stream.

    `cost_at_alpha`, `cost_exploit_at_alpha`: see `sims.common.comparison`. alpha is a number.
    """
    short = (result["alpha"] - result["satisfaction"]).transpose(..., "stream")
    result = result.assign(sla=(short.dims[:-1], comparison.sla(intervals.interval(short.values))))
    for ledger in ("cost", "cost_exploit"):
        about = {"long_name": f"{result[ledger].attrs['long_name']}, brought to alpha", "units": world.cost_unit}
        result[f"{ledger}_at_alpha"] = result[ledger].dims, comparison.at_alpha(result, world, ledger), about
    return result
