"""Slow motion: one update of one unit, measured whole; and what networks make of a plane."""

from bnviz.motion.plane import PlaneMeter
from bnviz.motion.update import close_up

__all__ = ["PlaneMeter", "close_up"]
