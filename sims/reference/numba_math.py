# mypy: disable-error-code="import-untyped,import-not-found,no-untyped-def,no-redef,misc"
"""For `numba_loop`: the guarded import, threefry, and the functions that LLVM can only vectorise as polynomials.

Everything is inlined before LLVM sees it: functions called from a loop over lanes would keep it from being vectorised.
"""

from __future__ import annotations

import numpy as np

try:
    from numba import njit, prange

    available = True
except ImportError:  # what is decorated would run as plain Python
    available = False
    prange = range

    def njit(*functions, **options):
        """Leave the function as it is."""
        return functions[0] if functions else njit


f32, i32, u32 = np.float32, np.int32, np.uint32


@njit(inline="always")
def four_rounds(x, y, r0, r1, r2, r3):
    """Four rounds of threefry-2x32."""
    x = u32(x + y)
    y = u32(u32(y << u32(r0)) | u32(y >> u32(32 - r0))) ^ x
    x = u32(x + y)
    y = u32(u32(y << u32(r1)) | u32(y >> u32(32 - r1))) ^ x
    x = u32(x + y)
    y = u32(u32(y << u32(r2)) | u32(y >> u32(32 - r2))) ^ x
    x = u32(x + y)
    return x, u32(u32(y << u32(r3)) | u32(y >> u32(32 - r3))) ^ x


@njit(inline="always")
def threefry(k0, k1, t, j):
    """Words 2j and 2j + 1 of request t."""
    k2 = u32(k0 ^ k1 ^ u32(0x1BD11BDA))
    x, y = u32(k0 + u32(t)), u32(k1 + (u32(0x80000000) | u32(j)))
    x, y = four_rounds(x, y, 13, 15, 26, 6)
    x, y = four_rounds(u32(x + k1), u32(y + k2 + u32(1)), 17, 29, 16, 24)
    x, y = four_rounds(u32(x + k2), u32(y + k0 + u32(2)), 13, 15, 26, 6)
    x, y = four_rounds(u32(x + k0), u32(y + k1 + u32(3)), 17, 29, 16, 24)
    x, y = four_rounds(u32(x + k1), u32(y + k2 + u32(4)), 13, 15, 26, 6)
    return u32(x + k2), u32(y + k0 + u32(5))


@njit(inline="always")
def uniform(word):
    """A float32 in [0, 1)."""
    return f32(i32(word >> u32(9))) * f32(2**-23)


@njit(inline="always")
def log(x):
    """The logarithm of a positive float32 (Cephes)."""
    bits = np.float32(x).view(np.int32)
    exponent, m = f32((bits >> i32(23)) - i32(126)), np.int32((bits & i32(0x7FFFFF)) | i32(0x3F000000)).view(np.float32)
    low = m < f32(0.70710678)
    m, exponent = (m + m if low else m) - f32(1), exponent - f32(1) if low else exponent
    z = m * m
    y = f32(7.0376836292e-2) * m - f32(1.1514610310e-1)
    y = y * m + f32(1.1676998740e-1)
    y = y * m - f32(1.2420140846e-1)
    y = y * m + f32(1.4249322787e-1)
    y = y * m - f32(1.6668057665e-1)
    y = y * m + f32(2.0000714765e-1)
    y = y * m - f32(2.4999993993e-1)
    y = y * m + f32(3.3333331174e-1)
    return m + (y * m * z - f32(2.12194440e-4) * exponent - f32(0.5) * z) + f32(0.693359375) * exponent


@njit(inline="always")
def exp(x):
    """The exponential of a float32 (Cephes), clipped to +-87."""
    x = min(max(x, f32(-87)), f32(87))
    n = np.floor(f32(1.44269504) * x + f32(0.5))
    r = x - n * f32(0.693359375) + n * f32(2.12194440e-4)
    y = f32(1.9875691500e-4) * r + f32(1.3981999507e-3)
    y = y * r + f32(8.3334519073e-3)
    y = y * r + f32(4.1665795894e-2)
    y = y * r + f32(1.6666665459e-1)
    y = y * r + f32(5.0000001201e-1)
    return (y * r * r + r + f32(1)) * np.int32((i32(n) + i32(127)) << i32(23)).view(np.float32)


@njit(inline="always")
def sigmoid(z):
    """The logistic function."""
    return f32(1) / (f32(1) + exp(-z))


@njit(inline="always")
def normals(a, b):
    """Two standard normals from two words, by Box-Muller."""
    radius = np.sqrt(f32(-2) * log((f32(a) + f32(0.5)) * f32(2**-32)))
    turn = i32(b >> u32(8))  # in units of 2 pi 2^-24
    quarter = i32((turn + i32(1 << 21)) >> i32(22))
    angle = f32(turn - i32(quarter << i32(22))) * f32(2 * np.pi * 2**-24)  # within pi / 4 of a multiple of pi / 2
    z = angle * angle
    sine = ((f32(-1.9515295891e-4) * z + f32(8.3321608736e-3)) * z - f32(1.6666654611e-1)) * z * angle + angle
    cosine = (f32(2.443315711809948e-5) * z - f32(1.388731625493765e-3)) * z + f32(4.166664568298827e-2)
    cosine = cosine * z * z - f32(0.5) * z + f32(1)
    odd = (quarter & i32(1)) == 1
    first, second = sine if odd else cosine, cosine if odd else sine
    first = -first if (quarter == 1) | (quarter == 2) else first
    second = -second if (quarter == 2) | (quarter == 3) else second
    return radius * first, radius * second
