"""The command line `messjax-proofs`: one module per command."""
