"""What CONTRIBUTING shows as diffs is done to a copy of the package, and what they add is used from there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DIFFS = dict(
    zip(("normalization", "quantity"), re.findall(r"```diff\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.S),
        strict=True)
)  # fmt: skip
PAGE = """
from streamlit.testing.v1 import AppTest
from bnviz.serve.shared import Server, use
from bnviz.ui import PAGE

server = use(Server())
page = AppTest.from_file(str(PAGE), default_timeout=60)
for name, text in QUERY.items():
    page.query_params[name] = text
page.run()
assert not page.exception, page.exception
run = server.hub.get(page.session_state["run"])
"""
NORMALIZATION = (
    """
import time
import numpy as np
import bnviz
from bnviz.config import RunConfig
from bnviz.ics import ShiftMeter
from bnviz.training import Trainer, train

config = RunConfig.from_query("arms=none,mean_only&depth=2&steps=3&measure_every=1&activation=relu")
frames = list(train(config))
ours = [frame for frame in frames if frame.arm == "mean_only"]
assert ours and all(np.isfinite(frame.ics_l2).all() for frame in ours)
assert np.isfinite(ours[-1].running_mean_gap[:-1]).all()
net = Trainer(config).models["mean_only"]
assert ShiftMeter(net, net).stackable
bnviz.Recording(config, frames).save("it.arrow")
assert bnviz.Recording.load("it.arrow").config == config
"""
    + PAGE.replace("QUERY", '{"arms": "none,mean_only", "depth": "2", "tab": "modes"}')
    + """
assert run.config.arms[1].title == "BatchNorm, mean only"
assert "BatchNorm, mean only" in page.selectbox(key="arm1_kind").options
assert page.toggle(key="arm1_on").label == "BatchNorm, mean only"
deadline = time.monotonic() + 60
while not run.step and time.monotonic() < deadline:
    time.sleep(0.05)
assert run.step and run.status.value != "failed"
server.close()
"""
)
QUANTITY = (
    """
import numpy as np
import bnviz
from bnviz import charts
from bnviz.charts import Scene, View
from bnviz.config import RunConfig
from bnviz.frames import group_by_step
from bnviz.training import Trainer, train

config = RunConfig(depth=2, steps=3, measure_every=1)
frames = list(train(config))
weights = [child.weight for child in Trainer(config).models["none"].modules() if hasattr(child, "weight")]
assert np.allclose(frames[0].weight_norm, [float((weight.detach() ** 2).sum()) ** 0.5 for weight in weights])
bnviz.Recording(config, frames).save("it.arrow")
read = bnviz.Recording.load("it.arrow")
assert np.array_equal(read.frames[-1].weight_norm, frames[-1].weight_norm)
assert "weight_norm" in read.to_dataframe()
steps = list(group_by_step(frames))
figures = charts.figures(Scene(config, steps, (), steps[-1]), View(tab="weights"))["figures"]
assert set(figures) == {"weight_norm", "weight_norm-steps"}
"""
    + PAGE.replace("QUERY", '{"depth": "2", "tab": "about"}')
    + """
assert "### Weights" in [each.value for each in page.markdown]
assert any("Weight norm" in each.label for each in page.main.expander)
server.close()
"""
)


@pytest.mark.parametrize(("what", "code"), [("normalization", NORMALIZATION), ("quantity", QUANTITY)])
def test_what_contributing_shows_is_all_it_takes(tmp_path, what, code):
    shutil.copytree(ROOT / "bnviz", tmp_path / "bnviz", ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(["git", "apply", "-"], input=DIFFS[what], text=True, check=True, cwd=tmp_path)
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=150, check=False
    )
    assert result.returncode == 0, result.stderr
