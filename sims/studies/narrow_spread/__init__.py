"""The study `narrow_spread`, run by `python -m sims narrow_spread`."""
