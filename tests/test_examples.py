"""Every example runs, as a user would run it."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from bnviz.recording import Recording
from tests.support.server import ROOT

WATCHING = sorted((ROOT / "examples").glob("watch_*.py"))


@pytest.mark.parametrize("file", WATCHING, ids=lambda file: file.stem)
def test_an_example_runs_and_leaves_a_recording(file, tmp_path):
    out = tmp_path / "run.arrow"
    command = [sys.executable, str(file), "--steps", "21", "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr, "nothing is left unmeasured"
    assert done.stdout
    recording = Recording.load(out)
    assert [frame.step for frame in recording.frames] == [0, 10, 20]
    assert "blocks.2.conv2" in recording.description.layers


def test_the_nets_that_are_linted():
    command = [sys.executable, str(ROOT / "examples" / "lint_nets.py")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    mistaken, mended = done.stdout.split("mended: ")
    for rule in ("last-batch-of-one", "batch-too-small", "batchnorm-on-output", "dropout-before-batchnorm",
                 "bias-before-batchnorm", "weight-decay-on-normalization"):  # fmt: skip
        assert f"[{rule}]" in mistaken
    assert mended == "0 findings\n"


def test_the_example_that_compares_says_which_net_is_better(tmp_path):
    out = tmp_path / "report.html"
    command = [sys.executable, "examples/compare_tabular.py", "--steps", "60", "--jobs", "1", "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    assert "With BatchNorm your net reaches 9" in done.stdout
    assert "With BatchNorm your net reaches 9" in out.read_text()


NOTEBOOK = """
import asyncio, sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
assert not any(cell.get("outputs") for cell in notebook.cells), "outputs are cleared in the file"
NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[2])
"""


def test_the_notebook_runs_and_shows_itself(tmp_path):
    """In a process of its own: Jupyter's libraries warn of what is theirs."""
    import nbformat

    file, done = ROOT / "examples" / "watch_notebook.ipynb", tmp_path / "done.ipynb"
    environment = {**os.environ, "IPYTHONDIR": str(tmp_path), "JUPYTER_RUNTIME_DIR": str(tmp_path)}
    command = [sys.executable, "-c", NOTEBOOK, str(file), str(done)]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    outputs = [output for cell in nbformat.read(done, as_version=4).cells for output in cell.get("outputs", ())]
    assert not any(output.output_type in ("error", "stream") for output in outputs), outputs
    shown = [output.data for output in outputs]
    assert "srcdoc" in shown[0]["text/html"]
    assert "In Sequential training loss is" in re.sub("<[^>]*>", "", shown[0]["text/html"].split("<iframe")[0])
    assert "application/vnd.plotly.v1+json" in shown[1]
    assert "ics_relative" in shown[2]["text/html"]
