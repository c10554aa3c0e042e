"""Runs that are killed, interrupted, doubled, torn and short of disk: `python -m tests.torture [--quick]`."""
