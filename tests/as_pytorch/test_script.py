"""The scripts run, without bnviz, and their losses are those of the run."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from bnviz.as_pytorch import script
from bnviz.cli import main
from bnviz.config import NORMALIZATIONS, RunConfig
from bnviz.frames import Event
from bnviz.training import train

MLP = {"depth": "3", "width": "16", "steps": "50", "measure_every": "10", "batch_size": "64", "learning_rate": "0.2"}
CNN = MLP | {"model": "cnn", "width": "8", "activation": "relu", "init": "he", "learning_rate": "0.05"}
FIRST = {"arms": "none,batch,layer,group,rms,weight"}
OTHERS = {"arms": "batch_l1,batch_linf@0.1,batch+noise,none+auxiliary,layer+pretrain,none+noise"}
CASES: dict[str, dict[str, str]] = {
    "mlp": MLP | FIRST,
    "mlp, others": MLP | OTHERS | {"activation": "tanh", "bn_momentum": "0.3"},
    "cnn": CNN | FIRST,
    "cnn, others": CNN | OTHERS | {"depth": "4"},
    "adam": MLP | {"optimizer": "adam", "learning_rate": "0.001", "activation": "gelu", "init": "orthogonal",
                   "arms": "batch,weight"},
    "momentum": MLP | {"optimizer": "momentum", "activation": "silu", "init": "normal_0.01", "seed": "7",
                       "weight_scale": "1.7", "arms": "none,batch,none"},
    "gaussian": MLP | {"dataset": "gaussian", "loss": "squared_error", "activation": "identity", "batch_size": "1000",
                       "learning_rate": "1e-5"},
    "moons": MLP | {"dataset": "moons", "data_noise": "0.1", "activation": "leaky_relu", "seed": "3"},
    "circles": MLP | {"dataset": "circles", "loss": "squared_error", "learning_rate": "0.001"},
    "spiral": MLP | {"dataset": "spiral", "data_noise": "0.3", "loss": "mean_squared_error"},
    "iris": MLP | {"dataset": "iris"},
    "wine": MLP | {"dataset": "wine", "activation": "relu"},
    "breast_cancer": MLP | {"dataset": "breast_cancer"},
}  # fmt: skip
RUNNER = "import runpy, sys\nfor path in sys.argv[1:]: print('==', path); runpy.run_path(path, run_name='__main__')\n" \
    "assert 'bnviz' not in sys.modules"  # fmt: skip


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """What each script prints, run one after the other in an interpreter that knows nothing of bnviz."""
    folder = tmp_path_factory.mktemp("scripts")
    for number, settings in enumerate(CASES.values()):
        (folder / f"{number}.py").write_text(script(RunConfig.from_dict(settings)))
    files = [str(folder / f"{number}.py") for number in range(len(CASES))]
    command = [sys.executable, "-I", "-W", "error", "-c", RUNNER, *files]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    assert done.returncode == 0, done.stderr
    return dict(zip(CASES, done.stdout.split("== ")[1:], strict=True))


@pytest.mark.parametrize("name", CASES)
def test_a_script_has_the_losses_of_the_run(printed, name):
    config = RunConfig.from_dict(CASES[name])
    wanted = [(frame.step, frame.arm, frame.train_loss) for frame in train(config)]
    rows = [line.split("\t") for line in printed[name].splitlines() if line.startswith("step ")]
    found = [(int(row[0].split()[1]), *cell.rsplit(" ", 1)) for row in rows for cell in row[1:]]
    assert [each[:2] for each in found] == [each[:2] for each in wanted]
    assert [float(each[2]) for each in found] == pytest.approx([each[2] for each in wanted], rel=1e-6)
    assert printed[name].count("\ntest ") == len(config.arms)


def test_every_normalization_that_the_page_offers_is_in_a_script():
    arms = {arm.normalization for settings in CASES.values() for arm in RunConfig.from_dict(settings).arms}
    assert arms == set(NORMALIZATIONS)


def test_changes_made_on_the_way_are_told_and_short_runs_have_short_scripts():
    events = [Event(7, "change", "none", {"normalization": "batch"}), Event(9, "diverged", "none")]
    text = script(RunConfig(), events)
    assert "# step 7: none: normalization → batch" in text
    assert "diverged" not in text
    assert len(text.splitlines()) < 105
    assert "\nclass " not in text


def test_what_somebody_elses_recording_tells_stays_a_remark():
    for mark in "\n\r\x00\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029":
        event = Event(7, "change", f"none{mark}import os", {"learning_rate": f"0.1{mark}print('INJECTED')"})
        text = script(RunConfig(), [event])
        assert "# step 7: none import os: learning_rate → 0.1 print('INJECTED')\n" in text
        assert ast.dump(ast.parse(text)) == ast.dump(ast.parse(script(RunConfig())))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"model": "own", "arms": "as_is"}, "There is no script of your own model"),
        ({"dataset": "mnist"}, "MNIST is downloaded"),
        ({"arms": "none+pretrain", "optimizer": "adam"}, "pre-training with another optimizer"),
    ],
)
def test_what_a_script_cannot_have_is_said(settings, said):
    with pytest.raises(ValueError, match=said):
        script(RunConfig.from_dict(settings))


def test_the_command_writes_a_script(tmp_path, capsys):
    assert main(["run", "--set", "depth=2", "--as-pytorch", str(tmp_path / "run.py")]) == 0
    assert (tmp_path / "run.py").read_text() == script(RunConfig(depth=2))
    assert main(["run", "--set", "dataset=mnist", "--as-pytorch", str(tmp_path / "no.py")]) == 2
    assert "MNIST is downloaded" in capsys.readouterr().err
    assert not (tmp_path / "no.py").exists()
