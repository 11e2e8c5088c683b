"""What is wrong with a file of somebody's own: one sentence with what was given and what is allowed."""

from __future__ import annotations

import contextlib
import datetime
import math
import random
import zipfile

import numpy as np
import pytest

from bnviz.config.own import MAX_ROWS
from bnviz.data.own import Mistake, load_file

from .files import images, parquet, table, write


def said(path, target=None, task="auto"):
    with pytest.raises(Mistake) as caught:
        load_file(path, target, task)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence[-1] in ".)"
    return sentence


N = 40
COLUMNS = {
    "one column": ({"a": [*range(N)]}, {}, "has one column, a; a target and at least one feature are needed"),
    "no rows": ({"a": [], "b": []}, {}, "has no rows below its first line"),
    "too few": ({"a": [1, 2, 3.5], "b": [*"xyx"]}, {}, "has 3 rows with a target; at least 10 are needed"),
    "constant": (table(size=[7] * N, kind=["a"] * N), {},
                 "has no feature to learn from (the same in every row: size, kind); at least one that varies"),
    "one class": (table(label=["yes"] * N), {}, "The target 'label' of d.csv is yes in every row; at least 2 classes"),
    "no target": (table(label=[""] * N), {}, "The target 'label' of d.csv has no values; rows need one."),
    "unknown": (table(), {"target": "lable"},
                "target must be a column of d.csv, got 'lable'. Columns: size, kind, label."),
    "task": (table(), {"task": "sorting"}, "task must be one of auto, classification, regression, got 'sorting'."),
    "text": (table(), {"task": "regression"}, "The target 'label' of d.csv holds text (no); regression needs numbers"),
    "flat": (table(label=[2.5] * N), {"task": "regression"}, "The target 'label' of d.csv is 2.5 in every row; it has"),
    "infinite": (table(size=[math.inf, *range(1, N)]), {}, "The column 'size' of d.csv holds infinite values; finite"),
    "infinite y": (table(label=[math.inf, *range(1, N)]), {}, "The target 'label' of d.csv holds infinite values; fin"),
    "all distinct": (table(label=[f"n{i}" for i in range(N)]), {}, "has 40 different values in 40 rows; up to 1,000"),
    "ids alone": (table(size=None, kind=[f"id {i}" for i in range(N)]), {}, "(another text in every row: kind)"),
    "long name": (table(**{"n" * 101: [*range(N)]}), {}, "has a name of 101 letters; at most 100 are allowed"),
    "too large": (table(size=[1e308 * (i % 3 - 1) for i in range(N)]), {}, "holds numbers too large to be standard"),
}  # fmt: skip


@pytest.mark.parametrize("case", COLUMNS)
def test_columns(case, tmp_path):
    columns, asked, words = COLUMNS[case]
    assert words in said(write(tmp_path / "d.csv", columns), **asked)


TEXTS = {
    "empty": (b"", "d.csv is empty; a row for each sample is needed."),
    "blank": (b"\n \n\n", "d.csv is empty; a row for each sample is needed."),
    "utf-16": ("a,b\n1,2\n".encode("utf-16"), "d.csv is text in UTF-16; UTF-8 is allowed: save it as “CSV UTF-8”."),
    "binary": (
        bytes(range(256)) * 9,
        "d.csv is no text, or in an encoding that is not known; CSV in UTF-8 is allowed.",
    ),
    "twice": (b"a,b,a\n" + b"1,2,3\n" * N, "d.csv has more than one column called a; each name may be there once."),
    "ragged": (b"a,b\n" + b"1,2\n" * N + b"1,2,3\n", "Line 42 of d.csv has 3 fields, line 2 has 2; all must have"),
    "prose": (b"Once upon a time\nthere was a\nnet that did not train.\n", "has one column"),
}


@pytest.mark.parametrize("case", TEXTS)
def test_texts(case, tmp_path):
    raw, words = TEXTS[case]
    (tmp_path / "d.csv").write_bytes(raw)
    assert words in said(tmp_path / "d.csv")


def test_too_many(tmp_path, monkeypatch):
    many = {"a": [i % 7 for i in range(MAX_ROWS + 1)], "y": [i % 2 for i in range(MAX_ROWS + 1)]}
    assert "d.csv has 200,001 rows; at most 200,000 are allowed." in said(write(tmp_path / "d.csv", many))
    assert "d.parquet has 200,001 rows; at most 200,000" in said(parquet(tmp_path / "d.parquet", many))
    city = {
        "city": [f"c{i % 10_000}" for i in range(20_000)],
        "a": [i % 9 for i in range(20_000)],
        "y": many["y"][:20_000],
    }
    assert "d.csv makes " in (words := said(write(tmp_path / "d.csv", city)))
    assert "of them categories of 'city'; at most 2,000 are allowed." in words
    assert "The target 'city' of d.csv has 10,000 different values in 20,000 rows; up to 1,000" in said(
        tmp_path / "d.csv", "city"
    )
    (tmp_path / "wide.csv").write_text(",".join(["1.5"] * 4001) + "\n" + ",".join(["2.5"] * 4001))
    assert "wide.csv has 4,001 columns; at most 4,000 are allowed." in said(tmp_path / "wide.csv")
    monkeypatch.setattr("bnviz.data.own.features.MAX_NUMBERS", 100)
    assert "makes 4 features in 40 rows, 160 numbers; at most 100 are" in said(write(tmp_path / "d.csv", table()))
    monkeypatch.setattr("bnviz.data.own.reading.MAX_MEGABYTES", 0.0001)
    assert "d.csv has 0.0 MB; at most 0.0001 are allowed." in said(tmp_path / "d.csv")


