"""What the page is about, in words: how to begin, the founding article beside what is measured, and the papers."""

from __future__ import annotations

from dataclasses import dataclass

from bnviz.verdict.article import CLAIMS as TEXTS

INTRODUCTION = """\
BatchNorm takes what a unit computes for each sample of a batch, subtracts the mean, divides by the standard deviation,
and puts a learned scale (gamma) and shift (beta) on top. That happens before the activation, in every hidden layer.

This page trains the same net several times, side by side, on the same batches and from the same weights; what stands
before the activation makes the difference. **A row is a layer, a colour is a network**, and the sentence on top is
computed from the run you see.

**Press first:** the first *BatchNorm* switch under *Networks*, with the tab *Layers* in view. BatchNorm goes into the
running net, and the rows of its layers change at once. Then start a preset."""

ARTICLE = """\
It makes four claims. Each is worth a look, and each is measured here; the tab *Findings* holds them against your own
run."""


@dataclass(frozen=True)
class Claim:
    """Something the founding article says, with what measurement shows."""

    claim: str
    answer: str
    preset: str
    """Name of the preset that shows it."""


CLAIMS = (
    Claim(
        TEXTS["steadiness"],
        "So it does along the gradient, where Santurkar et al. 2018 looked: steps of different lengths lead to nearly "
        "the same loss, and the gradient changes less on the way.",
        "santurkar-fig4",
    ),
    Claim(
        TEXTS["correlation"],
        "That is what one would expect. Santurkar et al. measured it, and found a shift as large or **larger** with "
        "BatchNorm. In this page's first run the plain net has almost none, for a sad reason: its gradients vanish, so "
        "nothing moves. **Zero ICS, zero learning.** Nor is the opposite a law: with ReLU, BatchNorm can lower it. Let "
        "the run on your screen decide.",
        "sigmoid-depth",
    ),
    Claim(
        TEXTS["variance"],
        "Right by definition: on its batch, a unit leaves BatchNorm with mean beta and variance gamma². But it is not "
        "what makes training work. With noise added after BatchNorm the distributions are restless, and the net learns "
        "as well.",
        "santurkar-fig2-noise",
    ),
    Claim(
        TEXTS["vanishing"],
        "Yes, where small weights or sigmoids let them vanish. In a very deep net just initialized it has a price: "
        "gradients explode because of it (Yang et al. 2019; the preset *Gradients that explode*).",
        "varma-init",
    ),
)
"""The article's four claims, in its order."""

HISTORY = """\
- **Its picture** shows how smooth the loss is (Santurkar et al. 2018, Fig. 4), not internal covariate shift.
- **GoogLeNet and VGG** (September 2014) came before BatchNorm (February 2015), so BatchNorm is not what made them
  train. GoogLeNet adds auxiliary losses on the way through the net; its authors later (Inception-v3) found them to act
  more as regularizers. VGG starts its deeper nets from a trained shallower one; the first, net A, has 11 weight layers.
  The preset *Before BatchNorm* tries both."""
"""What else the article has in another way."""

PAPERS = {
    "X. Glorot, Y. Bengio: Understanding the difficulty of training deep feedforward neural networks. AISTATS 2010": "",
    "K. Simonyan, A. Zisserman: Very deep convolutional networks (VGG). 2014": "1409.1556",
    "C. Szegedy et al.: Going deeper with convolutions (GoogLeNet). 2014": "1409.4842",
    "K. He et al.: Delving deep into rectifiers. 2015": "1502.01852",
    "S. Ioffe, C. Szegedy: Batch Normalization. 2015": "1502.03167",
    "C. Szegedy et al.: Rethinking the Inception architecture (v3). 2015": "1512.00567",
    "J. L. Ba, J. R. Kiros, G. E. Hinton: Layer Normalization. 2016": "1607.06450",
    "T. Salimans, D. P. Kingma: Weight Normalization. 2016": "1602.07868",
    "I. Goodfellow, Y. Bengio, A. Courville: Deep Learning. MIT Press 2016": "",
    "Y. Wu, K. He: Group Normalization. 2018": "1803.08494",
    "S. Santurkar et al.: How does Batch Normalization help optimization? 2018": "1805.11604",
    "G. Yang et al.: A mean field theory of Batch Normalization. 2019": "1902.08129",
    "B. Zhang, R. Sennrich: Root Mean Square Layer Normalization. 2019": "1910.07467",
    "A. Karpathy: Neural networks, zero to hero: makemore part 3. Lecture, 2022": "",
}
"""What the texts refer to, with its arXiv number, in order of time."""
