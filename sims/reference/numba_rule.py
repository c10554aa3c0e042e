# mypy: disable-error-code="no-untyped-def"
"""For `numba_loop`: the rule and the meters on lanes, and learning for one stream. All for three models."""

from __future__ import annotations

import numpy as np

from sims.reference.metrics import UNIT
from sims.reference.numba_math import f32, i32, njit, sigmoid

MODELS = 3  # a constant, so that loops over models unroll and those over lanes vectorise
BLOCK = 1024  # requests whose queues sum up in 32 bits: 1024 UNIT < 2^31, for horizons below 2^21
WHOLE, PART, TOP, TOP_PART, SUM, SUM_PART, EXPLORED, SATISFIED, EXPLOITED = range(9)  # rows of a state, int32
ROWS = EXPLOITED + MODELS


@njit(inline="always")
def decide(state, price, gain, label, explore, alpha, choice):
    """One request: V (E_m - E_0), s_hat_m - s_hat_0, s_m [M, lanes]; coin, alpha, model chosen to exploit [lanes]."""
    for i in range(state.shape[1]):
        whole, part, top, top_part = state[WHOLE, i], state[PART, i], state[TOP, i], state[TOP_PART, i]
        exploring, q = explore[i], f32(whole) + f32(part) * f32(1e-6)
        best, serve, s = f32(0), i32(0), label[0, i]
        for m in range(1, MODELS):
            score, other = price[m, i] - q * gain[m, i], label[m, i]
            less = score < best
            best, serve, s = score if less else best, i32(m) if less else serve, other if less else s
        for m in range(MODELS):
            state[EXPLOITED + m, i] += i32(serve == m) & i32(exploring == 0)
        other = label[MODELS - 1, i]
        s = other if exploring else s
        choice[i] = serve
        state[EXPLORED, i] += exploring
        state[SATISFIED, i] += s
        state[SUM, i] += whole
        state[SUM_PART, i] += part
        part = i32(part + alpha[i] - i32(UNIT) * s)
        down, up = i32(part < 0), i32(part >= UNIT)
        part, whole = i32(part + (down - up) * i32(UNIT)), i32(whole + up - down)
        part, whole = part if whole >= 0 else i32(0), whole if whole >= 0 else i32(0)
        higher = (whole > top) | ((whole == top) & (part > top_part))
        state[WHOLE, i], state[PART, i] = whole, part
        state[TOP, i], state[TOP_PART, i] = whole if higher else top, part if higher else top_part


@njit
def flush(state, total):
    """Move the sums of the queues to 64 bits, at least every BLOCK requests."""
    for i in range(len(total)):
        total[i] += np.int64(state[SUM, i]) * UNIT + state[SUM_PART, i]
        state[SUM, i] = state[SUM_PART, i] = 0


@njit
def store(raw, state, total, i):
    """The integers of `metrics.exact` of one lane, raw [M + 5]."""
    for m in range(MODELS):
        raw[m] = state[EXPLOITED + m, i]
    raw[MODELS], raw[MODELS + 1], raw[MODELS + 2] = state[EXPLORED, i], state[SATISFIED, i], total[i]
    raw[MODELS + 3] = state[WHOLE, i] * np.int64(UNIT) + state[PART, i]
    raw[MODELS + 4] = state[TOP, i] * np.int64(UNIT) + state[TOP_PART, i]


@njit(inline="always")
def pay(spent, cost, choice, explore):
    """The cost of the model chosen to exploit, on every lane."""
    for i in range(len(choice)):
        fee = f32(0) if explore else cost[0]
        for m in range(1, MODELS):
            fee = cost[m] if (choice[i] == m) & (not explore) else fee
        spent[i] += fee


@njit(error_model="numpy", fastmath=True)
def predict(head, x, s_hat):
    """s_hat [M] of one stream's heads [M, d + 1] on x [d + 1]."""
    first, second, third = f32(0), f32(0), f32(0)  # M is 3
    for k in range(len(x)):
        first += head[0, k] * x[k]
        second += head[1, k] * x[k]
        third += head[2, k] * x[k]
    s_hat[0], s_hat[1], s_hat[2] = sigmoid(first), sigmoid(second), sigmoid(third)


@njit(error_model="numpy", fastmath=True)
def learn(head, momentum, x, s_hat, label):
    """One step of one stream's heads [M, d + 1] on x [d + 1], s_hat [M], label [M]."""
    length = square = f32(0)
    for k in range(len(x)):
        length += x[k] * x[k]
    for m in range(MODELS):
        square += ((s_hat[m] - f32(label[m])) / f32(MODELS)) ** 2 * length
    clip = f32(1) / max(f32(1), np.sqrt(square))
    for m in range(MODELS):
        error = (s_hat[m] - f32(label[m])) / f32(MODELS) * clip
        for k in range(len(x)):
            momentum[m, k] = error * x[k] + f32(0.01) * head[m, k] + f32(0.9) * momentum[m, k]
            head[m, k] -= f32(0.06) * momentum[m, k]
