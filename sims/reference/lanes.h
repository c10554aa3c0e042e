// Sixteen lanes side by side in a vector register: arithmetic, the C library's functions, random numbers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

constexpr int L = 16;

// A comparison of vectors gives -1 where true.
using U = uint32_t __attribute__((vector_size(4 * L)));
using I = int32_t __attribute__((vector_size(4 * L)));
using F = float __attribute__((vector_size(4 * L)));
using Loose = F __attribute__((aligned(4), may_alias));  // in an array of floats that may begin anywhere

static inline F real(I x) { return __builtin_convertvector(x, F); }
static inline I whole(F x) { return __builtin_convertvector(x, I); }

static inline bool any(I mask) {
  int64_t found = 0, half[L / 2];
  std::memcpy(half, &mask, sizeof mask);
  for (int i = 0; i < L / 2; ++i) found |= half[i];
  return found != 0;
}

static inline float sum(F x) {
  constexpr I lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  for (int half = L / 2; half; half /= 2) x += __builtin_shuffle(x, lane ^ half);
  return x[0];
}

// The C library's functions, vectorised: libmvec has them for sixteen lanes.
extern "C" {
__attribute__((simd("notinbranch"))) float logf(float) noexcept;
__attribute__((simd("notinbranch"))) float expf(float) noexcept;
__attribute__((simd("notinbranch"))) float sinf(float) noexcept;
__attribute__((simd("notinbranch"))) float cosf(float) noexcept;
}
#define LANEWISE(name, function)                             \
  static inline F name(F x) {                                \
    alignas(F) float lane[L];                                \
    std::memcpy(lane, &x, sizeof x);                         \
    for (int l = 0; l < L; ++l) lane[l] = function(lane[l]); \
    std::memcpy(&x, lane, sizeof x);                         \
    return x;                                                \
  }
LANEWISE(log, logf)
LANEWISE(exp, expf)
LANEWISE(sin, sinf)
LANEWISE(cos, cosf)
LANEWISE(root, __builtin_sqrtf)

static inline F sigmoid(F z) { return 1.0f / (1.0f + exp(-z)); }

// Random numbers.

struct Keys {
  U k0, k1;
  Keys(const uint32_t *key, int first, int streams) {  // lanes past the last stream repeat it, and are not stored
    for (int l = 0; l < L; ++l) {
      const uint32_t *mine = key + 2 * std::min(first + l, streams - 1);
      k0[l] = mine[0], k1[l] = mine[1];
    }
  }
};

template <int r0, int r1, int r2, int r3>
static inline void four_rounds(U &a, U &b) {
  a += b, b = (b << r0 | b >> (32 - r0)) ^ a;
  a += b, b = (b << r1 | b >> (32 - r1)) ^ a;
  a += b, b = (b << r2 | b >> (32 - r2)) ^ a;
  a += b, b = (b << r3 | b >> (32 - r3)) ^ a;
}

static inline void threefry(const Keys &key, uint32_t t, uint32_t j, U &a, U &b) {  // words 2j and 2j + 1 of request t
  const U k0 = key.k0, k1 = key.k1, k2 = k0 ^ k1 ^ 0x1BD11BDAu;
  a = k0 + t, b = k1 + (0x80000000u | j);
  four_rounds<13, 15, 26, 6>(a, b), a += k1, b += k2 + 1u;
  four_rounds<17, 29, 16, 24>(a, b), a += k2, b += k0 + 2u;
  four_rounds<13, 15, 26, 6>(a, b), a += k0, b += k1 + 3u;
  four_rounds<17, 29, 16, 24>(a, b), a += k1, b += k2 + 4u;
  four_rounds<13, 15, 26, 6>(a, b), a += k2, b += k0 + 5u;
}

static inline F uniform(U word) { return real(I(word >> 9)) * 0x1p-23f; }

static inline F coin(const Keys &policy, uint32_t t) {  // explore where it is below p_t
  U a, b;
  threefry(policy, t, 0, a, b);
  return uniform(a);
}
