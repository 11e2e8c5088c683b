"""Models as people write them, each with a batch: for tests of what watches any model."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

import bnviz


class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.drop = nn.Dropout(0.1)

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return F.relu(x + self.drop(self.bn2(self.conv2(h))))


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 6, 3, padding=1)
        self.blocks = nn.Sequential(Block(6), Block(6))
        self.fc = nn.Linear(6, 10)
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x):
        return self.scale * self.fc(self.blocks(self.stem(x)).mean((2, 3)))


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(12, 8)
        self.block = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True)
        self.head = nn.Linear(8, 10)

    def forward(self, tokens):
        return {"logits": self.head(self.block(self.embed(tokens)).mean(1))}


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(8, 6, batch_first=True)
        self.head = nn.Linear(6, 10)

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])


class Shared(nn.Module):
    """One weight used twice, and a branch declared before what runs first."""

    def __init__(self):
        super().__init__()
        self.late = nn.Linear(8, 10)
        self.twice = nn.Linear(8, 8)
        self.first = nn.Linear(8, 8)
        self.norm = nn.LayerNorm(8)

    def forward(self, x):
        return self.late(torch.tanh(self.norm(self.twice(torch.tanh(self.twice(self.first(x)))))))


def mlp():
    return nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Sigmoid(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 10))


def transposed():
    return nn.Sequential(nn.Conv1d(1, 4, 3), nn.ReLU(), nn.ConvTranspose1d(4, 2, 3), nn.Flatten(), nn.Linear(16, 10))


def _floats(*shape):
    return lambda: torch.randn(16, *shape)


NETS = {
    "mlp": (mlp, _floats(8)),
    "resnet": (ResNet, _floats(1, 6, 6)),
    "transformer": (Transformer, lambda: torch.randint(0, 12, (16, 5))),
    "recurrent": (Recurrent, _floats(5, 8)),
    "shared": (Shared, _floats(8)),
    "transposed": (transposed, _floats(1, 8)),
}


def logits_of(output):
    return output["logits"] if isinstance(output, dict) else output


def loop(model, make_x, steps=4, optimizer=None, loss_fn=None, watched=None, seed=1):
    """A loop as anybody writes it; watched: what `watch` is told, None: it is not watched."""
    torch.manual_seed(seed)
    optimizer = optimizer or torch.optim.Adam(model.parameters(), 1e-2)
    loss_fn = loss_fn or nn.CrossEntropyLoss()
    watch = None if watched is None else bnviz.watch(model, optimizer, loss_fn, **watched)
    for _ in range(steps):
        x, y = make_x(), torch.randint(0, 10, (16,))
        optimizer.zero_grad()
        loss_fn(logits_of(model(x)), y).backward()
        optimizer.step()
    if watch is not None:
        watch.close()
    return model, optimizer, watch, torch.get_rng_state()


def made(name, seed=0):
    torch.manual_seed(seed)
    make, make_x = NETS[name]
    return make(), make_x
