"""A file of somebody's own as a data set, against reading it by csv and loops."""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest
import torch

from bnviz.data.own import load_file
from bnviz.data.parts import split

from .files import SHIPPED, images, parquet, table, write

EMPTY = ("", "?", "NA")


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def by_hand(rows, y, numbers, categories, seed=0):
    """Inputs of both parts as the definition has them: a loop over columns, a loop over rows."""
    (train, _), (test, _) = split(np.arange(len(rows)), y, seed)
    columns = []
    for j in numbers:
        known = sorted(float(rows[i][j]) for i in train if rows[i][j] not in EMPTY)
        half = len(known) // 2
        median = known[half] if len(known) % 2 else (known[half - 1] + known[half]) / 2
        filled = [median if row[j] in EMPTY else float(row[j]) for row in rows]
        mean = sum(filled[i] for i in train) / len(train)
        std = math.sqrt(sum((filled[i] - mean) ** 2 for i in train) / len(train))
        columns.append([(value - mean) / std for value in filled])
    for j in categories:
        values = [row[j] if row[j] not in EMPTY else "(missing)" for row in rows]
        for category in sorted({values[i] for i in train}):
            columns.append([float(value == category) for value in values])
    x = np.array(columns).T
    return x[train], x[test], train, test


def matches(data, expected, y):
    x_train, x_test, train, test = expected
    np.testing.assert_allclose(data.x_train.numpy(), x_train, atol=1e-5)
    np.testing.assert_allclose(data.x_test.numpy(), x_test, atol=1e-5)
    assert data.y_train.tolist() == [y[i] for i in train]
    assert data.y_test.tolist() == [y[i] for i in test]


@pytest.mark.parametrize(("name", "classes"), [("breast_cancer", 2), ("wine_data", 3), ("iris", 3)])
def test_shipped_tables_are_read_as_by_hand(name, classes):
    path = SHIPPED / f"{name}.csv"
    data, notes = load_file(path)
    rows = rows_of(path)[1:]  # their first line holds figures, not names
    y = [int(row[-1]) for row in rows]
    matches(data, by_hand(rows, np.array(y), range(len(rows[0]) - 1), []), y)
    assert data.classes == classes
    assert notes[0].startswith(f"{len(data.y_train)} rows to train and {len(data.y_test)} to test: ")


def test_categories_and_what_is_missing(tmp_path):
    columns = table(60, kind=[["", "a", "b", "ü"][i % 4] for i in range(60)])
    columns["size"] = ["?" if i % 7 == 0 else value for i, value in enumerate(columns["size"])]
    columns["size 2"] = ["NA" if i in (1, 2) else i * 1.5 % 7 for i in range(60)]
    columns["always"] = [3] * 60
    columns["day"] = [f"2024-01-{1 + i % 9:02}" for i in range(60)]
    columns["remark"] = [f"remark {i}" for i in range(60)]
    columns["row"] = [*range(1, 61)]
    columns["label"] = ["" if i in (5, 6) else "yes" if i % 4 else "no" for i in range(60)]
    path = write(tmp_path / "d.csv", columns)
    data, notes = load_file(path, "label")
    names, *rows = rows_of(path)
    rows = [row for row in rows if row[names.index("label")]]
    y = [int(row[names.index("label")] == "yes") for row in rows]
    expected = by_hand(rows, np.array(y), [names.index("size"), names.index("size 2")], [names.index("kind")])
    matches(data, expected, y)
    assert notes[1:] == (
        "2 rows without a target left out.",
        "1 column of categories made one-hot: kind.",
        "11 missing values filled with the column's median: size, size 2.",
        "15 missing values filled with a category of their own: kind.",
        "Left out, the same in every row: always.",
        "Left out, dates: day.",
        "Left out, another text in every row: remark.",
        "Left out, the row's number: row.",
    )


