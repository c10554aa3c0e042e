"""What the `messjax` command can be asked for: one file per command, each with `add(commands)`, and what they share."""
