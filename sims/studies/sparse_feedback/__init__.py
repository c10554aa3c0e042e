"""The study `sparse_feedback`, run by `python -m sims sparse_feedback`."""
