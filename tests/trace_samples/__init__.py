"""Small files of our own making in every format: `write(folder)` writes one and returns what to read."""
