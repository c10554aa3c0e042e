"""The study `exploration`, run by `python -m sims exploration`."""
