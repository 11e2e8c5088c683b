from __future__ import annotations

import contextlib
from dataclasses import fields, replace

import pytest

from bnviz.config import (
    SETTINGS,
    Arm,
    RunConfig,
    parse_field,
)
from bnviz.config.arm import parse_arm_field
from bnviz.config.change import Change, Restart, difference
from bnviz.config.forgiving import forgiving_config

OTHER = {
    "dataset": "wine", "model": "cnn", "depth": 50, "width": 100, "activation": "gelu", "init": "normal_0.01",
    "weight_scale": 0.7,
    "loss": "mean_squared_error", "optimizer": "adam", "learning_rate": 1e-7, "batch_size": 7, "steps": 123456,
    "measure_every": 3, "seed": 2**31 - 1, "data_noise": 0.125, "groups": 4, "bn_momentum": 0.01, "landscape": "0.5-4",
    "arms": (Arm("batch", noise=True, learning_rate=0.1), Arm("layer", trick="auxiliary"), Arm("none")),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHER)
def test_every_field_survives_the_link(name):
    config = replace(RunConfig(), **{name: OTHER[name]})
    assert config != RunConfig()
    assert RunConfig.from_query(config.to_query()) == config
    assert RunConfig.from_query("?" + config.to_query()) == config
    assert hash(config) == hash(RunConfig.from_query(config.to_query()))


def test_the_defaults_are_the_default_preset():
    config = RunConfig()
    assert (config.dataset, config.depth, config.width, config.activation) == ("digits", 6, 64, "sigmoid")
    assert (config.optimizer, config.learning_rate, config.batch_size, config.init) == ("sgd", 0.5, 128, "xavier")
    assert config.arms == (Arm("none"), Arm("batch"))
    assert config.labels == ("none", "batch")
    assert RunConfig.from_query("") == config


WRONG = {
    "dataset": "imagenet", "model": "rnn", "depth": 51, "width": 1, "activation": "relu6", "init": "zeros",
    "weight_scale": -1.0,
    "loss": "hinge", "optimizer": "lbfgs", "learning_rate": float("nan"), "batch_size": 0, "steps": 0,
    "measure_every": -1, "seed": -1, "data_noise": 1.5, "groups": 0, "bn_momentum": 2.0, "landscape": "on",
    "arms": (),
}  # fmt: skip


@pytest.mark.parametrize("name", [each.name for each in fields(RunConfig)])
def test_a_wrong_value_is_named_with_its_field_and_what_is_allowed(name):
    with pytest.raises(ValueError, match=name) as caught:
        RunConfig(**{name: WRONG[name]})
    sentence = str(caught.value)
    assert SETTINGS[name].allowed in sentence
    assert name == "arms" or str(WRONG[name]) in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


@pytest.mark.parametrize("value", [6.0, "6", True, None, float("inf"), [6]])
def test_a_depth_is_a_whole_number(value):
    with pytest.raises(ValueError, match="depth must be a whole number"):
        RunConfig(depth=value)


@pytest.mark.parametrize("name", [name for name in OTHER if name != "arms"])
@pytest.mark.parametrize("text", ["", "x", "1e999", "nan", "-1", "1 2", "0x10", "\u0661"])
def test_any_text_in_a_link_is_a_value_or_one_sentence(name, text):
    with contextlib.suppress(ValueError):
        parse_field(name, text)  # nothing but ValueError, whatever the text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"batch_size": 1}, "batch_size must be at least 2 with BatchNorm, got 1"),
        ({"model": "cnn", "dataset": "iris"}, "model must be mlp for dataset iris"),
        ({"arms": (Arm("group"),), "width": 12, "groups": 8}, "groups must divide width 12, got 8"),
        (
            {"depth": 2, "arms": (Arm("batch", trick="auxiliary"),)},
            "depth must be at least 3 with auxiliary losses, got 2",
        ),
        ({"depth": 1, "arms": (Arm(trick="pretrain"),)}, "depth must be at least 2 with pre-training, got 1"),
        ({"dataset": "gaussian"}, "loss must be squared_error for dataset gaussian"),
    ],
)
def test_settings_that_do_not_go_together(changes, words):
    with pytest.raises(ValueError, match=words):
        RunConfig(**changes)


@pytest.mark.parametrize(
    "arm",
    [
        Arm(),
        Arm("batch"),
        Arm("batch", noise=True),
        Arm("none", trick="pretrain"),
        Arm("rms", True, "auxiliary", 1e-05),
    ],
)
def test_an_arm_is_read_back_from_its_label(arm):
    assert Arm.parse(arm.label) == arm
    assert Arm.parse(arm.label.replace("+", " ")) == arm  # a plus sign in a link that was typed by hand


@pytest.mark.parametrize("label", ["", "bach", "batch+", "batch+nose", "batch@", "batch@fast", "@1", "batch+noise+x@1"])
def test_a_wrong_label_is_named(label):
    with pytest.raises(ValueError, match="arms must be labels"):
        parse_field("arms", label)


def test_labels_of_equal_arms_are_numbered():
    config = RunConfig(arms=(Arm("batch"), Arm("none"), Arm("batch")))
    assert config.labels == ("batch", "none", "batch (2)")


def test_one_bad_field_costs_that_field_alone():
    config, problems = forgiving_config({"depth": "99", "width": "32", "seed": "x", "color": "red"})
    assert config == RunConfig(width=32)
    assert len(problems) == 3
    assert "depth must be a whole number from 1 to 50, got '99'." in problems


def test_fields_that_do_not_go_together_fall_back_too():
    config, problems = forgiving_config({"model": "cnn", "dataset": "iris", "depth": "3"})
    assert config.depth == 3
    assert len(problems) == 1
    config, problems = forgiving_config({"dataset": "gaussian", "loss": "squared_error", "seed": "4"})
    assert (config.dataset, config.seed, problems) == ("gaussian", 4, [])


def test_what_changes_without_a_reset():
    now = RunConfig()
    wanted = replace(
        now, learning_rate=0.1, bn_momentum=0.2, landscape="0.5-4", arms=(Arm("batch"), Arm("batch", learning_rate=0.3))
    )
    assert difference(now, wanted) == (
        Change(None, {"learning_rate": 0.1, "bn_momentum": 0.2, "landscape": "0.5-4"}),
        Change(0, {"normalization": "batch"}),
        Change(1, {"learning_rate": 0.3}),
    )
    assert difference(now, now) == ()


def test_what_needs_a_new_start_is_named():
    now = RunConfig()
    assert difference(now, replace(now, depth=7, steps=5)) == Restart(("depth",))
    assert difference(now, replace(now, seed=1, arms=(Arm(),))) == Restart(("seed", "arms"))
    assert difference(now, replace(now, arms=(Arm(trick="auxiliary"), Arm("batch")))) == Restart(("arms",))


def test_every_field_of_an_arm_reads_back_what_str_makes_of_it():
    for arm in (
        Arm(),
        Arm("batch_linf", noise=True, trick="pretrain", learning_rate=1e-7),
        Arm(learning_rate=0.1 + 0.2),
    ):
        texts = {each.name: str(getattr(arm, each.name)) for each in fields(Arm)}
        assert Arm(**{name: parse_arm_field(name, text) for name, text in texts.items()}) == arm
    for name, text in (("noise", "yes"), ("normalization", "x"), ("learning_rate", "-1"), ("trick", "")):
        with pytest.raises(ValueError):  # noqa: PT011  the caller names the field
            parse_arm_field(name, text)
