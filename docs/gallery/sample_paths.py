"""
Sample paths
============

What single streams go through: the queue climbs to V gamma*, where the price of satisfaction is right, and
the running satisfaction to alpha; the larger V, the later and the cheaper.
"""

import jax

import messjax as mj

stream = mj.zoo.get("llama3").stream()
router = mj.policies.mess_plus(mj.predictors.oracle(stream))
controls = mj.Controls(V=[10.0, 100.0], alpha=0.667, c=0.1)
run = {"stream": stream, "horizon": 6_000, "num_streams": 64, "checkpoints": 500}
runs = mj.sweep(jax.random.key(0), controls, policy=router, **run)

mj.plot.save(mj.plot.sample_paths(runs, title="MESS+ with an oracle"), "results/sample_paths.png")
