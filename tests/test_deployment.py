"""What Docker and Streamlit's Community Cloud would do, done here: their very commands, in a fresh environment."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.support.server import dashboard

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text()


@pytest.mark.long
def test_the_image_installs_and_serves(tmp_path):
    """RUN and CMD of the Dockerfile, in a venv in place of the image; users are the image's own affair."""
    app, tree = tmp_path / "app", tmp_path / "venv"
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    for name in names:
        (app / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, app / name, follow_symlinks=False)
    subprocess.run([sys.executable, "-m", "venv", tree], check=True)
    environment = {
        **os.environ, "PATH": f"{tree / 'bin'}:{os.environ['PATH']}", "VIRTUAL_ENV": str(tree),
        "PIP_NO_COMPILE": "0",  # by pip's logic: do not compile what nobody will import here
    }  # fmt: skip
    steps = [line for line in re.findall(r"^RUN (.+)$", DOCKERFILE, re.M) if not line.startswith("useradd")]
    assert len(steps) == 1
    for step in steps:
        subprocess.run(step, shell=True, check=True, cwd=app, env=environment)
    command = json.loads(DOCKERFILE.rpartition("\nCMD ")[2])
    command[command.index("--port") + 1] = str(free_port())
    with dashboard(*command, env=environment) as server, urllib.request.urlopen(server.url, timeout=10) as answer:
        assert answer.status == 200


def test_torch_is_the_cpu_build_of_the_version_that_is_tested():
    pinned = re.search(r"^torch==(.+)$", (ROOT / "constraints.txt").read_text(), re.M)
    wanted = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if line[:1] != "#"]
    assert pinned
    assert wanted == ["-c constraints.txt", f"torch=={pinned[1]}+cpu", "."]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.skipif(sys.platform != "linux", reason="names of Debian packages")
def test_no_system_package_is_needed():
    assert not (ROOT / "packages.txt").read_text().split(), "say in CONTRIBUTING what for"
