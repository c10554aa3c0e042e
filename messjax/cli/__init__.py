"""The `messjax` command: one module per command, each with `add_options(parser)`, and what they share."""
