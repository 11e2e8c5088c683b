"""`python -m bnviz.recording FILE`: what can be read of a recording, as a clean one on stdout; see `load_safely`."""

from __future__ import annotations

import sys

from bnviz.recording import Recording


def main() -> int:
    """Copy the recording; what is wrong with it is said on stderr. Status 2: it is none."""
    try:
        recording = Recording.load(sys.argv[1])
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    recording.write(sys.stdout.buffer)
    print(recording.damage, file=sys.stderr, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
