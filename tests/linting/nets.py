"""Nets as people build them, sound throughout: none of them may be blamed for what it does not do."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


class Basic(nn.Module):
    def __init__(self, c_in, c_out, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(c_out)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(c_out)
        self.downsample = shortcut(c_in, c_out, stride)

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += self.downsample(x)
        return self.relu(out)


class Bottleneck(nn.Module):
    def __init__(self, c_in, c_out, stride=1):
        super().__init__()
        mid = c_out // 4
        self.conv1, self.bn1 = nn.Conv2d(c_in, mid, 1, bias=False), nn.BatchNorm2d(mid)
        self.conv2, self.bn2 = nn.Conv2d(mid, mid, 3, stride, 1, bias=False), nn.BatchNorm2d(mid)
        self.conv3, self.bn3 = nn.Conv2d(mid, c_out, 1, bias=False), nn.BatchNorm2d(c_out)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = shortcut(c_in, c_out, stride)
        nn.init.zeros_(self.bn3.weight)  # a residual branch may start at 0

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        out += self.downsample(x)
        return self.relu(out)


def shortcut(c_in, c_out, stride):
    if stride == 1 and c_in == c_out:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))


def resnet(block):
    stem = nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True))
    blocks = [block(16, 16), block(16, 32, 2), block(32, 32), block(32, 64, 2)]
    net = nn.Sequential(stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    return fan_out(net)


def fan_out(net):
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return net


def vgg():
    layers, c_in = [], 3
    for c in (16, "M", 32, "M", 64, 64, "M"):
        if c == "M":
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [nn.Conv2d(c_in, c, 3, padding=1, bias=False), nn.BatchNorm2d(c), nn.ReLU(inplace=True)]
            c_in = c
    head = [nn.Flatten(), nn.Linear(64 * 16, 64), nn.ReLU(True), nn.Dropout(), nn.Linear(64, 10)]
    return fan_out(nn.Sequential(*layers, *head))


class SqueezeExcite(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc1, self.fc2 = nn.Conv2d(channels, channels // 4, 1), nn.Conv2d(channels // 4, channels, 1)

    def forward(self, x):
        return x * torch.sigmoid(self.fc2(F.relu(self.fc1(self.pool(x)))))


class Inverted(nn.Module):
    def __init__(self, c_in, c_out, stride=1):
        super().__init__()
        wide = 4 * c_in
        self.same = stride == 1 and c_in == c_out
        self.conv = nn.Sequential(
            nn.Conv2d(c_in, wide, 1, bias=False), nn.BatchNorm2d(wide), nn.ReLU6(inplace=True),
            nn.Conv2d(wide, wide, 3, stride, 1, groups=wide, bias=False), nn.BatchNorm2d(wide), nn.SiLU(inplace=True),
            SqueezeExcite(wide), nn.Conv2d(wide, c_out, 1, bias=False), nn.BatchNorm2d(c_out),
        )  # fmt: skip

    def forward(self, x):
        return x + self.conv(x) if self.same else self.conv(x)


def mobilenet():
    stem = [nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU6(inplace=True)]
    blocks = [Inverted(8, 8), Inverted(8, 16, 2), Inverted(16, 16), Inverted(16, 24, 2)]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(24, 10)]
    return fan_out(nn.Sequential(*stem, *blocks, *head))


class Dense(nn.Module):
    def __init__(self, c_in, growth):
        super().__init__()
        self.norm, self.relu = nn.BatchNorm2d(c_in), nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(c_in, growth, 3, padding=1, bias=False)

    def forward(self, x):
        return torch.cat([x, self.conv(self.relu(self.norm(x)))], 1)


def densenet():
    blocks = [Dense(16 + 8 * i, 8) for i in range(3)]
    transition = [nn.BatchNorm2d(40), nn.ReLU(inplace=True), nn.Conv2d(40, 20, 1, bias=False), nn.AvgPool2d(2)]
    rest = [Dense(20, 8), nn.BatchNorm2d(28), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1, bias=False), *blocks, *transition, *rest, nn.Linear(28, 10))


class ViT(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 32, 8, 8)
        self.first = nn.Parameter(torch.zeros(1, 1, 32))
        self.places = nn.Parameter(torch.randn(1, 17, 32) * 0.02)
        block = nn.TransformerEncoderLayer(32, 4, 64, 0.1, "gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(block, 3, nn.LayerNorm(32), enable_nested_tensor=False)
        self.head = nn.Linear(32, 10)
        nn.init.zeros_(self.head.weight)  # as ViT's own code does

    def forward(self, x):
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.first.expand(len(x), -1, -1), tokens], 1) + self.places
        return self.head(self.encoder(tokens)[:, 0])


class Words(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.embed = nn.Embedding(50, 16)
        self.rnn = kind(16, 24, num_layers=2, batch_first=True, dropout=0.2)
        self.norm = nn.LayerNorm(24)
        self.head = nn.Linear(24, 10)

    def forward(self, tokens):
        return self.head(self.norm(self.rnn(self.embed(tokens))[0][:, -1]))


class Generator(nn.Module):
    """A language model whose output layer is its table of embeddings."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(50, 16)
        self.block = nn.TransformerEncoderLayer(16, 2, 32, 0.1, batch_first=True, norm_first=True)
        self.norm = nn.LayerNorm(16)
        self.head = nn.Linear(16, 50, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, tokens):
        return self.head(self.norm(self.block(self.embed(tokens)))).mean(1)[:, :10]


