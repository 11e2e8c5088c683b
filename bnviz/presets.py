"""Named settings that each reproduce something: a paper's figure, or a fact worth seeing."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bnviz.config import Arm, RunConfig

IOFFE, SANTURKAR = "Ioffe & Szegedy 2015, ", "Santurkar et al. 2018, "
DEEP_LINEAR = RunConfig(
    "gaussian", depth=24, width=10, activation="identity", init="xavier", loss="squared_error",
    learning_rate=1e-7, batch_size=1000, steps=400, measure_every=20,
)  # fmt: skip
"""25 matrices of 10x10, full batch, summed squared error (Santurkar et al. 2018, appendix A)."""


@dataclass(frozen=True)
class Preset:
    """A config with its source, what to look for, and what comes out."""

    title: str
    config: RunConfig
    source: str
    """Paper and figure."""
    look_for: str
    outcome: str
    """What came out when it was measured, over three seeds; the rules are in `bnviz.verdict.expected`."""
    tab: str = "layers"
    """Where on the page it shows best."""


PRESETS: dict[str, Preset] = {
    "sigmoid-depth": Preset(
        title="Sigmoid depth",
        config=RunConfig(),
        source=SANTURKAR + "section 2.2 and Definition 2.1; Ioffe & Szegedy 2015, section 4.1",
        look_for="The plain net stays at chance with an ICS near zero, because its gradients vanish; the net with "
        "BatchNorm learns, with a larger ICS.",
        outcome="Without normalization the loss stays at 2.31 (chance: 2.30) with a relative ICS of 0.0003; with "
        "BatchNorm test accuracy is 97 to 98 %, with a relative ICS of about 0.4 and 1400 to 5200 times the |G-G'|.",
    ),
    "ioffe-fig1": Preset(
        title="The first figure",
        config=RunConfig(depth=3, width=100, init="normal_0.01", learning_rate=1.0, batch_size=60, steps=3000,
                         measure_every=20),
        tab="time",
        source=IOFFE + "Fig. 1 (there on MNIST)",
        look_for="Percentiles of one unit of the last hidden layer: they wander without BatchNorm and stay around 0 "
        "with it, which learns far sooner.",
        outcome="90 % test accuracy after 100 to 120 steps with BatchNorm, without it after 2440 and 2700 or not "
        "within 3000; the unit's median moves 2.6 to 4.6 times as far.",
    ),
    "santurkar-fig3-dln": Preset(
        title="Deep linear net",
        config=DEEP_LINEAR,
        source=SANTURKAR + "Fig. 3, deep linear network",
        look_for="The cosine of G and G' at layers 9 and 17: near 1 without BatchNorm, even negative with it, while "
        "the loss falls faster.",
        outcome="The lowest cosine without BatchNorm is 0.9991; with it -0.91 to -0.99 at layer 17, and |G-G'| is 440 "
        "to 620 times as large.",
    ),
    "santurkar-fig4": Preset(
        title="A smoother landscape",
        config=RunConfig(model="cnn", depth=6, width=16, activation="relu", init="he", learning_rate=0.1, batch_size=64,
                         steps=300, landscape="0.5-4"),
        tab="landscape",
        source=SANTURKAR + "Fig. 4",
        look_for="The bands of loss and of gradients along the gradient are narrower with BatchNorm, and beta is "
        "smaller.",
        outcome="In the median step the loss band is 34 to 49 times as wide without BatchNorm, the gradient changes "
        "14 to 24 times as much and beta is 2.2 to 3.1 times as large.",
    ),
    "santurkar-fig2-noise": Preset(
        title="Noise after BatchNorm",
        config=RunConfig(arms=(Arm("none"), Arm("batch"), Arm("batch", noise=True))),
        tab="time",
        source=SANTURKAR + "Fig. 2",
        look_for="Noise makes the distributions less stable than those of the plain net, and training is as good as "
        "with BatchNorm alone.",
        outcome="The loss stays at 2.31 without normalization and falls to 0.02 or less with BatchNorm and with "
        "BatchNorm and noise, though with noise the median of a unit moves 4 times as much as without, and 8 to 16 "
        "times as much as in the plain net.",
    ),
    "santurkar-norms": Preset(
        title="Other norms",
        config=replace(DEEP_LINEAR, arms=(Arm("none"), Arm("batch"), Arm("batch_l1"), Arm("batch_linf"))),
        source=SANTURKAR + "section 3.3",
        look_for="Dividing by another norm than the standard deviation: what matters for the loss, and what for ICS.",
        outcome="After 400 steps BatchNorm is at 0.61 to 0.85 times the loss of the plain net and the L1 norm lower "
        "still, at 0.80 to 0.85 times that of BatchNorm; L∞, at this same rate, is behind the plain net (1.06 to 1.45 "
        "times). All three turn the gradient at layer 17 (lowest cosine -0.38 to -0.98).",
    ),
    "relu-lr": Preset(
        title="High learning rate",
        config=RunConfig(activation="relu", init="he", learning_rate=1.0),
        source=IOFFE + "section 3.3",
        look_for="At this rate the plain net diverges; the net with BatchNorm does not.",
        outcome="The plain net has diverged by step 20 in all of three runs; BatchNorm reaches 96 to 98 % test "
        "accuracy.",
    ),
    "varma-init": Preset(
        title="Tiny weights",
        config=RunConfig(depth=20, width=100, activation="relu", init="normal_0.01", learning_rate=0.1, steps=300),
        source="after an idea in Varma's post Batch-Norm; Glorot & Bengio 2010, section 4.2",
        look_for="Activations shrink by the same factor in every layer and gradients vanish; BatchNorm restores both.",
        outcome="The spread shrinks to 0.068 to 0.070 of itself per layer (0.0707 in theory), the first layer's "
        "gradient starts at about 1e-23 and the loss stays at 2.30; with BatchNorm the spread stays the same (1.00) "
        "and the loss falls below 0.9.",
    ),
    "tiny-batch": Preset(
        title="Batches of two",
        config=RunConfig(activation="relu", init="he", learning_rate=0.05, batch_size=2, steps=600,
                         arms=(Arm("none"), Arm("batch"), Arm("layer"))),
        source=IOFFE + "section 3, with m = 2; Wu & He 2018, Fig. 1",
        look_for="With two samples normalization leaves only a sign, and hardly any gradient passes. LayerNorm has no "
        "such trouble. Set the batch size to 4.",
        outcome="In theory no gradient passes at all; the small constant under the root lets a trace through, at the "
        "first layer 1e-13 times that of the plain net or less. BatchNorm ends at 13 to 25 % test accuracy, the plain "
        "net at 54 to 83 %.",
    ),
    "good-init": Preset(
        title="Good initialization",
        config=RunConfig(activation="relu", init="he", learning_rate=0.05),
        source="He et al. 2015, section 2.2",
        look_for="With He initialization and few layers, BatchNorm hardly matters.",
        outcome="95 to 96 % test accuracy without, 96 to 97 % with BatchNorm: a difference of 0.6 to 0.8 points.",
    ),
    "before-bn": Preset(
        title="Before BatchNorm",
        config=RunConfig(
            steps=1500, arms=(Arm("none"), Arm("none", trick="auxiliary"), Arm("none", trick="pretrain"), Arm("batch"))
        ),
        source="GoogLeNet (Szegedy et al. 2014), section 5; VGG (Simonyan & Zisserman 2014), section 3.1",
        look_for="Auxiliary losses and growing from a shallow net do train what is stuck without them; BatchNorm does "
        "it at once. Growing shows as a mark and a setback at step 300.",
        outcome="The plain net stays at 10 % test accuracy. Auxiliary losses reach 94 to 96 % and growing 95 %, "
        "BatchNorm 97 to 98 %; it passes 90 % after 30 to 50 steps, auxiliary losses after 900 to 1040.",
    ),
    "bn-gradient-explosion": Preset(
        title="Gradients that explode",
        config=RunConfig(depth=50, width=100, activation="relu", init="he", learning_rate=1e-6, steps=50,
                         measure_every=5),
        source="Yang et al. 2019, section 3",
        look_for="At initialization gradients grow backwards by the same factor per layer, because of BatchNorm: the "
        "plain net's do not.",
        outcome="The squared gradient grows 1.45 to 1.47 times per layer backwards with BatchNorm (π/(π-1) = 1.47 in "
        "theory), 0.97 to 1.02 times without; relative ICS is 1.4, even at a rate of one millionth.",
    ),
}  # fmt: skip
DEFAULT = "sigmoid-depth"
LIVE_STEPS = 20_000
"""Steps of a run that people watch: it should outlast their looking around."""


def live(config: RunConfig) -> RunConfig:
    """The config of a preset as the page starts it: the same run, going on for longer."""
    return replace(config, steps=max(config.steps, LIVE_STEPS))


def preset(name: str) -> Preset:
    """The preset of this name. Errors: ValueError that lists the names."""
    if name not in PRESETS:
        raise ValueError(f"preset must be one of {', '.join(PRESETS)}, got {name!r}.")
    return PRESETS[name]
