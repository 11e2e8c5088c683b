"""Data of somebody's own in a config: its name is a value like any other, and never a path."""

from __future__ import annotations

import pytest

from bnviz.config import CATALOG, RunConfig
from bnviz.config.catalog import DataSet
from bnviz.config.forgiving import forgiving_config
from bnviz.config.own import data_set, own_name

DIGEST = "0123456789abcdef"
TABLE = DataSet("Your own", (30,), 2, 456, 0.627)
SETS = [
    TABLE,
    DataSet("Your own", (1, 28, 28), 10, 199_999, 0.101),
    DataSet("Your own", (4, 64, 64), 1000, 1, 0.001),
    DataSet("Your own", (2000,), 0, 200_000),
]


@pytest.mark.parametrize("data", SETS)
def test_a_name_tells_what_must_be_known_beforehand(data):
    assert data_set(own_name(DIGEST, data)) == data


@pytest.mark.parametrize("data", SETS)
def test_it_survives_the_link(data):
    config = RunConfig(dataset=own_name(DIGEST, data), loss=data.losses[0], learning_rate=0.01)
    assert RunConfig.from_query(config.to_query()) == config
    assert f"dataset={config.dataset}&" in config.to_query()  # nothing in it has to be escaped
    assert config.data == data


WRONG = [
    "/etc/passwd", "../../etc/passwd", "data.csv", "own-", "own-../../data.csv", f"own-{DIGEST}", "file",
    f"own-{DIGEST[:-1]}-30-2-456-627", f"own-{DIGEST.upper()}-30-2-456-627", f"own-{DIGEST}-30-2-456-627.npz",
    f"own-{DIGEST}-030-2-456-627", f"own-{DIGEST}-0-2-456-627", f"own-{DIGEST}-2001-2-456-627",
    f"own-{DIGEST}-5x8x8-2-456-627", f"own-{DIGEST}-1x65x8-2-456-627", f"own-{DIGEST}-8x8-2-456-627",
    f"own-{DIGEST}-30-1-456-627", f"own-{DIGEST}-30-1001-456-627", f"own-{DIGEST}-30-2-0-627",
    f"own-{DIGEST}-30-2-200001-627", f"own-{DIGEST}-30-2-456-1001", f"own-{DIGEST}-30-2-456-0",
    f"own-{DIGEST}-30-0-456-627", f"own-{DIGEST}-30-2-456-627\n", f"own-{DIGEST}-３０-2-456-627",
]  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_no_path_and_no_other_text_is_a_name(name):
    with pytest.raises(ValueError, match=r"dataset must be one of .*, or the name that bnviz gives to a file"):
        RunConfig(dataset=name)
    config, problems = forgiving_config({"dataset": name, "depth": "3"})
    assert config == RunConfig(depth=3)
    assert len(problems) == 1


def test_what_does_not_go_with_it_is_refused():
    with pytest.raises(ValueError, match="model must be mlp for dataset own-"):
        RunConfig(dataset=own_name(DIGEST, TABLE), model="cnn")
    numbers = own_name(DIGEST, SETS[-1])
    with pytest.raises(
        ValueError, match=f"loss must be mean_squared_error for dataset {numbers}, or squared_error, got"
    ):
        RunConfig(dataset=numbers)


@pytest.mark.parametrize("data", [*CATALOG.values(), *SETS])
def test_the_usual_settings_fit(data):
    name = next((name for name, each in CATALOG.items() if each is data), "") or own_name(DIGEST, data)
    assert RunConfig(dataset=name, **data.usual).loss == data.losses[0]
