"""What each chart shows, in words: its definition as computed here, how to read it, and when it misleads."""

from __future__ import annotations

from dataclasses import dataclass

SANTURKAR, IOFFE = "Santurkar et al. 2018 (arXiv 1805.11604), ", "Ioffe & Szegedy 2015 (arXiv 1502.03167), "


@dataclass(frozen=True)
class Explanation:
    """A chart in words."""

    title: str
    short: str
    """One plain sentence."""
    latex: str
    """The definition, as computed."""
    reading: str
    misleads: str
    source: str
    """Paper and section; what is bnviz's own says so."""


EXPLANATIONS: dict[str, Explanation] = {
    "distributions": Explanation(
        title="Distributions",
        short="How the values that enter each layer, or its activation, are spread over this step's batch.",
        latex=r"\begin{gathered} h_\ell(v) = \min\!\Big(1, \frac{1.7}{\max_u r_\ell(u)}\Big)\, r_\ell(v) \\"
        r" r_\ell(v) = p_\ell(v)\, \frac{b - a}{5}, \quad p_\ell(v) = \frac{n_\ell(v)}{N_\ell\,\Delta_\ell}"
        r" \end{gathered}",
        reading="A row is a layer, the first on top. $n$ of the layer's $N$ values (batch × units) fall into the bin "
        "of width $\\Delta$ at $v$, so $p$ is a density, and areas are equal. Heights are in rows: one row is the "
        "density of values spread evenly over a fifth of the axis $[a, b]$. Narrow and tall: the values hardly differ.",
        misleads="A peak above 1.7 rows is shrunk, and its whole row with it, so very tall rows cannot be compared by "
        "height. A histogram reaches 4 standard deviations from the mean in the widest network, and the axis no "
        "further than is readable; the chart says which share lies outside. Values of all units are mixed: a single "
        "unit may look quite different.",
        source="bnviz's own rules for edges and heights; percentiles as in " + IOFFE + "Fig. 1",
    ),
    "gradient_norm": Explanation(
        title="Gradient norm",
        short="How strongly the loss of this batch pulls at each layer's weights.",
        latex=r"\lVert G_\ell \rVert_2, \qquad G_\ell = \frac{\partial L}{\partial W_\ell}(W_1^{t}, \dots, W_k^{t})",
        reading="A straight, falling line towards the first layer on this logarithmic axis means that gradients "
        "shrink by the same factor in every layer: they vanish. One that rises means that they explode.",
        misleads="It depends on the scale of weights and loss. With BatchNorm the size of the weights does not change "
        "what the net computes, yet twice the weights means half the gradient. A small gradient may also mean that "
        "the net has learned. With auxiliary losses it is the gradient of all losses together.",
        source="Glorot & Bengio 2010, section 4.2.1",
    ),
    "ics": Explanation(
        title="Internal covariate shift (ICS)",
        short="How much one update of the layers before it changes a layer's gradient.",
        latex=r"\begin{gathered} G_\ell = \nabla_{W_\ell} L(W_1^{t}, \dots, W_k^{t}) \\"
        r" G'_\ell = \nabla_{W_\ell} L(W_1^{t+1}, \dots, W_{\ell-1}^{t+1}, W_\ell^{t}, \dots, W_k^{t}) \\"
        r" \ell_2 = \lVert G_\ell - G'_\ell \rVert_2 \\"
        r" \text{relative} = \frac{\lVert G_\ell - G'_\ell \rVert_2}{\lVert G_\ell \rVert_2} \\"
        r" \cos = \frac{\langle G_\ell, G'_\ell \rangle}{\lVert G_\ell \rVert\, \lVert G'_\ell \rVert}"
        r" \end{gathered}",
        reading="Same batch, train mode, before and after what the optimizer really did; of the earlier layers all "
        "parameters move, gamma and beta too. Relative 0 or cosine 1: the gradient that the layer followed was still "
        "the right one. The first layer has none before it, so its shift is exactly 0.",
        misleads="$\\ell_2$ carries the gradient's units: compare networks by relative or cosine, with gradient norm "
        "and loss beside them. No shift is no success: a net whose gradients vanish changes nothing and has none. "
        "This is not the shift of a layer's inputs that the name first meant; that one is under percentiles.",
        source=SANTURKAR + "Definition 2.1",
    ),
    "units": Explanation(
        title="Saturated and dead units",
        short="The share of activations on the flat ends of sigmoid or tanh, or of ReLU units that are 0 for the "
        "batch.",
        latex=r"\begin{gathered} \text{saturated} = \Pr\big[\,|\tanh| > 0.97\,\big] \\"
        r" \text{or}\; \Pr\big[\,\sigma \notin (0.03,\, 0.97)\,\big] \\"
        r" \text{dead} = \Pr_j\big[\, y_{ij} = 0 \;\text{for all } i \,\big] \end{gathered}",
        reading="$i$ counts samples, $j$ units. A saturated activation passes almost no gradient for that sample. A "
        "dead unit passes none for the whole batch. BatchNorm with beta 0 (and gamma not 0) leaves no unit dead: what "
        "it puts out has mean 0, so some of it is positive.",
        misleads="Saturation counts pairs of sample and unit, death counts units. A unit that is dead on one small "
        "batch may live on the next. Saturation is no harm in itself: a net that is sure of its answer saturates too.",
        source="Glorot & Bengio 2010, section 3; Karpathy, makemore part 3",
    ),
    "loss": Explanation(
        title="Loss",
        short="What is minimized: solid on this step's batch in train mode, dotted on the test set in eval mode.",
        latex=r"\begin{gathered} L = -\frac{1}{B}\sum_{i=1}^{B} \log p_i(y_i) \quad\text{or} \\"
        r" L = \sum_{i=1}^{B} \lVert f(x_i) - y_i \rVert^2 \end{gathered}",
        reading="A net that has learned nothing about $C$ equally frequent classes stands at $\\ln C$, the dashed "
        "line; for ten digits that is 2.30. Squared error is a sum over batch and outputs, as in the paper, or the "
        "mean; classes are then one-hot targets, and regression has a logarithmic axis.",
        misleads="Train and test loss differ in two ways at once: other samples and, with BatchNorm, other "
        "statistics. The view of train against eval mode tells them apart. With auxiliary losses the main loss alone "
        "is shown.",
        source="Goodfellow et al. 2016, section 6.2; sum of squares: " + SANTURKAR + "appendix A",
    ),
    "accuracy": Explanation(
        title="Accuracy",
        short="The share of samples classified right: strong on the test set, faint on this step's batch.",
        latex=r"\text{accuracy} = \frac{1}{n} \sum_{i=1}^{n} \big[\, \arg\max_c f_c(x_i) = y_i \,\big]",
        reading="The test set is measured in eval mode, with BatchNorm's running statistics, as the net would be used.",
        misleads="In the first steps running statistics are still far from those of the data, and test accuracy is "
        "low though the net already works in train mode. On a small test set one percent is a few samples.",
        source=IOFFE + "Fig. 1(a)",
    ),
    "percentiles": Explanation(
        title="Percentiles of all units",
        short="The 15th, 50th and 85th percentile of what enters a layer's activation, over the steps.",
        latex=r"q_{15}, q_{50}, q_{85} \;\text{ of }\; \{\, a_{ij} : i \in \text{batch},\ j \in \text{units} \,\}",
        reading="The middle line is the median; seven in ten values lie between the outer two. Lines that wander are "
        "the shift of inputs that the word covariate shift first meant.",
        misleads="All units are mixed: units that move in opposite ways cancel out. This is the shift of a "
        "distribution, not of gradients: it may be large where ICS is small, and the other way round.",
        source="after " + IOFFE + "Fig. 1(b, c), which follow a single unit",
    ),
    "unit_percentiles": Explanation(
        title="Percentiles of one unit",
        short="The same three percentiles for the first unit (or channel) of the layer alone, as the paper draws them.",
        latex=r"q_{15}, q_{50}, q_{85} \;\text{ of }\; \{\, a_{i1} : i \in \text{batch} \,\}",
        reading="With BatchNorm the lines stay near beta and beta ± gamma; without it they drift as the layers before "
        "change.",
        misleads="It is one unit of many, and with small batches a percentile is a guess from a few samples.",
        source=IOFFE + "Fig. 1(b, c)",
    ),
    "density_over_time": Explanation(
        title="Distribution over time",
        short="A layer's histogram at every step: the stronger the colour, the more values.",
        latex=r"c_t(k) = \sum_{b} \frac{n_{t,b}}{N}\;"
        r" \frac{|\,\text{bin}_{t,b} \cap \text{cell}_k\,|}{\Delta_t}",
        reading="A column is the histogram of one step: $c$ is the share of the $N$ values in cell $k$, with the $n$ "
        "values of a bin of width $\\Delta$ spread evenly over it. An even band: the distribution stays as it is.",
        misleads="Every measured step may have other bin edges, so values are laid out anew over a common axis, and "
        "what lies outside is not in the picture. Above a certain share the colour grows no stronger. Old steps are "
        "thinned, evenly in the logarithm of time.",
        source="bnviz's own picture; the question is that of " + IOFFE + "section 2",
    ),
    "landscape_loss": Explanation(
        title="Loss along the gradient",
        short="The lowest and highest loss that steps of several lengths along this gradient would reach.",
        latex=r"\begin{gathered} \Big[\min_{\eta} L(\theta - \eta g),\ \max_{\eta} L(\theta - \eta g)\Big] \\"
        r" g = \nabla L(\theta) \end{gathered}",
        reading="$\\theta$ are all parameters, $\\eta$ runs over 8 step lengths. A narrow band: steps of quite "
        "different lengths lead to about the same loss. This is what the founding article's picture shows. Nothing is "
        "trained here; the batch's statistics are computed anew at each point.",
        misleads="It is one line through a space of thousands of dimensions, and on one batch. The band depends on "
        "the step lengths tried: compare networks at the same ones.",
        source=SANTURKAR + "section 3.2 and Fig. 4(a)",
    ),
    "predictiveness": Explanation(
        title="Gradient predictiveness",
        short="How much the gradient changes over steps of several lengths along it.",
        latex=r"\begin{gathered} \Big[\min_{\eta} d(\eta),\ \max_{\eta} d(\eta)\Big] \\"
        r" d(\eta) = \lVert \nabla L(\theta) - \nabla L(\theta - \eta g) \rVert_2 \end{gathered}",
        reading="Low: the gradient here says what it will be a step further on, so that a long step can be trusted.",
        misleads="It carries the gradient's units. A net with no gradient predicts it perfectly.",
        source=SANTURKAR + "section 3.2 and Fig. 4(b)",
    ),
    "beta": Explanation(
        title="Effective smoothness",
        short="The largest change of the gradient along it, for each unit of distance.",
        latex=r"\beta = \max_{\eta} \frac{\lVert \nabla L(\theta) - \nabla L(\theta - \eta g) \rVert_2}"
        r"{\lVert \eta g \rVert_2}",
        reading="The smaller, the smoother the loss in this direction, and the longer the steps that are safe.",
        misleads="The scale of the weights is in it: with BatchNorm, weights twice as large have about a quarter of "
        "the beta, though the net computes the same.",
        source=SANTURKAR + "section 3.2 and Fig. 4(c)",
    ),
    "train_eval_loss": Explanation(
        title="Loss in train and in eval mode",
        short="The loss of the same batch with its own statistics (train) and with running statistics (eval).",
        latex=r"\begin{gathered} \hat{x} = \frac{x - \mu_B}{\sqrt{\sigma_B^2 + \epsilon}} \;\text{(train)} \\"
        r" \hat{x} = \frac{x - \mu_{\text{run}}}{\sqrt{\sigma_{\text{run}}^2 + \epsilon}} \;\text{(eval)}"
        r" \end{gathered}",
        reading="Same weights, same samples: the gap is the work of BatchNorm's statistics alone. It closes as the "
        "running statistics catch up, and stays open where batches are tiny.",
        misleads="A net without BatchNorm (and without noise) has no gap, which makes it no better.",
        source=IOFFE + "section 3.1",
    ),
    "running_mean": Explanation(
        title="Running mean",
        short="How far BatchNorm's running mean is from the mean of this batch, in standard deviations of the batch.",
        latex=r"\begin{gathered} \frac{1}{C}\sum_{j=1}^{C} \frac{|\mu_{\text{run},j} - \mu_{B,j}|}{s_{B,j}} \\"
        r" \mu_{\text{run}} \leftarrow (1-\alpha)\,\mu_{\text{run}} + \alpha\,\mu_B \end{gathered}",
        reading="The average over a layer's $C$ units or channels; $\\alpha$ is the momentum. Near 0, eval mode sees "
        "what train mode sees. It may start high, as running means start at 0.",
        misleads="A batch is a sample: with B samples a gap of about 0.8/√B is chance alone.",
        source=IOFFE + "section 3.1 and Algorithm 2",
    ),
    "running_variance": Explanation(
        title="Running variance",
        short="BatchNorm's running variance as a multiple of the variance of this batch; 1 where they agree.",
        latex=r"\begin{gathered} \operatorname*{median}_j \; \frac{\sigma^2_{\text{run},j}}{s^2_{B,j}} \\"
        r" s^2_B = \frac{1}{m-1} \sum_i (x_i - \mu_B)^2 \end{gathered}",
        reading="The middle one of a layer's units or channels, each with $m$ values in the batch. Above 1, eval mode "
        "shrinks what train mode would not, and the other way round.",
        misleads="Train mode itself divides by the biased variance (1/m), while running_var keeps the unbiased one: "
        "at batch 2 that alone is a factor of 2.",
        source=IOFFE + "section 3.1 and Algorithm 2",
    ),
    "update_ratio": Explanation(
        title="Update to weight",
        short="The size of one update beside the size of the weights, in powers of ten; about -3 is usual.",
        latex=r"\log_{10} \frac{\operatorname{std}(W_\ell^{t+1} - W_\ell^{t})}{\operatorname{std}(W_\ell^{t})}",
        reading="Around -3, the guide line, an update changes weights by a thousandth. Far below, the layer hardly "
        "learns; above -2 it jumps about.",
        misleads="The guide is a rule of thumb. Under BatchNorm weights grow, so the ratio falls by itself.",
        source="Karpathy, makemore part 3",
    ),
    "update": Explanation(
        title="One update",
        short="One update of one unit, stage after stage: every number on its way from the batch to the new weights.",
        latex=r"\begin{gathered} \frac{\partial L}{\partial z_i} = \frac{1}{\sqrt{\sigma^2 + \epsilon}}"
        r" \Big( g_i - \overline{g} - \hat{x}_i\, \overline{g \hat{x}} \Big) \\ g_i = \gamma\,"
        r" \frac{\partial L}{\partial y_i} \end{gathered}",
        reading="The step is the one of the charts, measured once more on a copy. The formula is BatchNorm's way back: "
        "what the gradient has along $(1, \\dots, 1)$ and along $\\hat{x}$ is taken out, for a change in these "
        "directions would be undone by the normalization. Hollow: before; filled: after.",
        misleads="It is one unit, one sample and one batch of many. G and G′ are of the whole layer. With auxiliary "
        "losses the gradients are those of the network's own loss, and the update is that of all losses together.",
        source=IOFFE + "section 3; " + SANTURKAR + "Theorem 4.1",
    ),
    "surface": Explanation(
        title="Decisions on the plane",
        short="The probability that a network gives to class 1, at each point of the plane of its inputs.",
        latex=r"p_1(x) = \frac{e^{f_1(x)}}{e^{f_0(x)} + e^{f_1(x)}}",
        reading="The stronger the colour, the surer of class 1; on the line it is even. Rings are training points of "
        "class 0, dots of class 1. The network is in eval mode, with running statistics.",
        misleads="A sharp border is a sure network, not a right one. Away from the points nothing was learned: what is "
        "drawn there is chance.",
        source="bnviz's own picture",
    ),
    "bent": Explanation(
        title="The plane after a layer",
        short="Where a hidden layer puts a grid over the plane of inputs, and the training points, as far as two "
        "directions can show it.",
        latex=r"\begin{gathered} h = V^\top (a(x) - \overline{a}) \\ V: \text{two leading eigenvectors of }"
        r" \operatorname{Cov}\, a(x) \end{gathered}",
        reading="Layer by layer the plane is bent until a straight line can part rings from dots. The directions are "
        "the two leading principal ones of the layer's activations over the grid, turned to lie as near to those of "
        "the last look as they can, so that the picture does not jump.",
        misleads="A layer has more than two directions: how much of the variance is in these two stands in the corner. "
        "The scale of each picture is its own.",
        source="bnviz's own picture; the turn is that of Schönemann 1966",
    ),
}  # fmt: skip
"""Every chart of the page, by a short name."""
