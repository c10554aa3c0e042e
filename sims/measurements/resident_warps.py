"""How many warps of an NVIDIA multiprocessor a kernel's registers leave room for."""

from __future__ import annotations

REGISTERS = 65_536  # of a multiprocessor, compute capability 7.0 to 10.0
WARPS = 64  # that it holds at most (8.6 and 8.9: 48)
PROGRAMS = 32  # blocks of threads that it holds at most
UNIT = 256  # registers are given to warps in such portions


def occupancy(registers: int, threads: int) -> float:
    """Share of the warps that a multiprocessor can hold at once, as far as registers limit it.

    Args:
        registers: Of a thread, at least one.
        threads: Of a block, a multiple of 32.

    Returns:
        A number in [0, 1]: warps resident over `WARPS`.

    Source: CUDA C++ Programming Guide, section "Compute Capabilities", table of technical specifications.
    """
    warps = -(-threads // 32)
    of_a_warp = -(-registers * 32 // UNIT) * UNIT
    blocks = min(REGISTERS // (of_a_warp * warps), WARPS // warps, PROGRAMS)
    return blocks * warps / WARPS
