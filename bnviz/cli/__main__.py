"""`python -m bnviz.cli` is the `bnviz` command."""

import sys

from bnviz.cli import main

if __name__ == "__main__":
    sys.exit(main())
