"""The sets that need no download; those of openml.org are in test_openml.py."""

import math
import subprocess
import sys

import numpy as np
import pytest
import torch

from bnviz import data as datasets
from bnviz.config import CATALOG
from bnviz.data import Data, load
from bnviz.data.parts import split

AT_HAND = [name for name, data in CATALOG.items() if not data.openml]
DRAWN = ["moons", "circles", "spiral"]
STANDARDIZED = [name for name in AT_HAND if name != "gaussian"]


def tensors(data: Data) -> list[torch.Tensor]:
    return [data.x_train, data.y_train, data.x_test, data.y_test]


def same(first: Data, second: Data) -> bool:
    return all(torch.equal(a, b) for a, b in zip(tensors(first), tensors(second), strict=True))


def raw(name: str) -> tuple[np.ndarray, np.ndarray]:
    """The samples as scikit-learn gives them, a row each."""
    import sklearn.datasets

    loaders = {"moons": "make_moons", "circles": "make_circles"}
    if name == "spiral":
        return datasets._spiral(0.2, 0)
    if name in loaders:
        extra = {"factor": 0.5} if name == "circles" else {}
        return getattr(sklearn.datasets, loaders[name])(1000, noise=0.2, random_state=0, **extra)
    return getattr(sklearn.datasets, f"load_{name}")(return_X_y=True)


@pytest.mark.parametrize("name", AT_HAND)
def test_shapes_are_as_described(name):
    data, known = load(name), CATALOG[name]
    in_shape, classes, n = known.shape, known.classes, known.samples
    assert data.in_shape == in_shape
    assert data.classes == classes
    assert data.x_train.shape == (n, *in_shape)
    assert data.x_test.shape[1:] == in_shape
    assert len(data.y_train) == n
    assert len(data.y_test) == len(data.x_test)
    assert data.x_train.dtype == data.x_test.dtype == torch.float32
    assert data.y_train.dtype == data.y_test.dtype == (torch.int64 if classes else torch.float32)
    assert all(torch.isfinite(tensor).all() for tensor in tensors(data))
    if classes:
        assert set(data.y_train.tolist()) == set(data.y_test.tolist()) == set(range(classes))


@pytest.mark.parametrize("name", STANDARDIZED)
def test_each_sample_is_in_one_part(name):
    x, y = raw(name)
    (train, _), (test, _) = split(np.arange(len(x)), y)
    assert sorted([*train, *test]) == list(range(len(x)))
    for label in set(y.tolist()):
        of_class = sum(y == label)
        assert sum(y[test] == label) == round(0.2 * of_class)


@pytest.mark.parametrize("name", STANDARDIZED)
def test_standardized_with_the_training_part_alone(name):
    x, y = raw(name)
    (train, y_train), (test, y_test) = split(np.arange(len(x)), y)
    data = load(name)
    columns = [x[train].ravel()] * x.shape[1] if name == "digits" else x[train].T
    for j, column in enumerate(columns):
        mean = sum(column.tolist()) / len(column)
        std = math.sqrt(sum((value - mean) ** 2 for value in column.tolist()) / len(column))
        for found, rows in ((data.x_train, train), (data.x_test, test)):
            np.testing.assert_allclose(found.flatten(1)[:, j].numpy(), (x[rows, j] - mean) / std, atol=2e-6)
        if name == "digits" and j == 10:
            break  # all pixels have the same mean and deviation, and each takes a loop over all
    assert data.y_train.tolist() == y_train.tolist()
    assert data.y_test.tolist() == y_test.tolist()


def test_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    images, labels = datasets._digits()
    np.testing.assert_array_equal(images[:, 0], load_digits().images)
    np.testing.assert_array_equal(labels, load_digits().target)


def test_pixels_are_counted_right():
    images = np.random.default_rng(0).integers(0, 256, (2500, 1, 2, 3)).astype(np.uint8)
    mean, std = datasets._pixel_statistics(images)
    assert mean == pytest.approx(images.mean())
    assert std == pytest.approx(images.std())


def test_nearest_neighbour_knows_the_digits():
    data = load("digits")
    x_train, x_test = data.x_train.flatten(1).numpy(), data.x_test.flatten(1).numpy()
    nearest = [int(np.argmin(((x_train - x) ** 2).sum(axis=1))) for x in x_test]
    assert np.mean(data.y_train.numpy()[nearest] == data.y_test.numpy()) > 0.95


def test_nearest_neighbour_knows_clean_points():
    for name in DRAWN:
        data = load(name, noise=0.0)
        nearest = torch.cdist(data.x_test, data.x_train).argmin(dim=1)
        assert (data.y_train[nearest] == data.y_test).all(), name


@pytest.mark.parametrize("name", AT_HAND)
def test_same_arguments_same_data(name):
    assert same(load(name, noise=0.1, seed=3), load(name, noise=0.1, seed=3))


@pytest.mark.parametrize("name", AT_HAND)
def test_seed_draws_the_points_but_never_splits(name):
    assert same(load(name, seed=0), load(name, seed=1)) == (name not in [*DRAWN, "gaussian"])


@pytest.mark.parametrize("name", AT_HAND)
def test_noise_matters_where_points_are_drawn(name):
    assert same(load(name, noise=0.0), load(name, noise=0.3)) == (name not in DRAWN)


def test_noise_is_a_standard_deviation():
    clean, noisy = (datasets._spiral(noise, 0)[0] for noise in (0.0, 0.3))
    assert (noisy - clean).std() == pytest.approx(0.3, rel=0.1)
    assert np.linalg.norm(clean, axis=1).max() == pytest.approx(5, rel=0.01)


def test_gaussian_is_a_fixed_linear_map_of_standard_normal_samples():
    data = load("gaussian", seed=5)
    A, *_ = np.linalg.lstsq(data.x_train.double().numpy(), data.y_train.double().numpy(), rcond=None)
    np.testing.assert_allclose(data.x_test.numpy() @ A, data.y_test.numpy(), atol=1e-5)
    assert data.x_test.shape == (200, 10)
    assert abs(float(data.x_train.mean())) < 0.05
    assert float(data.x_train.std()) == pytest.approx(1, abs=0.05)
    assert np.std(A) == pytest.approx(1, abs=0.2)


def test_classes_are_mixed_in_any_first_batch():
    for name in STANDARDIZED:
        data = load(name)
        assert set(data.y_train[:64].tolist()) == set(range(data.classes)), name


@pytest.mark.parametrize("name", AT_HAND)
def test_global_random_state_is_left_alone(name):
    np.random.seed(7)
    torch.manual_seed(7)
    numpy_before, torch_before = np.random.get_state(), torch.get_rng_state()
    first = load(name)
    assert torch.equal(torch.get_rng_state(), torch_before)
    for before, after in zip(numpy_before, np.random.get_state(), strict=True):
        np.testing.assert_array_equal(before, after)
    np.random.seed(8)
    torch.manual_seed(8)
    assert same(first, load(name))


def test_mistakes_are_named():
    with pytest.raises(ValueError, match=r"Unknown data set 'minst'\. Data sets: digits, iris, .*cifar10"):
        load("minst")
    for noise in (-0.1, math.nan, math.inf):
        with pytest.raises(ValueError, match="noise must be"):
            load("moons", noise=noise)


def test_the_page_reads_shapes_without_torch_and_the_default_run_starts_without_scikit_learn():
    code = (
        "import sys; from bnviz.data import load; early = set(sys.modules); load('digits');"
        "assert not early & {'torch', 'sklearn'}; assert 'sklearn' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
