"""Imports point down only: each module is imported in a fresh interpreter, and `sys.modules` looked at."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted(path.stem for path in (ROOT / "bnviz").glob("*.py") if path.stem not in ("__init__", "worker"))
HEAVY = ("torch", "streamlit", "plotly", "sklearn", "pandas")
COMPUTATION = {
    "laws",
    "laws_at_init",
    "laws_of_batchnorm",
    "laws_of_shift",
    "laws_of_training",
    "models",
    "normalization",
    "metrics",
    "distributions",
    "ics",
    "landscape",
    "stacking",
    "probe",
    "arms",
    "tricks",
    "mirror",
    "training",
    "measuring",
}
"""The only ones that may bring torch with them."""
FORBIDDEN = {
    "config": {"bnviz.frames", "pyarrow", "numpy"},
    "frames": {"bnviz.config", "pyarrow"},
    "recording": {"bnviz.hub"},
    "hub": {"bnviz.stream", "bnviz.charts"},
    "training": {"bnviz.measuring", "bnviz.hub", "bnviz.worker", "bnviz.charts"},
    "measuring": {"bnviz.hub", "bnviz.worker", "bnviz.charts"},
    "charts": {"bnviz.hub", "bnviz.training"},
}


def loaded(module: str) -> set[str]:
    code = f"import json, sys; import {module}; print(json.dumps(sorted(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(json.loads(result.stdout))


@pytest.mark.parametrize("name", [*MODULES, "worker"])
def test_what_a_module_brings_along(name):
    modules = loaded(f"bnviz.{name}")
    if name not in COMPUTATION:
        assert "torch" not in modules, "torch costs over 2 s and 200 MB"
    if name != "server":
        assert "streamlit" not in modules
    assert "sklearn" not in modules
    if name != "server":  # Streamlit brings these
        assert not modules & {"pandas", "plotly"}
    assert not modules & FORBIDDEN.get(name, set())


def test_only_server_and_ui_name_streamlit():
    for path in (ROOT / "bnviz").glob("*.py"):
        if path.name != "server.py":
            assert "streamlit" not in {
                line.split()[1].split(".")[0]
                for line in path.read_text().splitlines()
                if line.strip().startswith(("import ", "from "))
            }, path.name


def test_no_drawer_for_odds_and_ends():
    names = {path.stem for path in (ROOT / "bnviz").rglob("*.py")}
    assert not names & {"utils", "util", "base", "common", "manager", "helpers", "misc"}


def test_files_stay_readable():
    long = {
        str(path.relative_to(ROOT)): count
        for folder in ("bnviz", "tests", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
        if (count := len(path.read_text().splitlines())) > REASONED.get(path.name, 250)
    }
    assert not long


REASONED = {
    "config.py": 340,  # one declaration of every setting, its link and what may change live
    "server.py": 380,
    "recording.py": 320,
    "worker.py": 290,
    "hub.py": 320,
    "ics.py": 310,
}
"""Longer than 250 lines for a reason."""
