"""The study `cheaper_than_routers`, run by `python -m sims cheaper_than_routers`."""
