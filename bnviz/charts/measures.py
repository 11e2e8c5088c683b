"""What is measured of each layer, as charts show it, declared once: names, scale, explanation."""

from __future__ import annotations

from dataclasses import dataclass

from bnviz.charts.explanations import EXPLANATIONS, Explanation
from bnviz.charts.scales import COSINE, EXPONENT, LINEAR, LOG, LOG_AND_ZERO, SHARE, Scale
from bnviz.verdict.wording import FORMULAS


@dataclass(frozen=True)
class Measure:
    """A number for each layer and network."""

    name: str
    """Field of `Frame`."""
    title: str
    what: str
    """As said before its value."""
    scale: Scale
    topic: Explanation
    guide: float | None = None
    """Where a dashed line stands for comparison."""
    formula: str = ""


GRAD_NORM = Measure("grad_norm", "Gradient norm", "gradient norm", LOG, EXPLANATIONS["gradient_norm"])
ICS = {
    "relative": Measure(
        "ics_relative", "ICS", "relative ICS", LINEAR, EXPLANATIONS["ics"], formula=FORMULAS["relative"]
    ),
    "l2": Measure("ics_l2", "ICS", "ICS", LOG_AND_ZERO, EXPLANATIONS["ics"], formula=FORMULAS["l2"]),
    "cosine": Measure("ics_cosine", "ICS", "cosine of G and G′", COSINE, EXPLANATIONS["ics"],
                      formula=FORMULAS["cosine"]),
}  # fmt: skip
"""As `View.ics` names them."""
UNITS = (
    Measure("saturated", "Saturated", "saturated:", SHARE, EXPLANATIONS["units"]),
    Measure("dead", "Dead", "dead:", SHARE, EXPLANATIONS["units"]),
)
"""The shares of units worth a look, each where its notion applies."""
UPDATE_RATIO = Measure("update_ratio", "Update / weight", "log10 of update / weight", EXPONENT,
                       EXPLANATIONS["update_ratio"], guide=-3.0)  # fmt: skip
"""The guide: an update of a thousandth of the weights."""
RUNNING_MEAN = Measure("running_mean_gap", "Running mean", "standard deviations off:", LINEAR,
                       EXPLANATIONS["running_mean"])  # fmt: skip
RUNNING_VARIANCE = Measure("running_var_ratio", "Running variance", "times the batch's variance:", LOG,
                           EXPLANATIONS["running_variance"], guide=1.0)  # fmt: skip
