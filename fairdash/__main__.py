"""`python -m fairdash`."""

import sys

from fairdash.cli import main

if __name__ == "__main__":
    sys.exit(main())
