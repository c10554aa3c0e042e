"""The search for counterexamples: instances on which a statement has the least to spare, and weakened statements."""
