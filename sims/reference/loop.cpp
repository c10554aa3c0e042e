// W1, W2 and W3 in C++: sixteen streams (in W3: points of the grid, or features) are lanes of a vector register, and
// every core takes groups of them. MODELS and FEATURES come from the compiler's command line, see cpp.py.

#include <atomic>
#include <cmath>
#include <thread>
#include <vector>

#include "rule.h"

constexpr int D = FEATURES;

// task(0), ..., task(tasks - 1), each by the next thread that is free.
template <class Task>
static void everywhere(int tasks, int threads, Task task) {
  std::atomic<int> next{0};
  auto work = [&] {
    for (int i; (i = next++) < tasks;) task(i);
  };
  std::vector<std::thread> others;
  for (int k = 1; k < threads; ++k) others.emplace_back(work);
  work();
  for (auto &thread : others) thread.join();
}

// W1: lanes are streams.
extern "C" void w1(int streams, int horizon, int threads, int kinds, const uint32_t *world_key,
                   const uint32_t *policy_key, const float *mean, const float *price, const float *p, int alpha,
                   int64_t *raw) {
  everywhere((streams + L - 1) / L, threads, [=](int group) {
    const int first = group * L;
    const Keys world(world_key, first, streams), policy(policy_key, first, streams);
    Agreement agreement;
    F cost[M], mu[M], gain[M];
    I label[M];
    for (int m = 0; m < M; ++m) cost[m] = F{} + price[m];
    for (int t = 1; t <= horizon; ++t) {
      U a, b;
      threefry(world, t, 0, a, b);
      const I kind = whole(uniform(a) * float(kinds)) * M;
      for (int m = 0; m < M; ++m) {
        for (int l = 0; l < L; ++l) mu[m][l] = mean[kind[l] + m];
        gain[m] = mu[m] - mu[0], label[m] = uniform(b) < mu[m];
      }
      agreement.step(cost, gain, label, coin(policy, t) < p[t - 1], I{} + alpha);
      if (t % BLOCK == 0) agreement.flush();
    }
    agreement.store(raw + first * (M + 5), std::min(L, streams - first), M + 5);
  });
}

// W2: lanes are streams, a head's parameters are vectors over lanes; the last of D + 1 features is one, for the bias.
extern "C" void w2(int streams, int horizon, int threads, int grid, const uint32_t *world_key,
                   const uint32_t *policy_key, const float *weights, const float *bias, const float *price,
                   const float *p, const int *alpha, int64_t *raw) {
  everywhere((streams + L - 1) / L, threads, [=](int group) {
    const int first = group * L;
    const Keys world(world_key, first, streams), policy(policy_key, first, streams);
    std::vector<Agreement> agreement(grid);
    F head[M][D + 1]{}, momentum[M][D + 1]{}, x[D + 1], s_hat[M], gain[M], cost[M];
    I label[M];
    x[D] = F{} + 1.0f;
    U words[D + M + 1];
    for (int t = 1; t <= horizon; ++t) {
      for (int j = 0; j < (D + M + 1) / 2; ++j) threefry(world, t, j, words[2 * j], words[2 * j + 1]);
      for (int i = 0; i < D; i += 2) {
        const F radius = root(-2.0f * log((__builtin_convertvector(words[i], F) + 0.5f) * 0x1p-32f));
        const F angle = 6.2831853f * (real(I(words[i + 1] >> 8)) * 0x1p-24f);
        x[i] = radius * cos(angle), x[i + 1] = radius * sin(angle);
      }
      for (int m = 0; m < M; ++m) {
        F z = F{} + bias[m], z_hat{};
        for (int i = 0; i < D; ++i) z += weights[m * D + i] * x[i];
        for (int i = 0; i <= D; ++i) z_hat += head[m][i] * x[i];
        label[m] = uniform(words[D + m]) < sigmoid(z), s_hat[m] = sigmoid(z_hat), gain[m] = s_hat[m] - s_hat[0];
      }
      const I explore = coin(policy, t) < p[t - 1];
      for (int g = 0; g < grid; ++g) {
        for (int m = 0; m < M; ++m) cost[m] = F{} + price[g * M + m];
        agreement[g].step(cost, gain, label, explore, I{} + alpha[g]);
        if (t % BLOCK == 0) agreement[g].flush();
      }
      if (any(explore)) {
        F error[M], square{}, length{};
        for (int i = 0; i <= D; ++i) length += x[i] * x[i];
        for (int m = 0; m < M; ++m) {
          error[m] = (s_hat[m] + real(label[m])) * (1.0f / M);
          square += error[m] * error[m] * length;  // of the norm of the gradient, error times x
        }
        const F norm = root(square), clip = norm > 1.0f ? 1.0f / norm : F{} + 1.0f;
        for (int m = 0; m < M; ++m)
          for (int i = 0; i <= D; ++i) {
            F next = head[m][i], next_momentum = momentum[m][i];
            learn(next, next_momentum, error[m] * clip * x[i]);
            head[m][i] = explore ? next : head[m][i], momentum[m][i] = explore ? next_momentum : momentum[m][i];
          }
      }
    }
    for (int g = 0; g < grid; ++g)
      agreement[g].store(raw + (first * grid + g) * (M + 5), std::min(L, streams - first), grid * (M + 5));
  });
}

