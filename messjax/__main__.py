"""`python -m messjax` is the `messjax` command."""

import sys

from messjax.cli.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
