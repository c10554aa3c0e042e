"""The study `logs`, run by `python -m sims logs`."""
