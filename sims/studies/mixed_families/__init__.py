"""The study `mixed_families`, run by `python -m sims mixed_families`."""
