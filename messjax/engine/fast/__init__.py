"""The fast path: the requests, exploration draws and decisions of `simulate`, several times faster.

`streams` draws a chunk of requests for a block of streams into arrays that stay in cache. `predictions` makes the
predictions for the chunk and learns from the explored requests: neither depends on V, alpha or the queue, so this is
shared. `loop` is the loop that decides and moves the queue, with one int32 per lane. `accumulators` adds up what the
meters report, `policy_groups` says which policies share a loop, and `run` puts them together and says what it
supports. Everything else takes the general path of `messjax.engine.simulation`, against which this one is tested
decision by decision.
"""

from typing import TYPE_CHECKING

from messjax import lazy_imports

if TYPE_CHECKING:
    from messjax.engine.fast.run import best_block, run_block, supported, unsupported_reason

__all__ = ["best_block", "run_block", "supported", "unsupported_reason"]
__getattr__, __dir__ = lazy_imports.attach(__name__)
