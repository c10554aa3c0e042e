"""The studies: each tests one claim and is run by its name, `python -m sims NAME`."""
