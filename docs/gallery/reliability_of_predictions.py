"""
Reliability of predictions
==========================

MESS+ is as good as its predictor. A tenth of the requests of a trace is held out; on these the predictor is
scored while it learns from the others, and at the end what it predicted is compared with what happened.
"""

import jax

import messjax as mj
from messjax.cli import demo_trace
from messjax.evaluation import predictor

trace = demo_trace.trace(4_000, seed=0)  # yours: mj.traces.read_parquet(PATH)
x = mj.features.hashed_ngrams(trace.prompts, dim=64)
served, tested = predictor.split(jax.random.key(0), len(x), 0.1)
stream = mj.streams.replay(x[served], trace.satisfaction[served], trace.cost[served])
scored = predictor.over_time(
    jax.random.key(0),
    predictor=mj.predictors.linear(stream=stream),
    stream=stream,
    horizon=len(served),
    c=[0.1, 1.0],
    num_streams=4,
    held_out=predictor.HeldOut(x[tested], trace.satisfaction[tested]),
    models=trace.models,
)
figure = mj.plot.predictor_quality(predictor.summary(scored), title="linear head on n-grams of the demo trace")
mj.plot.save(figure, "results/reliability_of_predictions.png")