ARRAYS = {
    "no x": ({"a": np.ones(3)}, "must hold two arrays called x and y, got a"),
    "lengths": ({"x": np.ones((30, 2)), "y": np.ones(29)}, "as many rows in x as in y, got shapes (30, 2) and (29,)"),
    "objects": (
        {"x": np.array([{}] * 30), "y": np.ones(30)},
        "x of d.npz is an array of Python objects, which are not",
    ),
    "text in x": ({"x": np.array(["a"] * 30), "y": np.ones(30)}, "x of d.npz must hold numbers, got <U1."),
    "complex": ({"x": np.ones((30, 2)), "y": np.ones(30) * 1j}, "y of d.npz must hold numbers or text, got complex128"),
    "y of rank 2": (
        {"x": np.ones((30, 2)), "y": np.ones((30, 2))},
        "y of d.npz must be of shape (n,), a target for each",
    ),
    "x of rank 1": (
        {"x": np.ones(30), "y": np.arange(30)},
        "must be of shape (n, features), (n, h, w) or (n, c, h, w)",
    ),
    "x of rank 5": ({"x": np.ones((30, 1, 2, 2, 2)), "y": np.arange(30)}, "must be of shape (n, features), (n, h, w)"),
    "scalars": ({"x": np.float64(3), "y": np.float64(3)}, "as many rows in x as in y, got shapes () and ()"),
    "large": ({"x": np.ones((30, 65, 8)), "y": np.arange(30)}, "up to 4 channels of 64×64 pixels, got 1 of 65×8"),
    "no pixel": ({"x": np.ones((30, 0, 8)), "y": np.arange(30)}, "up to 4 channels of 64×64 pixels, got 1 of 0×8"),
    "wide": (
        {"x": np.ones((30, 2001)), "y": np.arange(30)},
        "x of d.npz has 2,001 features; at most 2,000 are allowed",
    ),
    "flat": ({"x": np.ones((30, 8, 8)), "y": np.arange(30) % 2}, "The images of d.npz are 1 in every pixel; they have"),
    "holes": ({"x": np.full((30, 8, 8), np.nan), "y": np.arange(30) % 2}, "hold values that are missing or infinite"),
}


@pytest.mark.parametrize("case", ARRAYS)
def test_arrays(case, tmp_path):
    arrays, words = ARRAYS[case]
    np.savez(tmp_path / "d.npz", **arrays)
    assert words in said(tmp_path / "d.npz")


def test_a_file_that_is_something_else(tmp_path):
    for kind in ("npz", "parquet"):
        (tmp_path / f"d.{kind}").write_bytes(b"surely not")
        assert f"d.{kind} could not be read: it is damaged, or no {kind.upper()} file." in said(tmp_path / f"d.{kind}")
    (tmp_path / "d.xlsx").write_bytes(b"x")
    assert "d.xlsx is no file of a kind that can be read: .csv, .parquet, .npz can." in said(tmp_path / "d.xlsx")
    with pytest.raises(FileNotFoundError):
        load_file(tmp_path / "nowhere.csv")


def test_an_npz_that_unpacks_to_gigabytes_is_not_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "d.npz", "w", zipfile.ZIP_DEFLATED) as packed, packed.open("x.npy", "w") as member:
        for _ in range(401):
            member.write(bytes(1_000_000))
    assert "d.npz unpacks to 401 MB; at most 400 are allowed." in said(tmp_path / "d.npz")


def test_columns_that_cannot_be_learned_from_in_a_parquet_file(tmp_path):
    days = [datetime.date(2020, 1, 1 + i % 28) for i in range(N)]
    path = parquet(tmp_path / "d.parquet", {"day": days, "pair": [[1, 2]] * N, "y": [i % 2 for i in range(N)]})
    assert "(dates: day; neither numbers nor text: pair)" in said(path)


def mutated(raw, rng):
    """A few bytes changed, a piece taken out or doubled, or the end cut off."""
    data = bytearray(raw)
    for _ in range(rng.randint(1, 8)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    start, length = rng.randrange(len(data)), rng.randrange(64)
    return bytes(
        rng.choice([data, data[:start] + data[start + length :], data[: start + length] + data[start:], data[:start]])
    )


@pytest.mark.parametrize("kind", ["csv", "npz", "bytes"])
@pytest.mark.filterwarnings("ignore")  # what libraries think of garbage
def test_whatever_the_bytes_there_is_a_set_or_one_sentence(kind, tmp_path):
    rng = random.Random(0)
    path = tmp_path / f"d.{'npz' if kind == 'npz' else 'csv'}"
    raw = images(path, 30, 4, 4).read_bytes() if kind == "npz" else write(path, table()).read_bytes()
    for _ in range(60):
        path.write_bytes(rng.randbytes(rng.randrange(400)) if kind == "bytes" else mutated(raw, rng))
        with contextlib.suppress(Mistake):
            data, notes = load_file(path)
            assert notes
            assert bool(data.x_train.isfinite().all())