def test_numbers_to_foretell_are_standardized_and_said(tmp_path):
    columns = table(50, label=[round(math.sin(i) * 40 + 3, 3) for i in range(50)])
    data, notes = load_file(write(tmp_path / "d.csv", columns))
    (train, _), (test, _) = split(np.arange(50), np.zeros(50))
    known = [columns["label"][i] for i in train]
    mean = sum(known) / len(known)
    std = math.sqrt(sum((value - mean) ** 2 for value in known) / len(known))
    assert data.classes == 0
    assert data.y_train.shape == (40, 1)
    for found, part in ((data.y_train, train), (data.y_test, test)):
        np.testing.assert_allclose(found[:, 0].numpy(), [(columns["label"][i] - mean) / std for i in part], atol=1e-5)
    assert notes[-1] == f"The target was standardized: its mean is {mean:g}, its standard deviation {std:g}."


def test_the_task_is_found_and_can_be_changed(tmp_path):
    marks = write(tmp_path / "marks.csv", table(60, label=[i % 6 for i in range(60)]))
    assert load_file(marks)[0].classes == 6
    assert load_file(marks, task="regression")[0].classes == 0
    assert load_file(marks, "kind")[0].classes == 3
    years = write(tmp_path / "years.csv", table(60, label=[1950 + i for i in range(60)]))
    assert load_file(years)[0].classes == 0
    truth = parquet(
        tmp_path / "truth.parquet", {"a": [i % 7 * 0.5 for i in range(20)], "y": [i % 3 == 0 for i in range(20)]}
    )
    assert load_file(truth)[0].classes == 2


@pytest.mark.parametrize("target", ["target", "Label", "class", "y"])
def test_a_column_with_the_name_of_a_target_is_taken_and_else_the_last(target, tmp_path):
    columns = {target: [*"ab" * 10], "a": [i % 7 for i in range(20)], "b": [i % 3 for i in range(20)]}
    assert load_file(write(tmp_path / "d.csv", columns))[0].x_train.shape[1] == 2
    last = {"a": [i % 7 * 0.5 for i in range(20)], "c": [*"xyzx" * 5]}
    assert load_file(write(tmp_path / "d.csv", last))[0].classes == 3


def test_rows_for_testing_have_no_say(tmp_path):
    columns = table(50, kind=["abc"[i % 3] for i in range(50)])
    first, _ = load_file(write(tmp_path / "d.csv", columns))
    y = np.array([label == "yes" for label in columns["label"]])
    (_, _), (test, _) = split(np.arange(50), y)
    for i in test:
        columns["size"][i], columns["kind"][i] = 1e6, f"new {i}"
    second, _ = load_file(write(tmp_path / "d.csv", columns))
    assert torch.equal(first.x_train, second.x_train)
    assert second.x_test[:, 1:].abs().sum() == 0  # categories that training never saw
    assert float(second.x_test[:, 0].min()) > 1e5


def test_no_more_rows_than_enough_are_for_testing(tmp_path):
    data, notes = load_file(write(tmp_path / "d.csv", table(6000)))
    assert (len(data.x_train), len(data.x_test)) == (4800, 1000)
    assert notes[0].startswith("4,800 rows to train and 1,000 to test: ")
    assert "Of 1,200 rows for testing 1,000 are used." in notes


def test_the_seed_decides_the_split(tmp_path):
    path = write(tmp_path / "d.csv", table(50))
    one, other = load_file(path)[0], load_file(path, seed=1)[0]
    assert not torch.equal(one.x_train, other.x_train)
    assert torch.equal(one.x_train, load_file(path)[0].x_train)
    assert int(one.y_test.sum()) == int(other.y_test.sum())  # stratified


