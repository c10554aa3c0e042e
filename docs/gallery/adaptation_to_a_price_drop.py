"""
Adaptation to a price drop
==========================

At request 3,001 the best model becomes ten times cheaper. MESS+ sees the price of every request: with the
queue that it holds, the better model is worth it at once; the queue falls to where the new price of
satisfaction is, and satisfaction is above alpha meanwhile. A mixture of the old prices goes on as before.
"""

import jax
import numpy as np

import messjax as mj

llama = mj.zoo.get("llama3")
old, accuracy = llama.mean_cost(), llama.mean_accuracy()
law = mj.streams.graded(old, accuracy)
before = mj.streams.types(law)
after = mj.streams.types(law._replace(cost=law.cost * np.array([1.0, 1.0, 0.1])))
policies = {
    "MESS+": mj.policies.mess_plus(mj.predictors.oracle(before)),
    "mixture of old prices": mj.policies.mixture(old, accuracy),
}
meter = mj.meters.zip_meters(mj.meters.standard(), mj.meters.windowed(300))
run = {"stream": mj.streams.change(before, after, 3_001), "horizon": 6_000, "num_streams": 32, "checkpoints": 300}
controls = mj.Controls(V=10.0, alpha=0.68, c=0.1)
runs = mj.sweep(jax.random.key(0), controls, policy=policies, meter=meter, cost_unit=llama.cost_unit, **run)

figure = mj.plot.sample_paths(runs, ["queue_last", "satisfaction_window", "cost_window"], streams=3)
for axis in figure.axes:
    axis.axvline(3_000, color="0.6", lw=1)
mj.plot.save(figure, "results/adaptation_to_a_price_drop.png")
