"""One question over many runs: a grid of settings, and seeds, on any executor.

`sweep`, `cell` and `running` bring torch; what a sweep is and what it found, does not.
"""
