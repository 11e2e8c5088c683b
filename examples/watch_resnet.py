"""Watch a residual net in a training loop that stays as it is: `python examples/watch_resnet.py`.

Then, or while it trains, in another terminal: `bnviz open resnet.arrow`.
"""

from __future__ import annotations

import argparse

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F

import bnviz


class Block(nn.Module):
    """Two convolutions around which the input passes."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(n, C, H, W) -> the same."""
        return F.relu(x + self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))))


class ResNet(nn.Module):
    """A stem, three blocks, and a linear layer on the mean of each map."""

    def __init__(self, channels: int = 16) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, channels, 3, padding=1)
        self.blocks = nn.Sequential(*(Block(channels) for _ in range(3)))
        self.fc = nn.Linear(channels, 10)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 1, 8, 8) -> (n, 10)."""
        maps: Tensor = self.blocks(self.stem(x))
        logits: Tensor = self.fc(maps.mean((2, 3)))
        return logits


def main() -> None:
    """Train on the digits that ship with scikit-learn, watched."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--out", default="resnet.arrow")
    chosen = parser.parse_args()
    torch.manual_seed(0)
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
    labels = torch.tensor(digits.target)

    model, loss_fn = ResNet(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    with bnviz.watch(model, optimizer, loss_fn, every=10, out=chosen.out) as watch:
        for _ in range(chosen.steps):
            batch = torch.randint(0, len(images), (128,))
            optimizer.zero_grad()
            loss_fn(model(images[batch]), labels[batch]).backward()
            optimizer.step()
    frame = watch.recording.frames[-1]
    print(f"step {frame.step}: loss {frame.train_loss:.3f} in train mode, {frame.eval_loss:.3f} in eval mode")
    print("ICS, relative:", ", ".join(f"{n} {v:.2g}" for n, v in zip(frame.layers, frame.ics_relative, strict=True)))


if __name__ == "__main__":
    main()
