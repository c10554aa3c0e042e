"""Numbers that stay exact: the virtual queue, compensated sums, random words by counting, 32-bit types, caches."""

from typing import TYPE_CHECKING

from messjax import lazy_imports

if TYPE_CHECKING:
    from messjax.numerics import array_cache, compensated, counter_prng, precision, virtual_queue

__all__ = [
    "array_cache",
    "compensated",
    "counter_prng",
    "precision",
    "virtual_queue",
]
__getattr__, __dir__ = lazy_imports.attach(__name__)
