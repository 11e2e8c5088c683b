"""Files of somebody's own, prepared in a process of its own and kept on this machine."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch

from bnviz.config.own import data_set
from bnviz.data import DataUnavailable, load
from bnviz.data.own import Mistake, load_file, safely, store
from bnviz.data.own.preparing import prepare
from bnviz.data.own.reading import read

from .files import SHIPPED, parquet, table, write


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A store of this test's own."""
    monkeypatch.setenv("BNVIZ_DATA", str(tmp_path / "kept"))
    return tmp_path / "kept"


def same(first, second):
    pairs = [(getattr(first, name), getattr(second, name)) for name in ("x_train", "y_train", "x_test", "y_test")]
    return all(torch.equal(a, b) for a, b in pairs)


def kept(path, target=None, task="auto"):
    """The name under which a file is kept."""
    return store.save(prepare(read(path), target, task), path.read_bytes())


def test_what_is_kept_is_what_was_read():
    file = SHIPPED / "wine_data.csv"
    own = safely.prepare(file, called="my wines.csv")
    data, notes = load_file(file)
    assert same(load(own.name), data)
    assert store.about(own.name) == own.about
    assert own.about.file == "my wines.csv"
    assert own.about.notes == notes
    known = data_set(own.name)
    assert (known.shape, known.classes, known.samples) == ((13,), 3, len(data.y_train))
    assert known.commonest == pytest.approx(71 / 178, abs=5e-4)
    assert abs(known.tests - len(data.y_test)) <= 1


def test_the_name_is_that_of_bytes_target_and_task(tmp_path):
    path = write(tmp_path / "d.csv", table(label=[i % 4 for i in range(40)]))
    shutil.copy(path, tmp_path / "e.csv")
    first = kept(path)
    assert kept(tmp_path / "e.csv", "label", "classification") == first
    others = [kept(path, "kind"), kept(path, task="regression")]
    path.write_text(path.read_text() + "1.5,a,2\n")
    others.append(kept(path))
    assert len({first, *others}) == 4
    assert [len(load(name).x_train) for name in (first, *others)] == [32, 31, 32, 33]  # 80 % of each class


def test_a_file_that_is_not_here_is_said(home):
    name = "own-0123456789abcdef-30-2-456-627"
    assert store.about(name) is None
    with pytest.raises(DataUnavailable, match="somebody's own file, which is not on this machine: add the same file"):
        load(name)
    home.mkdir()
    for damaged in (b"damaged", b"", b"PK\x03\x04 cut short"):
        (home / f"{name}.npz").write_bytes(damaged)
        with pytest.raises(DataUnavailable, match="not on this machine"):
            load(name)
        assert store.about(name) is None


def test_no_other_name_ever_becomes_a_path():
    for name in ("../secret", "/etc/passwd", "own-../../x"):
        for ask in (load, store.load, store.about):
            with pytest.raises(ValueError, match="Unknown data set"):
                ask(name)


def test_what_was_not_used_for_longest_goes_first(tmp_path, monkeypatch):
    names = [kept(write(tmp_path / f"{n}.csv", table(40 + n))) for n in range(2)]
    for age, name in enumerate(reversed(names)):
        os.utime(store.folder() / f"{name}.npz", (age, age))
    load(names[1])  # used since
    size = max(file.stat().st_size for file in store.folder().iterdir())
    monkeypatch.setattr(store, "MAX_BYTES", int(2.5 * size))
    path = write(tmp_path / "new.csv", table(45))
    newest = kept(path)
    assert {file.stem for file in store.folder().iterdir()} == {names[1], newest}
    monkeypatch.setattr(store, "MAX_BYTES", 1)
    assert kept(path) == newest
    assert {file.stem for file in store.folder().iterdir()} == {newest}


def test_a_mistake_comes_with_the_columns(tmp_path):
    with pytest.raises(Mistake, match=r"'label' of d\.csv is yes in every row") as caught:
        safely.prepare(write(tmp_path / "d.csv", table(label=["yes"] * 40)))
    assert caught.value.columns == ("size", "kind", "label")
    with pytest.raises(FileNotFoundError):
        safely.prepare(tmp_path / "nowhere.csv")


def test_a_name_for_people_may_hold_anything(tmp_path):
    path = write(tmp_path / "d.csv", table())
    called = "\0\n\ud800" + "ö" * 1000 + "-- $(x).csv"
    assert safely.prepare(path, called=called).about.file == "ö" * (safely.LONGEST_NAME - 11) + "-- $(x).csv"


def test_no_file_takes_longer_than_allowed_or_this_process_along(tmp_path):
    path = write(tmp_path / "d.csv", table())
    with pytest.raises(Mistake, match=r"d\.csv took longer than the 0\.01 seconds that are allowed"):
        safely.prepare(path, longest=0.01)
    rng = random.Random(0)
    raw = parquet(tmp_path / "d.parquet", table(100)).read_bytes()
    for _ in range(4):
        data = bytearray(raw)
        for _ in range(20):
            data[rng.randrange(4, len(data) - 8)] = rng.randrange(256)
        (tmp_path / "d.parquet").write_bytes(data)
        try:
            own = safely.prepare(tmp_path / "d.parquet")
        except Mistake:
            continue
        assert load(own.name).x_train.isfinite().all()


def test_a_folder_that_cannot_be_written_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("BNVIZ_DATA", str(write(tmp_path / "d.csv", table())))
    with pytest.raises(Mistake, match=r"d\.csv could not be kept on this machine: File exists\."):
        safely.prepare(tmp_path / "d.csv")


def test_a_process_that_dies_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(Mistake, match=r"d\.csv could not be read: it is damaged, or needs too much memory\."):
        safely.prepare(write(tmp_path / "d.csv", table()))


def test_too_much_memory_is_said(tmp_path):
    path = tmp_path / "d.npz"
    np.savez_compressed(path, x=np.zeros((100, 8, 8)), y=np.arange(100) % 2)
    code = (
        "import bnviz.data.own.__main__ as child, sys, resource;"
        "import bnviz.data.own.reading as reading;"
        "reading.READERS['.npz'] = lambda raw, called: bytearray(64 * 2**30);"
        f"sys.argv = ['', {str(path)!r}, 'd.npz', 'null', 'auto']; child.main()"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "d.npz needs more memory than the 4 GB that are allowed." in result.stdout


def test_asking_brings_neither_torch_nor_scikit_learn(tmp_path):
    path = write(tmp_path / "d.csv", table())
    code = (
        "import sys, pathlib; from bnviz.data.own import safely, store;"
        f"own = safely.prepare(pathlib.Path({str(path)!r}));"
        "assert store.about(own.name) == own.about; assert not {'torch', 'sklearn', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
