"""Caches of arrays: what is made of an array is made once, ends with the array, and never grows without end."""

import gc

import numpy as np
import pytest

from messjax import origin
from messjax.engine import grid_program, memory, simulation
from messjax.numerics.array_cache import ArrayCache, RecentCache, frozen
from messjax.theory import optimum


def test_an_entry_is_made_once_and_the_oldest_makes_room():
    cache, made = RecentCache(2), []
    for name in ("a", "b", "a", "c", "a", "b"):
        assert cache.of(name, lambda name=name: made.append(name) or name) == name
    assert made == ["a", "b", "c", "b"] and len(cache) == 2
    assert cache.get("c") is None and cache.get("a") == "a"


def test_an_array_takes_its_entries_along():
    cache = ArrayCache()
    array = frozen([1.0, 2.0])
    assert cache.of(array, np.sum) == cache.of(array, lambda _: pytest.fail("made twice")) == 3.0 and len(cache) == 1
    del array
    gc.collect()
    assert len(cache) == 0
    changing = np.ones(2)
    assert cache.of(changing, np.sum) == 2.0 and len(cache) == 0


def test_many_arrays_alive_do_not_grow_a_cache_without_end():
    cache = ArrayCache(size=10)
    arrays = [frozen([float(i)]) for i in range(50)]
    assert [cache.of(array, lambda a: a[0] + 1) for array in arrays] == [i + 1.0 for i in range(50)]
    assert len(cache) == 10 and cache.of(arrays[0], lambda a: a[0] + 1) == 1.0


def test_every_cache_of_the_library_has_an_end():
    caches = (
        simulation._FIT,
        memory._SIZES,
        memory._CARRIED,
        grid_program._PLACED,
        optimum._CACHE,
        origin._DIGESTS,
    )
    assert all(isinstance(cache, RecentCache | ArrayCache) for cache in caches)
