"""The lines that make the nets of a run, and their loss, as `bnviz.models` and `bnviz.training` do."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from bnviz.as_pytorch.modules import CLASSES, normalization
from bnviz.config import Arm, RunConfig
from bnviz.config.tricks import pretraining_steps, shallow_depth, thirds

ACTIVATIONS = {
    "identity": "nn.Identity()", "sigmoid": "nn.Sigmoid()", "tanh": "nn.Tanh()", "relu": "nn.ReLU()",
    "leaky_relu": "nn.LeakyReLU()", "gelu": "nn.GELU()", "silu": "nn.SiLU()",
}  # fmt: skip
INITS = {
    "xavier": "nn.init.xavier_uniform_(weight)",
    "he": 'nn.init.kaiming_normal_(weight, mode="fan_in", nonlinearity="relu")',
    "normal_0.01": "nn.init.normal_(weight, std=0.01)",
    "orthogonal": "nn.init.orthogonal_(weight)",
}
LOSSES = {
    "cross_entropy": "F.cross_entropy({}, y)",
    "squared_error": 'F.mse_loss({}, y, reduction="sum")',
    "mean_squared_error": "F.mse_loss({}, y)",
}


def inputs(config: RunConfig) -> int:
    """Features of a sample, or channels of an image for convolutions."""
    return config.data.shape[0] if config.model == "cnn" else prod(config.data.shape)


def definitions(config: RunConfig) -> Iterator[str]:
    """The classes of modules that torch does not have, the function that makes a net, and the nets."""
    for name in CLASSES:
        if any(name in normalization(config, arm) for arm in config.arms):
            yield "\n" + CLASSES[name] + "\n"
    yield _make_net(config)
    if config.model == "cnn":
        depths = {config.depth} | {shallow_depth(config.depth) for arm in config.arms if arm.trick == "pretrain"}
        yield f"POOLED = {{{', '.join(f'{depth}: {_pooled(config, depth)}' for depth in sorted(depths))}}}"
    yield _calls(config)


def _make_net(config: RunConfig) -> str:
    conv, heads = config.model == "cnn", any(arm.trick == "auxiliary" for arm in config.arms)
    weighed = any(arm.kind.of_weights for arm in config.arms)
    weight = "nn.Conv2d(WIDTH if i else INPUTS, WIDTH, 3, padding=1, bias=bias)" if conv else (
        "nn.Linear(WIDTH if i else INPUTS, WIDTH, bias=bias)")  # fmt: skip
    pooling = ", *([nn.MaxPool2d(2)] if i + 1 in POOLED[depth] else [])" if conv else ""
    last = "nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(WIDTH, OUTPUTS))" if conv else (
        "nn.Linear(WIDTH, OUTPUTS)")  # fmt: skip
    lines = [
        f"\ndef make_net(treat, bias=True, depth=DEPTH{', weight_norm=False' if weighed else ''}"
        f"{', heads=()' if heads else ''}):",
        '    """One child per layer; all start from the same weights. treat: what follows weight layer i."""',
        "    hidden = [",
        f"        nn.Sequential({weight}, *treat(i), {ACTIVATIONS[config.activation]}{pooling})",
        "        for i in range(depth)",
        "    ]",
        f"    net = nn.Sequential(*hidden, {last})",
        *(["    heads = {i: nn.Linear(WIDTH, OUTPUTS) for i in heads}"] if heads else []),
        "    torch.manual_seed(SEED)",
        f"    for layer in {'[*net.modules(), *heads.values()]' if heads else 'net.modules()'}:",
        "        if isinstance(layer, (nn.Linear, nn.Conv2d)):",
        f"            {INITS[config.init].replace('weight', 'layer.weight', 1)}",
        *([f"            layer.weight.data.mul_({config.weight_scale!r})"] if config.weight_scale != 1 else []),
        "            if layer.bias is not None:",
        "                nn.init.zeros_(layer.bias)",
    ]
    if weighed:
        lines += ["    for child in hidden if weight_norm else ():",
                  "        nn.utils.parametrizations.weight_norm(child[0])"]  # fmt: skip
    lines += [f"    return net{', heads' if heads else ''}", "", ""]
    return "\n".join(lines)


def _pooled(config: RunConfig, depth: int) -> str:
    """The layers that are followed by pooling, as `bnviz.models.make_cnn` has them."""
    poolings = min(max(0, min(config.data.shape[1:]).bit_length() - 2), depth)
    return str({-(-depth * k // poolings) for k in range(1, poolings + 1)} or "()")


def call(config: RunConfig, arm: Arm, depth: str = "") -> str:
    """The call that makes an arm's net."""
    bias = ", bias=False" if arm.kind.over_batch else ""
    weighed = ", weight_norm=True" if arm.kind.of_weights else ""
    heads = f", heads={tuple(each - 1 for each in thirds(config.depth))}" if arm.trick == "auxiliary" else ""
    return f"make_net(lambda i: [{normalization(config, arm)}]{bias}{depth}{weighed}{heads})"


