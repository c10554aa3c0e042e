// The rule and the meters on L lanes, and one step of learning.
#pragma once

#include "lanes.h"

constexpr int M = MODELS, UNIT = 1000000;
constexpr int BLOCK = 1024;  // requests whose queues sum up in 32 bits: 1024 UNIT < 2^31, for horizons below 2^21

// The queue, in whole requests and parts of 1e-6, and the meters.
struct Agreement {
  I whole{}, part{}, top{}, top_part{}, sum{}, sum_part{}, explored{}, satisfied{}, exploited[M]{};
  int64_t total[L]{};

  // One request: V (E_m - E_0), s_hat_m - s_hat_0, s_m as -1 or 0, and the coin. Returns the model chosen to exploit.
  I step(const F *price, const F *gain, const I *label, I explore, I alpha) {
    const F q = real(whole) + real(part) * 1e-6f;
    F best{};
    I choice{}, s = label[0];
    for (int m = 1; m < M; ++m) {
      const F score = price[m] - q * gain[m];
      const I better = score < best;
      best = better ? score : best, choice = better ? I{} + m : choice, s = better ? label[m] : s;
    }
    s = explore ? label[M - 1] : s;
    explored -= explore, satisfied -= s, sum += whole, sum_part += part;
    for (int m = 0; m < M; ++m) exploited[m] -= ~explore & (choice == m);
    part += alpha + (s & -UNIT);
    const I down = part < 0, up = part >= UNIT;
    part += (down & UNIT) - (up & UNIT), whole += down - up;
    part &= whole >= 0, whole &= whole >= 0;
    const I higher = whole > top || (whole == top && part > top_part);
    top = higher ? whole : top, top_part = higher ? part : top_part;
    return choice;
  }

  void flush() {  // at least every BLOCK requests
    for (int l = 0; l < L; ++l) total[l] += int64_t(sum[l]) * UNIT + sum_part[l];
    sum = sum_part = I{};
  }

  void store(int64_t *raw, int lanes, int stride) {  // M + 5 integers per lane, see readings.exact
    flush();
    for (int l = 0; l < lanes; ++l, raw += stride) {
      for (int m = 0; m < M; ++m) raw[m] = exploited[m][l];
      raw[M] = explored[l], raw[M + 1] = satisfied[l], raw[M + 2] = total[l];
      raw[M + 3] = int64_t(whole[l]) * UNIT + part[l], raw[M + 4] = int64_t(top[l]) * UNIT + top_part[l];
    }
  }
};

// The clipped gradient, weight decay, momentum, a step.
template <class Number>
static inline void learn(Number &parameter, Number &momentum, Number gradient) {
  momentum = gradient + 0.01f * parameter + 0.9f * momentum;
  parameter -= 0.06f * momentum;
}
