"""The fast path: the requests, coins and decisions of `simulate.run`, several times faster. A package to read in order.

`worlds` draws a chunk of requests for a block of streams into arrays that stay in cache. `beliefs` makes the
predictions for the chunk and learns from what is explored: neither looks at V, alpha or the queue, so this is shared.
`serve` is the loop that decides and moves the queue, one int32 per lane. `account` adds up what the meters want
to know, and `engine` puts them together and says which worlds it covers. Everything else takes the general path
of `simulate`, against which this one is tested decision by decision.
"""

from typing import TYPE_CHECKING

from messjax import lazy_imports

if TYPE_CHECKING:
    from messjax.engine.fast.run import best_block, run_block, supported, unsupported_reason

__all__ = ["best_block", "run_block", "supported", "unsupported_reason"]
__getattr__, __dir__ = lazy_imports.attach(__name__)
