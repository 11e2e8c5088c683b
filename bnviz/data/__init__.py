"""What the networks learn from: small sets at once, larger ones downloaded on first use."""

from __future__ import annotations

import importlib.util
from math import inf
from pathlib import Path

import numpy as np

from bnviz.config import CATALOG
from bnviz.config.catalog import MAX_TEST, TEST_SHARE
from bnviz.config.own import data_set
from bnviz.data.openml import Progress, images_and_labels
from bnviz.data.own import store
from bnviz.data.parts import SPLIT_SEED, Array, Data, DataUnavailable, Pair, as_tensors, split

# scikit-learn (1 s) is imported where it is used: the default run starts without it.

__all__ = ["SPLIT_SEED", "Data", "DataUnavailable", "load"]

POINTS = 1000


def load(name: str, *, noise: float = 0.2, seed: int = 0, progress: Progress | None = None) -> Data:
    """The set of this name: the same for the same arguments, whatever the global random state.

    Inputs get mean 0 and standard deviation 1 over the training part: images over all pixels, other sets
    feature by feature. `gaussian` stays as drawn: N(0, 1) in 10 dimensions, with target A x for a fixed 10x10
    matrix A of N(0, 1) (Santurkar et al. 2018, deep linear network), and 200 more samples for testing.

    Classes are split 80/20, stratified, with `SPLIT_SEED`. The sets of openml.org keep their own split, and
    `MAX_TEST` of their test samples, always the same ones. A file of somebody's own was prepared by `bnviz.data.own`.

    `noise` is the standard deviation added to moons, circles (radii 0.5 and 1) and spiral (radius 5), in
    these units, before they are standardized. `seed` decides the samples of these three and of `gaussian`.
    `progress` hears of a download: a sentence, and the share done from 0 to 1 (NaN: unknown), from the
    calling thread; what it raises ends the loading.

    Errors: ValueError for an unknown name or negative noise; DataUnavailable when a set cannot be downloaded, or is
    somebody's own and not on this machine.
    """
    known = data_set(name)
    if not 0 <= noise < inf:
        raise ValueError(f"noise must be a number from 0 on, got {noise!r}.")
    if name not in CATALOG:
        return store.load(name)
    if name == "gaussian":
        return as_tensors(*_gaussian(seed), known.classes)
    if known.openml:
        train, test = _downloaded(name, _unheard if progress is None else progress)
    else:
        train, test = split(*_samples(name, noise, seed))
    mean, std = _pixel_statistics(train[0]) if train[0].ndim == 4 else _feature_statistics(train[0])
    return as_tensors(_standardized(train, mean, std), _standardized(test, mean, std), known.classes)


def _unheard(sentence: str, share: float) -> None:
    pass


def _pixel_statistics(images: Array) -> tuple[float, float]:
    """Mean and standard deviation over all pixels of uint8 images, by counting: exact, light on memory."""
    pieces = np.array_split(images, 1 + len(images) // 1000)
    counts = sum(np.bincount(piece.ravel(), minlength=256) for piece in pieces)
    levels = np.arange(256)
    mean = np.average(levels, weights=counts)
    return float(mean), float(np.sqrt(np.average((levels - mean) ** 2, weights=counts)))


def _feature_statistics(x: Array) -> Pair:
    return x.mean(axis=0), x.std(axis=0)


def _standardized(part: Pair, mean: Array | float, std: Array | float) -> Pair:
    x, y = part
    scaled = x.astype(np.float32)  # then changed in place: CIFAR-10 takes 600 MB
    scaled -= mean
    scaled /= std
    return scaled, y


def _samples(name: str, noise: float, seed: int) -> Pair:
    """Inputs [n, features] or uint8 [n, C, H, W], and classes [n], of a set that needs no download."""
    if name == "digits":
        return _digits()
    if name == "spiral":
        return _spiral(noise, seed)
    from sklearn import datasets

    if name == "moons":
        found: Pair = datasets.make_moons(POINTS, noise=noise, random_state=seed)
        return found
    if name == "circles":
        found = datasets.make_circles(POINTS, noise=noise, random_state=seed, factor=0.5)
        return found
    tables = {
        "iris": datasets.load_iris,
        "wine": datasets.load_wine,
        "breast_cancer": datasets.load_breast_cancer,
    }
    found = tables[name](return_X_y=True)
    return found


def _digits() -> Pair:
    """What sklearn.datasets.load_digits gives, from its file, without the second that importing it takes."""
    package = importlib.util.find_spec("sklearn")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("The data set digits comes with scikit-learn: pip install scikit-learn.")
    file = Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
    rows = np.loadtxt(file, delimiter=",", dtype=np.uint8)  # 64 pixels of 0..16, and the class
    return rows[:, :-1].reshape(-1, 1, 8, 8), rows[:, -1]


def _spiral(noise: float, seed: int) -> Pair:
    """Two interleaved spirals of 1.75 turns and radius 5, one a class."""
    rng = np.random.default_rng(seed)
    y = np.arange(POINTS) % 2
    share = np.sqrt(rng.uniform(size=POINTS))  # the root: as dense outside as inside
    angle = 2 * np.pi * 1.75 * share + np.pi * y
    points = 5 * share[:, None] * np.stack([np.sin(angle), np.cos(angle)], axis=1)
    return points + noise * rng.standard_normal(points.shape), y


def _gaussian(seed: int) -> tuple[Pair, Pair]:
    rng = np.random.default_rng(seed)
    (dim,), n = CATALOG["gaussian"].shape, CATALOG["gaussian"].samples
    A = rng.standard_normal((dim, dim))
    x = rng.standard_normal((n + round(TEST_SHARE * n), dim))
    return (x[:n], x[:n] @ A.T), (x[n:], x[n:] @ A.T)


def _downloaded(name: str, progress: Progress) -> tuple[Pair, Pair]:
    n = CATALOG[name].samples
    images, labels = images_and_labels(name, progress)
    kept = n + np.random.default_rng(SPLIT_SEED).permutation(len(images) - n)[:MAX_TEST]
    return (images[:n], labels[:n]), (images[kept], labels[kept])
