"""One script, one claim, one figure or table. Each has `--quick` and `--out DIR`."""
