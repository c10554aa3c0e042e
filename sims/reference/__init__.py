"""Three workloads of MESS+ written again, without messjax, in the ways people write such loops: references for speed.

Everything here computes the same thing: the same worlds, the same rule, the same readings (`metrics.Readings`).

| file | style | random numbers |
| --- | --- | --- |
| `python_loop` | one stream, one request at a time, Python and NumPy vectors | NumPy's own |
| `torch_loop` | the same, in the style of the MESS+ authors' code: pandas rows, a torch Linear | NumPy's own |
| `numpy_streams` | a loop over requests, NumPy arrays over streams | the given counters |
| `numba_streams` | compiled loops, one stream at a time, all cores: the natural way | the given counters |
| `numba_loop` (`numba_math`, `_rule`, `_replay`) | the same with 64 streams as lanes by hand | the given counters |
| `cpp` (`loop.cpp`, `rule.h`, `lanes.h`) | C++, vectors of sixteen streams, all cores | the given counters |
| `plain_jax` | jit(vmap(scan)), as one writes it in an afternoon | jax.random's own |

`workloads` holds the worlds: W1 (an oracle on request types), W2 (a logistic world, learned), W3 (a replayed trace).
The three with the given counters meet the same coins, requests and labels and can be compared decision by decision:
exactly in W1; in W2 and W3 the last bits of sums and of log, cos and exp decide a near-tie once in some million
decisions, after which that queue goes its own way. The others agree in law.

**Random numbers.** Request t = 1, 2, ... of a stream has words 2j and 2j + 1 = threefry2x32(key, (t, 2^31 | j)), 20
rounds, under two keys: the world's and the policy's. uniform(word) = float32(word >> 9) 2^-23.

**The rule.** Explore iff uniform(policy word 0) < p_t = min(1, c t^-a): all M models are queried, model M - 1 serves,
the predictor learns. Otherwise the m with the least V (E_m - E_0) - Q (s_hat_m - s_hat_0) serves, in float32, ties to
the first. Then Q <- max(0, Q + alpha - s_serve), an integer in units of 1e-6.

**Learning** (W2, W3). s_hat = sigmoid(W x + b) from zero. The gradient of the binary cross-entropy, averaged over
models, is clipped to norm 1 over W and b together; weight decay .01 is added, momentum is .9, the rate .06.

A function `w1`, `w2` or `w3` takes the workload and returns the readings of all its runs. `work._replace(horizon=100)`
is a short one to warm up, `workloads.part` takes some of its streams for the slow ones. `available()` of `numba_loop`,
`torch_loop` and `cpp` says whether what they need is there.
"""
