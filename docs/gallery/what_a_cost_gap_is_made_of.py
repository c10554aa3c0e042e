"""
What a cost gap is made of
==========================

An identity splits what a router costs above the optimum into noise, wrong decisions, exploration, a price
that is not yet right, and the debt that the queue still holds. A learning router pays for decisions and
exploration.
"""

import jax

import messjax as mj

llama = mj.zoo.get("llama3")
stream = mj.streams.types(mj.streams.graded(llama.mean_cost(), llama.mean_accuracy()))
law = stream.distribution()
routers = {
    "learned means": mj.policies.mess_plus(mj.predictors.tabular(stream=stream)),
    "oracle": mj.policies.mess_plus(mj.predictors.oracle(stream)),
}
meter = mj.meters.zip_meters(mj.meters.standard(), mj.meters.decomposition(law, 0.667))
controls = mj.Controls(V=[1.0, 3.0, 10.0, 30.0], alpha=0.667, c=0.1)
run = {"stream": stream, "horizon": 10_000, "num_streams": 32, "meter": meter, "cost_unit": llama.cost_unit}
runs = mj.sweep(jax.random.key(0), controls, policy=routers, **run)

figure = mj.plot.decomposition(mj.theory.decompose(runs, law), title="MESS+ on three Llama models")
mj.plot.save(figure, "results/what_a_cost_gap_is_made_of.png")
