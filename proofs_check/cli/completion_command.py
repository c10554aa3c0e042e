"""`messjax-proofs completion SHELL`."""

from messjax.cli.completion_command import add_options

__all__ = ["add_options"]
