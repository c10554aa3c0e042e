"""The study `speed`, run by `python -m sims speed`."""
