"""The study `benchmark_chain`, run by `python -m sims benchmark_chain`."""
