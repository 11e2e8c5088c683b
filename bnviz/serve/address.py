"""How others on the network reach this machine."""

from __future__ import annotations

import socket


def own_address() -> str:
    """The address by which others on the network reach this machine, as well as can be told; 127.0.0.1 without one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: the address is reserved for documentation
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"


def own_names() -> list[str]:
    """The names by which others on the network may call this machine."""
    name = socket.gethostname().lower()
    return ["localhost", name, f"{name.split('.')[0]}.local"]
