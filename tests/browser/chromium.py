"""Finds a Chromium for the browser tests; as a script, installs Debian's where there is none and it can be had."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"


def chromium() -> str | None:
    """Path of a Chromium or Chrome, or None."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    return found or (MAC if Path(MAC).exists() else None)


def launch_options() -> dict[str, Any]:
    """How Playwright is to start it. Its sandbox does not work for root."""
    return {"executable_path": chromium(), "args": ["--no-sandbox"] if os.geteuid() == 0 else []}


def install() -> None:
    """Install Debian's package: as root, or through sudo where that asks for no password."""
    if shutil.which("apt-get") is None:
        return
    rights = [] if os.geteuid() == 0 else ["sudo", "-n"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["update", "-qq"],
        ["install", "-y", "-qq", "--no-install-recommends", "chromium", "fonts-liberation"],
    ):
        subprocess.run([*rights, "apt-get", *command], check=False, env=environment, stdout=subprocess.DEVNULL)


def main() -> int:
    """Exit status 1 when there is no Chromium under CI; elsewhere say so loudly and go on."""
    if chromium() is None:
        print("No Chromium here; trying to install Debian's package ...", flush=True)
        install()
    if chromium() is None:
        print(
            "!" * 78, "!! NO CHROMIUM: the browser tests will NOT run. Install Chromium or Chrome.", "!" * 78, sep="\n"
        )
        return 1 if os.environ.get("CI") else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
