"""The engine: one stream as a loop over requests, grids of controls times streams, and a fast path for the usual cases."""
