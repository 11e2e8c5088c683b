"""The tab "What is this?": how to begin, the article that started it, each chart in words, the papers."""

from __future__ import annotations

import streamlit as st

from bnviz.charts import TABS
from bnviz.charts.explanations import Explanation
from bnviz.presets import PRESETS
from bnviz.ui.story import ARTICLE, CLAIMS, HISTORY, INTRODUCTION, PAPERS, Claim


def draw() -> None:
    """Draw the tab."""
    with st.container(key="about"):
        st.markdown(f"## What normalization does\n\n{INTRODUCTION}")
        st.markdown(f"## The article that started this page\n\n{ARTICLE}")
        for each in CLAIMS:
            _claim(each)
        st.markdown(HISTORY)
        st.markdown("## What the charts show")
        for tab in TABS.values():
            if tab.topics:
                st.markdown(f"### {tab.title}")
            for topic in tab.topics:
                _chart(topic)
        st.markdown(f"## Papers\n\n{_papers()}")


def _claim(each: Claim) -> None:
    with st.expander(f"“{each.claim}”"):
        preset = PRESETS[each.preset]
        st.markdown(each.answer)
        st.caption(f"Measured, preset *{preset.title}*: {preset.outcome}")


def _chart(each: Explanation) -> None:
    with st.expander(f"**{each.title}**: {each.short}"):
        st.latex(each.latex)
        st.markdown(f"**How to read it.** {each.reading}\n\n**When it misleads.** {each.misleads}")
        st.caption(each.source)


def _papers() -> str:
    links = {number: f", [arXiv {number}](https://arxiv.org/abs/{number})" for number in PAPERS.values() if number}
    return "\n".join(f"- {paper}{links.get(number, '')}" for paper, number in PAPERS.items())
