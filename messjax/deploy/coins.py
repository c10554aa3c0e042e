"""The random numbers of a policy, request by request: threefry-2x32 as in `numerics.counter_prng`, without JAX."""

from __future__ import annotations

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_MASK = 0xFFFFFFFF
_REQUEST = 1 << 31


def coin(key: tuple[int, int], t: int) -> float:
    """The first uniform number of request t, a multiple of 2^-23 in [0, 1).

    Args:
        key: The two words of the policy's counting key.
        t: Number of the request, from 1 on.

    Returns:
        The number that the simulated policy draws.
    """
    k0, k1 = key
    keys = (k0, k1, k0 ^ k1 ^ 0x1BD11BDA)
    x0, x1 = (t + k0) & _MASK, (_REQUEST + k1) & _MASK
    for group in range(5):
        for bits in _ROTATIONS[group % 2]:
            x0 = (x0 + x1) & _MASK
            x1 = x0 ^ (((x1 << bits) | (x1 >> (32 - bits))) & _MASK)
        x0 = (x0 + keys[(group + 1) % 3]) & _MASK
        x1 = (x1 + keys[(group + 2) % 3] + group + 1) & _MASK
    return (x0 >> 9) * 2.0**-23
