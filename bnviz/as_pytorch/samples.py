"""The lines that make a data set, as `bnviz.data` does."""

from __future__ import annotations

from bnviz.config import CATALOG, RunConfig
from bnviz.config.catalog import TEST_SHARE

POINTS = """rng = np.random.default_rng(SEED)
y = np.arange(1000) % 2
share = np.sqrt(rng.uniform(size=1000))
angle = 2 * np.pi * 1.75 * share + np.pi * y
x = 5 * share[:, None] * np.stack([np.sin(angle), np.cos(angle)], axis=1)
x = x + {noise} * rng.standard_normal(x.shape)
"""
GAUSSIAN = """rng = np.random.default_rng(SEED)
A = rng.standard_normal((10, 10))
x = rng.standard_normal((1200, 10))
y = x @ A.T
train, test = slice(0, 1000), slice(1000, None)
"""
SETS = {
    "digits": "x, y = datasets.load_digits(return_X_y=True)\n",
    "iris": "x, y = datasets.load_iris(return_X_y=True)\n",
    "wine": "x, y = datasets.load_wine(return_X_y=True)\n",
    "breast_cancer": "x, y = datasets.load_breast_cancer(return_X_y=True)\n",
    "moons": "x, y = datasets.make_moons(1000, noise={noise}, random_state=SEED)\n",
    "circles": "x, y = datasets.make_circles(1000, noise={noise}, random_state=SEED, factor=0.5)\n",
    "spiral": POINTS,
    "gaussian": GAUSSIAN,
}
SPLIT = f'''

def split(y):
    """A fifth of each class is for testing, always the same samples."""
    rng, train, test = np.random.default_rng(0), [], []
    for label in np.unique(y):
        members = rng.permutation(np.flatnonzero(y == label))
        cut = round({TEST_SHARE} * len(members))
        test.append(members[:cut])
        train.append(members[cut:])
    return rng.permutation(np.concatenate(train)), rng.permutation(np.concatenate(test))


train, test = split(y)
'''
OVER_PIXELS = """mean, std = float(x[train].mean()), float(x[train].std())
"""
BY_FEATURE = """mean, std = x[train].mean(axis=0), x[train].std(axis=0)
"""
STANDARD = """x = x.astype(np.float32)
x -= mean
x /= std
"""


def samples(config: RunConfig) -> str:
    """The lines after which x_train, y_train, x_test and y_test are there.

    Errors: ValueError for a set that is downloaded, or somebody's own.
    """
    if config.dataset not in SETS:
        at_hand = ", ".join(SETS)
        what = "is downloaded" if config.dataset in CATALOG else "is a file of your own"
        raise ValueError(f"A script has its data at hand ({at_hand}): {config.data.title} {what}.")
    known, lines = config.data, SETS[config.dataset].format(noise=config.data_noise)
    if config.dataset != "gaussian":
        lines += SPLIT + (OVER_PIXELS if known.images else BY_FEATURE) + STANDARD
    if known.images and config.model == "cnn":
        lines += f"x = x.reshape(-1, {', '.join(map(str, known.shape))})\n"
    return lines + _tensors(config)


def _tensors(config: RunConfig) -> str:
    lines = "x = torch.from_numpy(x.astype(np.float32))\n"
    if not config.data.classes:
        lines += "y = torch.from_numpy(y.astype(np.float32))\n"
    elif config.loss == "cross_entropy":
        lines += "y = torch.from_numpy(y.astype(np.int64))\n"
    else:
        lines += "y = F.one_hot(torch.from_numpy(y.astype(np.int64)), OUTPUTS).float()\n"
    return lines + "x_train, y_train, x_test, y_test = x[train], y[train], x[test], y[test]\n"
