"""The study `pareto_bandit`, run by `python -m sims pareto_bandit`."""
