"""Debian's nginx before a server, on free ports of 127.0.0.1; as a script, fetches it where there is none."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FETCHED = ROOT / ".venv" / "nginx"
needs_nginx = pytest.mark.skipif(
    not (shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") or FETCHED.exists()),
    reason="NO NGINX: install nginx to test what a proxy does",
)

STREAMLITS = r"""
    location ~ ^/($|_stcore/|static/|component/|media/|favicon) {
        proxy_pass http://127.0.0.1:UPSTREAM; proxy_http_version 1.1; proxy_set_header Host $http_host;
        proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";
    }"""
WITH_404 = "location / { return 404; }"
WITH_THE_PAGE = "location / { rewrite ^ / break; proxy_pass http://127.0.0.1:UPSTREAM; }"
"""How a host answers at addresses that it does not pass on."""


def hiding(answer: str, port: int, upstream: str) -> str:
    """A server block of a host that passes on Streamlit's own addresses alone."""
    return f"server {{ listen 127.0.0.1:{port}; {STREAMLITS} {answer} }}".replace("UPSTREAM", upstream)


def program() -> str:
    """Path of nginx."""
    found = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:{FETCHED / 'usr' / 'sbin'}")
    assert found, "no nginx: tests/support/nginx.py fetches it"
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def nginx(servers: str, *ports: int) -> Iterator[None]:
    """Run nginx with these server blocks, once it listens on these ports."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        temps = " ".join(f"{each}_temp_path {folder};" for each in ("proxy", "client_body", "fastcgi", "uwsgi", "scgi"))
        user = "user root;" if os.geteuid() == 0 else ""
        (folder / "conf").write_text(
            f"{user} daemon off; worker_processes 1; pid {folder / 'pid'}; error_log {folder / 'log'};"
            f"events {{}} http {{ access_log off; {temps} {servers} }}"
        )
        process = subprocess.Popen([program(), "-p", name, "-e", folder / "log", "-c", folder / "conf"])
        try:
            _wait(process, ports, folder / "log")
            yield
        finally:
            process.terminate()
            process.wait(15)


def _wait(process: subprocess.Popen[bytes], ports: tuple[int, ...], log: Path) -> None:
    deadline = time.monotonic() + 30
    for port in ports:
        while True:
            assert process.poll() is None, log.read_text()
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)


def certificate(folder: Path, host: str) -> tuple[Path, Path]:
    """A certificate that this host has signed itself, and its key."""
    files = folder / "demo.pem", folder / "demo.key"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "2", "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}",
            "-out", files[0], "-keyout", files[1],
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    return files


def main() -> None:
    """Unpack Debian's package beside the tests: installed, it would start a service. It may not be to be had."""
    if shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") is None and not FETCHED.exists():
        print("No nginx here; trying to fetch Debian's package ...", flush=True)
        _fetch()
    try:
        program()
    except AssertionError:
        print("!" * 78, "!! NO NGINX: tests of what a proxy does will NOT run. Install nginx.", "!" * 78, sep="\n")


def _fetch() -> None:
    if shutil.which("apt-get") is None:
        return
    rights = [] if os.geteuid() == 0 else ["sudo", "-n"]
    subprocess.run([*rights, "apt-get", "update", "-qq"], check=False, stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["apt-get", "download", "-qq", "nginx"], cwd=folder, check=False, stderr=subprocess.DEVNULL)
        for package in Path(folder).glob("nginx*.deb"):
            subprocess.run(["dpkg", "-x", package, FETCHED], check=False)


if __name__ == "__main__":
    main()
