"""
Cost against satisfaction of several policies
=============================================

Single models and their static mixture are what a router has to beat, and the optimum C* is the most that it
can gain. All policies serve the same 3,000 requests, after which a router that learns has not yet earned what
its exploration cost.
"""

import jax
from matplotlib.figure import Figure

import messjax as mj

llama = mj.zoo.get("llama3")
law = mj.streams.graded(llama.mean_cost(), llama.mean_accuracy())
stream, alphas = mj.streams.types(law), [0.62, 0.66, 0.7]
policies = {
    "MESS+, oracle": mj.policies.mess_plus(mj.predictors.oracle(stream)),
    "MESS+, learned means": mj.policies.mess_plus(mj.predictors.tabular(stream=stream)),
    "constrained LinUCB": mj.policies.lin_ucb(stream.num_features, len(llama.models)),
    "static mixture": mj.policies.mixture(llama.mean_cost(), llama.mean_accuracy()),
    "optimum C*": mj.policies.optimal(law),
} | {f"only {name}": mj.policies.single(m) for m, name in enumerate(llama.models)}
controls = mj.Controls(V=10.0, alpha=alphas, c=0.1)
runs = mj.sweep(jax.random.key(0), controls, policy=policies, stream=stream, horizon=3_000, num_streams=32)

figure = Figure(figsize=(8, 4.5), layout="constrained")
axis = figure.subplots()
axis.set_yscale("log")
axis.set_yticks(costs := [0.1, 0.2, 0.5, 1.0, 2.0, 3.0], costs)
axis.minorticks_off()
for i, (name, rows) in enumerate(mj.results.to_frame(mj.results.summary(runs)).groupby("policy", sort=False)):
    shown = rows.head(1) if name.startswith("only") else rows  # what ignores alpha is one point
    axis.plot(shown["satisfaction"], shown["cost"], label=name, lw=1, ms=6, **mj.plot.line_style(i) | {"ls": "-"})
axis.set(xlabel="satisfaction", ylabel=f"cost per request, exploration included ({llama.cost_unit})")
axis.legend(title=f"alpha = {', '.join(map(str, alphas))}", frameon=False)
mj.plot.save(figure, "results/cost_against_satisfaction.png")
