"""The study `bounds_against_truth`, run by `python -m sims bounds_against_truth`."""
