"""Numbers that stay exact: the virtual queue, compensated sums, random numbers by counting, caches of arrays."""
