"""The tabs of the live view, a file each."""

from __future__ import annotations

from bnviz.charts.panel import Tab
from bnviz.charts.tabs import landscape, layers, over_time, plane, train_eval, update, updates

FINDINGS = Tab("findings", "Findings", lambda scene, view: [])
"""Words alone, which the verdict brings."""
TABS: dict[str, Tab] = {
    tab.name: tab
    for tab in (layers.TAB, over_time.TAB, landscape.TAB, train_eval.TAB, updates.TAB, update.TAB, plane.TAB, FINDINGS)
}
"""In the order in which they stand on the page, by name."""
