"""Expressions beside z3's own: one variable per model, the larger and the smaller of several numbers."""

from __future__ import annotations

import z3


def per_model(name: str, M: int) -> list[z3.ArithRef]:
    """name_1, ..., name_M."""
    return [z3.Real(f"{name}_{m}") for m in range(1, M + 1)]


def larger(first: z3.ArithRef, *others: z3.ArithRef) -> z3.ArithRef:
    """max(first, ...)."""
    for other in others:
        first = z3.If(first >= other, first, other)
    return first


def smaller(first: z3.ArithRef, *others: z3.ArithRef) -> z3.ArithRef:
    """min(first, ...)."""
    for other in others:
        first = z3.If(first <= other, first, other)
    return first


def zero() -> z3.ArithRef:
    """The number 0, where Python's would not do."""
    return z3.RealVal(0)
