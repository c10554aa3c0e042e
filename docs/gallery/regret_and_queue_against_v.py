"""
Regret and queue against V, with bounds
=======================================

What was measured (markers with 95% intervals) beside the bounds of the theory (lines), for a learning router
and for one that knows how likely each model is to satisfy a request.
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
run = {"stream": stream, "horizon": 4_000, "num_streams": 32, "meter": meter, "cost_unit": llama.cost_unit}
runs = mj.sweep(jax.random.key(0), controls, policy=routers, **run)

verdicts = mj.judge(runs, law)
figure = mj.plot.versus_v(verdicts, title="MESS+ on three Llama models", terms=mj.theory.decompose(runs, law))
mj.plot.save(figure, "results/regret_and_queue_against_v.png")
chosen = ["T1 queue", "T2 cost gap", "T2'", "T5 adjusted regret"]
print(verdicts["verdict"].sel(policy="oracle", statement=chosen).to_pandas())
