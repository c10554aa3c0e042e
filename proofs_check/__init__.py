"""Evidence outside the library: assumptions, audits and counterexamples that put docs/theory.md on trial.

Everything here may use messjax, and messjax never uses anything here. `python -m proofs_check` runs it.
"""
