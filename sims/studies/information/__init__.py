"""The study `information`, run by `python -m sims information`."""
