"""A sweep on a Dask cluster of two processes on this machine, of which one is killed meanwhile."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd

from bnviz import sweep
from tests.sweeping.test_sweep import BASE, GRID

ROOT = Path(__file__).parents[2]
ON_A_CLUSTER = """
import sys, threading, time
from pathlib import Path
from distributed import Client, LocalCluster
from bnviz import sweep
from tests.sweeping.test_sweep import BASE, GRID

def kill_one(cluster, out):
    while not [*out.glob("*.json")]:
        time.sleep(0.01)
    cluster.workers[0].process.process._process.kill()

if __name__ == "__main__":
    out = Path(sys.argv[1])
    with LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as cluster:
        with Client(cluster) as client:
            threading.Thread(target=kill_one, args=(cluster, out), daemon=True).start()
            found = sweep(BASE, GRID, seeds=3, executor=client.get_executor(), out=out, progress=False)
    assert not found.failed, found.failed
    found.to_dataframe().to_parquet(sys.argv[2])
"""


def test_a_cluster_gives_the_same_also_where_one_of_its_workers_is_killed(tmp_path):
    script, table = tmp_path / "cluster.py", tmp_path / "table.parquet"
    script.write_text(ON_A_CLUSTER)
    command = [sys.executable, str(script), str(tmp_path / "sweep"), str(table)]
    done = subprocess.run(
        command, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=170, check=False
    )
    assert done.returncode == 0, done.stderr
    here = sweep(BASE, GRID, seeds=3, jobs=1).to_dataframe()
    pd.testing.assert_frame_equal(
        pd.read_parquet(table).drop(columns="seconds"), here.drop(columns="seconds"), check_exact=True
    )