def test_a_class_of_one_row_and_classes_too_small_to_be_split(tmp_path):
    one = load_file(write(tmp_path / "d.csv", table(label=["rare"] + ["no", "yes", "no"] * 13)))[0]
    assert (one.classes, len(one.x_test)) == (3, 8)
    pairs = load_file(write(tmp_path / "d.csv", table(10, label=[*"aabbccddee"])))[0]
    assert (pairs.classes, len(pairs.x_train), len(pairs.x_test)) == (5, 8, 2)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a;b;y\n1,5;2,25;j\n", "Numbers are read with a decimal comma. Fields are separated by semicolons."),
        ("a\tb\ty\n1.5\t2.25\tj\n", "Fields are separated by tabs."),
        ("a|b|y\n1.5|2.25|j\n", "Fields are separated by vertical bars."),
        ("a  b y\n1.5 2.25  j\n", "Fields are separated by spaces."),
        ('\ufeff"a","b","y"\r\n"1.5","2.25","j"\r\n', ""),
        ('\n"a\nb",b,y\n1.5,2.25,j\n\n', ""),
        ("1,2,3\n1.5,2.25,j\n", "The first line holds numbers, no names: columns are called by their places."),
    ],
)
def test_separators_and_signs_are_found(text, words, tmp_path):
    head, _, line = text.rstrip("\r\n").rpartition("\n")
    body = [line.replace("1", str(1 + i % 9), 1).replace("j", "jn"[i % 2]) for i in range(18)]
    body = [line[: line.rindex("25")] + f"{i}5" + line[line.rindex("25") + 2 :] for i, line in enumerate(body)]
    (tmp_path / "d.csv").write_text("\n".join([head, *body]), encoding="utf-8", newline="")
    data, notes = load_file(tmp_path / "d.csv", task="classification")
    assert data.x_train.shape[1] == 2
    assert words in " ".join(notes)
    assert data.classes == (3 if text.startswith("1,2,3") else 2)


def test_latin_letters_are_read_and_said(tmp_path):
    (tmp_path / "d.csv").write_bytes("größe,y\n".encode("latin-1") + b"1.5,a\n2.5,b\n" * 10)
    _, notes = load_file(tmp_path / "d.csv")
    assert "was read as Latin-1" in notes[1]


def test_parquet_says_the_same_as_csv(tmp_path):
    import pandas as pd

    columns = table(50)
    frame = pd.DataFrame(columns)
    frame.set_index("kind").to_parquet(tmp_path / "d.parquet")  # an index is a column as any other
    from_csv = load_file(write(tmp_path / "d.csv", columns))[0]
    from_parquet = load_file(tmp_path / "d.parquet", "label")[0]
    assert torch.equal(from_csv.x_train, from_parquet.x_train)
    assert torch.equal(from_csv.y_test, from_parquet.y_test)


@pytest.mark.parametrize("shape", [(40, 5, 6), (40, 3, 5, 6), (40, 5, 6, 3)])
def test_images_are_standardized_over_all_pixels(shape, tmp_path):
    data, notes = load_file(images(tmp_path / "d.npz", *shape))
    with np.load(tmp_path / "d.npz") as arrays:
        x, y = arrays["x"].astype(float), arrays["y"]
    x = x[:, None] if x.ndim == 3 else x.transpose(0, 3, 1, 2) if shape[3] == 3 else x
    (train, _), (test, _) = split(np.arange(40), y)
    pixels = x[train].ravel().tolist()
    mean = sum(pixels) / len(pixels)
    std = math.sqrt(sum((pixel - mean) ** 2 for pixel in pixels) / len(pixels))
    np.testing.assert_allclose(data.x_train.numpy(), (x[train] - mean) / std, atol=1e-5)
    np.testing.assert_allclose(data.x_test.numpy(), (x[test] - mean) / std, atol=1e-5)
    assert data.y_train.tolist() == y[train].tolist()
    assert ("its last axis was taken for the channels" in " ".join(notes)) == (shape[-1] == 3)


def test_an_npz_of_features_is_a_table(tmp_path):
    x = np.random.default_rng(0).standard_normal((40, 3))
    x[3, 1] = np.nan
    np.savez(tmp_path / "d.npz", x=x, y=np.array([*"ab" * 20])[:, None])
    data, notes = load_file(tmp_path / "d.npz")
    assert data.x_train.shape == (32, 3)
    assert notes[1] == "1 missing value filled with the column's median: x1."


def test_a_categorical_column_with_one_category_is_left_out(tmp_path):
    import pandas as pd

    path = tmp_path / "frame.parquet"
    pd.DataFrame(table()).assign(same=pd.Categorical(["a"] * 40)).to_parquet(path)
    _, notes = load_file(path, "label")
    assert any("same" in note for note in notes)
