"""Lint a net with usual mistakes, and the same net mended: `python examples/lint_nets.py`."""

from __future__ import annotations

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import bnviz


def mistaken() -> nn.Module:
    """Biases that BatchNorm takes away, dropout before it, and one on the output."""
    hidden = [nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.5)) for _ in range(3)]
    return nn.Sequential(*hidden, nn.Linear(64, 10), nn.BatchNorm1d(10))


def mended() -> nn.Module:
    """The same without them."""
    hidden = [nn.Sequential(nn.Linear(64, 64, bias=False), nn.BatchNorm1d(64), nn.ReLU()) for _ in range(3)]
    return nn.Sequential(*hidden, nn.Dropout(0.5), nn.Linear(64, 10))


def decayed(model: nn.Module) -> list[dict[str, object]]:
    """Parameter groups: weight decay for weight matrices alone."""
    weights = [each for each in model.parameters() if each.dim() > 1]
    rest = [each for each in model.parameters() if each.dim() <= 1]
    return [{"params": weights, "weight_decay": 0.01}, {"params": rest, "weight_decay": 0.0}]


def main() -> None:
    """Print what is found of both."""
    torch.manual_seed(0)
    digits = load_digits()
    data = TensorDataset(torch.tensor(digits.data, dtype=torch.float32) / 16, torch.tensor(digits.target))
    net, better = mistaken(), mended()
    tries = (
        ("with mistakes", net, torch.optim.AdamW(net.parameters()), DataLoader(data, 4)),  # 1797 = 449 * 4 + 1
        ("mended", better, torch.optim.AdamW(decayed(better)), DataLoader(data, 128, shuffle=True, drop_last=True)),
    )
    for name, model, optimizer, loader in tries:
        found = bnviz.lint(model, loader, nn.CrossEntropyLoss(), optimizer=optimizer)
        print(f"{name}: {len(found)} findings")
        for finding in found:
            print(f"  {finding}")


if __name__ == "__main__":
    main()