def twice(c_in, c_out):
    def one(c):
        return nn.Conv2d(c, c_out, 3, padding=1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU(inplace=True)

    return nn.Sequential(*one(c_in), *one(c_out))


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down1, self.down2, self.bottom = twice(3, 8), twice(8, 16), twice(16, 32)
        self.up2, self.up1 = nn.ConvTranspose2d(32, 16, 2, 2), nn.ConvTranspose2d(16, 8, 2, 2)
        self.join2, self.join1 = twice(32, 16), twice(16, 8)
        self.out = nn.Conv2d(8, 10, 1)

    def forward(self, x):
        one = self.down1(x)
        two = self.down2(F.max_pool2d(one, 2))
        bottom = self.bottom(F.max_pool2d(two, 2))
        two = self.join2(torch.cat([self.up2(bottom), two], 1))
        return self.out(self.join1(torch.cat([self.up1(two), one], 1)))


def table():
    hidden = [nn.Sequential(nn.Linear(20, 20, bias=False), nn.BatchNorm1d(20), nn.Sigmoid()) for _ in range(3)]
    return nn.Sequential(*hidden, nn.Linear(20, 10))


def groups():
    layers = [
        nn.Conv2d(3, 16, 3, 1, 1),
        nn.GroupNorm(4, 16),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, 2, 1),
        nn.GroupNorm(8, 32),
    ]
    return nn.Sequential(*layers, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))


def images(n):
    return torch.randn(n, 3, 32, 32), torch.randint(0, 10, (n,))


def tokens(n):
    return torch.randint(0, 50, (n, 12)), torch.randint(0, 10, (n,))


NETS = {
    "resnet, basic": (lambda: resnet(Basic), images),
    "resnet, bottleneck": (lambda: resnet(Bottleneck), images),
    "vgg": (vgg, images),
    "mobilenet": (mobilenet, images),
    "densenet": (densenet, images),
    "vit": (ViT, images),
    "gru": (lambda: Words(nn.GRU), tokens),
    "lstm": (lambda: Words(nn.LSTM), tokens),
    "language model": (Generator, tokens),
    "unet": (UNet, lambda n: (torch.randn(n, 3, 32, 32), torch.randint(0, 10, (n, 32, 32)))),
    "table": (table, lambda n: (torch.randn(n, 20), torch.randint(0, 10, (n,)))),
    "groups": (groups, images),
}
