from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import urllib.request

import pandas as pd
import pytest

from bnviz.cli import main
from bnviz.cli.run import config_from
from bnviz.config import Arm
from bnviz.config.catalog import SQUARED_RATE
from bnviz.presets import PRESETS
from bnviz.recording import Recording
from bnviz.training import train
from tests.data.files import SHIPPED
from tests.support.server import dashboard

WINES = SHIPPED / "wine_data.csv"


def bnviz(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bnviz.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env={**os.environ, **env})


def test_a_run_is_recorded_and_summed_up(tmp_path):
    out = tmp_path / "run.arrow"
    result = bnviz(
        "run", "--preset", "sigmoid-depth", "--set", "depth=10", "--set", "seed=3", "--set", "steps=50",
        "--out", str(out),
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    recording = Recording.load(out)
    assert (recording.config.depth, recording.config.seed, recording.config.steps) == (10, 3, 50)
    assert [f.train_loss for f in recording.frames] == [f.train_loss for f in train(recording.config)]
    assert "none" in result.stdout
    assert "batch" in result.stdout
    assert f"{recording.frames[-1].train_loss:.4g}" in result.stdout
    table = recording.to_dataframe()
    assert len(table) == 5 * 2 * 11


def test_progress_is_shown_in_a_terminal_only(tmp_path):
    assert bnviz("run", "--set", "steps=5", "--set", "depth=1").stderr == ""
    import fcntl
    import pty
    import struct
    import termios

    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    command = [sys.executable, "-m", "bnviz.cli", "run", "--set", "steps=5", "--set", "depth=1"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=child)
    os.close(child)
    shown = b""
    with contextlib.suppress(OSError):  # the other end has closed
        while part := os.read(parent, 65536):
            shown += part
    assert process.wait(60) == 0
    assert b"5/5" in shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "--set", "depth=99"], "depth must be a whole number from 1 to 50, got '99'."),
        (["run", "--set", "depth"], "--set takes KEY=VALUE, got 'depth'."),
        (["run", "--set", "color=red"], "Unknown setting 'color'. Settings: dataset, "),
        (["run", "--set", "arms=none,bach"], "arms must be labels joined by commas, got 'bach'"),
        (["run", "--set", "batch_size=1"], "batch_size must be at least 2 with BatchNorm, got 1"),
        (["run", "--preset", "nothing"], "preset must be one of sigmoid-depth, "),
        (["run", "--out", "/nowhere/run.arrow", "--set", "steps=1"], "/nowhere/run.arrow: No such file or directory."),
        (["run", "--set", f"dataset={__file__}"], "test_cli.py is no file of a kind that can be read: .csv, .parquet,"),
        (["run", "--set", "dataset=/nowhere/d.csv"], "/nowhere/d.csv: No such file or directory."),
        (
            ["run", "--set", "target=x"],
            "target may be set for a file of your own alone, dataset=FILE.csv or FILE.parquet or FILE.npz.",
        ),
        (
            ["run", "--set", f"dataset={WINES}", "--set", "target=x"],
            "target must be a column of wine_data.csv, got 'x'.",
        ),
        (
            ["run", "--set", f"dataset={WINES}", "--set", "loss=hinge"],
            "loss must be one of cross_entropy, squared_error",
        ),
        (["export", "/nowhere/run.arrow", "--csv", "x.csv"], "/nowhere/run.arrow: No such file or directory."),
        (["export", __file__, "--csv", "x.csv"], "no recording of bnviz"),
        (["export", __file__], "one of the arguments --html --csv --parquet is required"),
        (["nonsense"], "invalid choice: 'nonsense'"),
        (["--keep", "4"], "--keep: must be a size from 1MB on, such as 500MB or 20GB, got '4'"),
        (["--url", "demo.school.org"], "url must be an address such as https://demo.school.org/bnviz, got 'demo.sch"),
        (["--port", "0"], "port must be a whole number from 1 to 65535, got 0."),
        (["--cores", "0"], "cores must be a whole number from 1 to 1024, got 0."),
        (["--sweeps", "-1"], "sweeps must be a whole number from 0 to 1024, got -1."),
        (["--memory", "0.1"], "memory must be a number from 0.5 to 100000, got 0.1."),
    ],
)
def test_a_mistake_is_one_line_and_status_2(arguments, words, capsys):
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.startswith("bnviz: ")
    assert error.count("\n") == 1


