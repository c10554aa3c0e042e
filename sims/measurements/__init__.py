"""Programs that measure this machine and claim nothing: `python -m sims NAME`, each with `--quick` and `--out DIR`."""
