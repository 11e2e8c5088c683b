from __future__ import annotations

import pytest
from torch import nn

from bnviz.models.factory import load_factory, make

NET = """
from torch import nn
from parts import hidden

def make_model(): return nn.Sequential(hidden(), nn.Linear(5, 3))
def fitting(in_features, out_features=1): return nn.Linear(in_features, out_features)
def shaped(*, in_shape): return nn.Linear(in_shape[-1], 2)
def greedy(depth): return nn.Linear(depth, 2)
def broken(): raise RuntimeError("no\\n weights")
def wrong(): return 3
_private = 3
"""


@pytest.fixture
def net(tmp_path):
    name = f"net_{tmp_path.name.replace('-', '_')}"
    (tmp_path / "parts.py").write_text("from torch import nn\ndef hidden(): return nn.Linear(4, 5)\n")
    (tmp_path / f"{name}.py").write_text(NET)
    return tmp_path / f"{name}.py"


def test_a_factory_is_found_beside_what_it_imports(net):
    model = make(load_factory(f"{net}:make_model"))
    assert [type(each) for each in model] == [nn.Linear, nn.Linear]


def test_a_factory_is_told_what_its_net_is_to_fit(net):
    assert make(load_factory(f"{net}:fitting"), (1, 8, 8), 10).weight.shape == (10, 64)
    assert make(load_factory(f"{net}:shaped"), (1, 8, 8), 10).in_features == 8


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("mynet.py", "given as FILE.py:FUNCTION, such as mynet.py:make_model, got 'mynet.py'"),
        ("mynet.txt:f", "given as FILE.py:FUNCTION"),
        ("nowhere.py:f", "There is no file nowhere.py in "),
    ],
)
def test_what_names_no_function_is_said(spec, told):
    with pytest.raises(ValueError, match=told):
        load_factory(spec)


def test_a_name_that_is_not_there_is_answered_with_those_that_are(net):
    with pytest.raises(ValueError, match=r"has no function 'nothing'\. It has: hidden, make_model, fitting"):
        load_factory(f"{net}:nothing")
    with pytest.raises(ValueError, match="has no function '_private'"):
        load_factory(f"{net}:_private")


def test_a_file_that_cannot_be_run_is_said(tmp_path):
    (tmp_path / "unrunnable.py").write_text("def f(:\n")
    with pytest.raises(ValueError, match=r"unrunnable.py could not be run: SyntaxError: invalid syntax"):
        load_factory(f"{tmp_path}/unrunnable.py:f")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("greedy", "greedy must be callable without depth; what it may ask for: in_features, in_shape, out_features."),
        ("broken", "broken raised RuntimeError: no weights."),
        ("wrong", "wrong must return a torch.nn.Module, got int."),
    ],
)
def test_a_factory_that_makes_no_net_is_said(net, name, told):
    with pytest.raises(ValueError, match=told):
        make(load_factory(f"{net}:{name}"), (4,), 2)