def test_data_out_of_reach_is_one_line(tmp_path):
    result = bnviz(
        "run", "--set", "dataset=mnist", SCIKIT_LEARN_DATA=str(tmp_path),
        http_proxy="http://127.0.0.1:9", https_proxy="http://127.0.0.1:9",
    )  # fmt: skip
    assert result.returncode == 2
    assert "openml.org" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_file_of_ones_own_is_learned_from(tmp_path):
    out, wines = tmp_path / "run.arrow", WINES
    settings = ["--set", f"dataset={wines}", "--set", "target=column 14", "--set", "steps=200", "--set", "depth=2"]
    result = bnviz("run", *settings, "--no-progress", "--out", str(out), BNVIZ_DATA=str(tmp_path / "kept"))
    assert result.returncode == 0, result.stderr
    assert "wine_data.csv: 142 rows to train and 36 to test: 13 features, 3 classes (0, 1, 2)." in result.stderr
    recording = Recording.load(out)
    assert recording.config.dataset.startswith("own-")
    assert str(tmp_path) not in recording.config.to_query()
    assert recording.frames[-1].test_accuracy > 0.9
    again = bnviz("run", "--set", f"dataset={recording.config.dataset}", "--set", "steps=1", BNVIZ_DATA=str(tmp_path))
    assert again.returncode == 2
    assert "somebody's own file, which is not on this machine" in again.stderr


def test_the_loss_follows_the_task(tmp_path):
    settings = [f"dataset={WINES}", "target=column 1", "steps=5"]
    config = config_from("sigmoid-depth", settings)
    assert (config.loss, config.learning_rate, config.data.classes) == ("mean_squared_error", SQUARED_RATE, 0)
    config = config_from("sigmoid-depth", [*settings, "loss=squared_error", "learning_rate=1e-4"])
    assert (config.loss, config.learning_rate) == ("squared_error", 1e-4)


def test_arms_are_set_by_their_labels():
    config = config_from("sigmoid-depth", ["arms=none,batch,batch+noise"])
    assert config.arms == (Arm("none"), Arm("batch"), Arm("batch", noise=True))


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_export_writes_the_table(form, tmp_path, capsys):
    out, table = tmp_path / "run.arrow", tmp_path / f"run.{form}"
    assert main(["run", "--set", "steps=21", "--set", "depth=2", "--out", str(out), "--no-progress"]) == 0
    assert main(["export", str(out), f"--{form}", str(table)]) == 0
    read = pd.read_csv(table) if form == "csv" else pd.read_parquet(table)
    pd.testing.assert_frame_equal(read, Recording.load(out).to_dataframe(), check_dtype=False)
    assert "18 rows" in capsys.readouterr().out


def test_presets_are_listed(capsys):
    assert main(["presets"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in PRESETS)


@pytest.mark.parametrize(
    "command",
    [
        [sys.executable, "-m", "bnviz.cli", "--no-browser"],
        [sys.executable, "app.py"],
        [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", "0"],
    ],
)
def test_each_way_to_start_serves_the_page_on_this_machine_alone(command):
    if "0" in command:
        import socket

        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            command = [*command[:-1], str(probe.getsockname()[1])]
    with dashboard(*command, env={"BROWSER": "true"}) as server:
        assert server.url.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(f"{server.url}/bnviz/plotly.min.js") as response:
            assert response.status == 200


def test_a_name_of_several_lines_is_said_in_one(capsys):
    assert main(["lessons", "no\r\nfolder"]) == 2
    assert capsys.readouterr().err == "bnviz: no folder: No such file or directory.\n"
