"""The study `published_table`, run by `python -m sims published_table`."""
