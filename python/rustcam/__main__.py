"""`python -m rustcam` is the command `rustcam`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
