"""The study `time_to_sla`, run by `python -m sims time_to_sla`."""