// W3: lanes are features for the predictor (D a multiple of L), then points of the grid. The paths of a seed, one per
// c, meet the same rows and walk together.
struct Path {
  F head[M][D / L]{}, momentum[M][D / L]{};
  float bias[M]{}, bias_momentum[M]{}, s_hat[M];
  std::vector<Agreement> agreement;
  std::vector<double> paid_exploiting;
  double paid_exploring = 0;

  explicit Path(int groups) : agreement(groups), paid_exploiting(groups * L) {}

  void predict(const Loose *x) {
    F z[M]{}, logit{};
    for (int i = 0; i < D / L; ++i)
      for (int m = 0; m < M; ++m) z[m] += head[m][i] * x[i];
    for (int m = 0; m < M; ++m) logit[m] = sum(z[m]) + bias[m];
    logit = sigmoid(logit);
    for (int m = 0; m < M; ++m) s_hat[m] = logit[m];
  }

  void learn_from(const Loose *x, const float *s) {
    F length{};
    for (int i = 0; i < D / L; ++i) length += x[i] * x[i];
    float error[M], square = 0;
    for (int m = 0; m < M; ++m) error[m] = (s_hat[m] - s[m]) / M, square += error[m] * error[m] * (sum(length) + 1);
    const float clip = 1 / std::max(1.0f, std::sqrt(square));  // square: of the gradient, error times (x, 1)
    for (int m = 0; m < M; ++m) {
      for (int i = 0; i < D / L; ++i) learn(head[m][i], momentum[m][i], error[m] * clip * x[i]);
      learn(bias[m], bias_momentum[m], error[m] * clip);
    }
  }
};

extern "C" void w3(int seeds, int horizon, int threads, int cs, int grid, int rows, const float *features,
                   const float *satisfaction, const float *costs, const int *order, const uint32_t *policy_key,
                   const float *V, const float *p, const int *alpha, int64_t *raw, double *paid) {
  const int groups = (grid + L - 1) / L;
  everywhere(seeds, threads, [=](int seed) {
    const Keys policy(policy_key, seed, seed + 1);
    std::vector<Path> paths(cs, Path(groups));
    std::vector<F> weight(groups);
    std::vector<I> level(groups);
    for (int g = 0; g < groups * L; ++g)
      weight[g / L][g % L] = V[std::min(g, grid - 1)], level[g / L][g % L] = alpha[std::min(g, grid - 1)];
    F price[M], gain[M];
    I label[M];
    for (int t = 1; t <= horizon; ++t) {
      const int row = order[seed * rows + t - 1], later = order[seed * rows + std::min(t + 1, horizon - 1)];
      for (int i = 0; i < D; i += L) __builtin_prefetch(features + size_t(later) * D + i);
      const Loose *x = reinterpret_cast<const Loose *>(features + size_t(row) * D);
      const float *s = satisfaction + row * M, *cost = costs + row * M;
      const F u = coin(policy, t);
      for (int c = 0; c < cs; ++c) {
        Path &path = paths[c];
        path.predict(x);
        const I explore = u < p[c * horizon + t - 1];
        for (int m = 0; m < M; ++m) gain[m] = F{} + (path.s_hat[m] - path.s_hat[0]), label[m] = I{} - int(s[m]);
        for (int g = 0; g < groups; ++g) {
          for (int m = 0; m < M; ++m) price[m] = weight[g] * (cost[m] - cost[0]);
          const I choice = path.agreement[g].step(price, gain, label, explore, level[g]);
          if (t % BLOCK == 0) path.agreement[g].flush();
          F fee{};
          for (int m = 0; m < M; ++m) fee = (~explore & (choice == m)) ? F{} + cost[m] : fee;
          for (int l = 0; l < L; ++l) path.paid_exploiting[g * L + l] += fee[l];
        }
        if (explore[0]) {
          path.learn_from(x, s);
          for (int m = 0; m < M; ++m) path.paid_exploring += cost[m];
        }
      }
    }
    for (int c = 0; c < cs; ++c) {
      const int at = (seed * cs + c) * grid;
      for (int g = 0; g < groups; ++g)
        paths[c].agreement[g].store(raw + (at + g * L) * (M + 5), std::min(L, grid - g * L), M + 5);
      for (int g = 0; g < grid; ++g) {
        paid[2 * (at + g)] = paths[c].paid_exploiting[g] + paths[c].paid_exploring;
        paid[2 * (at + g) + 1] = paths[c].paid_exploiting[g];
      }
    }
  });
}
