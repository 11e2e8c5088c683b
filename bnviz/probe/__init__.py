"""Measures a model around one training step, and leaves no trace in it."""

from bnviz.probe.frame import Batch, accuracy, measure
from bnviz.probe.probe import Probe

__all__ = ["Batch", "Probe", "accuracy", "measure"]
