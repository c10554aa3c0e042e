"""The study `four_models`, run by `python -m sims four_models`."""
