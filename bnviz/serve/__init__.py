"""Processes, sockets and files: what stands between a run and the page."""
