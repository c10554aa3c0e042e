"""Small traces of our own making, one module per format: `write(folder)` writes one and returns its path."""
