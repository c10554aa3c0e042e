"""Evaluations of runs: policies compared on one stream, the field's router metrics, the predictor scored over time."""
