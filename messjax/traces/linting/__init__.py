"""The checks of `traces.lint`, one file per theme; each yields `Finding`s."""