def _calls(config: RunConfig) -> str:
    helped = any(arm.trick == "auxiliary" for arm in config.arms)
    lines = ["made = {" if helped else "nets = {"]
    for label, arm in zip(config.labels, config.arms, strict=True):
        shallow = f", depth={shallow_depth(config.depth)}" if arm.trick == "pretrain" else ""
        lines.append(f"    {_quoted(label)}: {call(config, arm, shallow)},")
    lines.append("}")
    if helped:
        lines.append("nets = {label: net for label, (net, heads) in made.items()}")
    return "\n".join(lines)


def loss(config: RunConfig) -> str:
    """The function from a label and a batch to the net's own loss, and what is trained on; and its parameters."""
    said = LOSSES[config.loss]
    if not any(arm.trick == "auxiliary" for arm in config.arms):
        return f"""
def loss(label, x, y):
    own = {said.format("nets[label](x)")}
    return own, own


def parameters(label):
    return nets[label].parameters()

"""
    mean = "F.adaptive_avg_pool2d(x, 1).flatten(1)" if config.model == "cnn" else "x"
    return f'''
def loss(label, x, y):
    """The net's own loss, and with 0.3 times that of each head (Szegedy et al. 2014, section 5)."""
    heads, helping = made[label][1], []
    for i, child in enumerate(nets[label]):
        x = child(x)
        if i in heads:
            helping.append({said.format(f"heads[i]({mean})")})
    own = {said.format("x")}
    return own, own + 0.3 * torch.stack(helping).sum() if helping else own


def parameters(label):
    return [*nets[label].parameters(), *(each for head in made[label][1].values() for each in head.parameters())]

'''


def _quoted(label: str) -> str:
    return f'"{label}"'


def growth(config: RunConfig) -> list[str]:
    """The lines that put a shallow net into a deep one, before an update."""
    helped = any(arm.trick == "auxiliary" for arm in config.arms)
    due = pretraining_steps(config.steps)
    lines = [f"    if step == {due}:  # shallow nets grow (Simonyan & Zisserman 2014, section 3.1)"]
    for label, arm in zip(config.labels, config.arms, strict=True):
        if arm.trick != "pretrain":
            continue
        lines += [
            f"        shallow, deep = nets[{_quoted(label)}], {call(config, arm)}{'[0]' if helped else ''}",
            f"        for i in range({shallow_depth(config.depth)}):",
            "            kept = [each for each in shallow[i] if not isinstance(each, nn.MaxPool2d)]",
            "            deep[i] = nn.Sequential(*kept, *(each for each in deep[i] if isinstance(each, nn.MaxPool2d)))",
            f"        deep[-1], nets[{_quoted(label)}] = shallow[-1], deep",
            f"        optimizers[{_quoted(label)}] = optimizer(parameters({_quoted(label)}), RATES[{_quoted(label)}])",
        ]
    return lines


def test(config: RunConfig) -> str:
    """The lines that say how each net does on the test set in the end."""
    told, value = "test error", "F.mse_loss(net.eval()(x_test), y_test):.8g"
    if config.data.classes:
        classes = "y_test" if config.loss == "cross_entropy" else "y_test.argmax(1)"
        told, value = "test accuracy", f"(net.eval()(x_test).argmax(1) == {classes}).float().mean():.4f"
    return f"""
with torch.no_grad():
    for label, net in nets.items():
        print(f"{told}\\t{{label}} {{{value}}}")
"""
