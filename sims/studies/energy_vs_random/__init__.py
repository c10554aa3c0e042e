"""The study `energy_vs_random`, run by `python -m sims energy_vs_random`."""
