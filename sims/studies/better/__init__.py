"""The study `better`, run by `python -m sims better`."""
