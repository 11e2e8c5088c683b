"""The article's claims, held against real runs."""

from __future__ import annotations

import pytest

from tests.support.trained import median, trained

pytestmark = pytest.mark.filterwarnings("error")


def test_the_article_is_held_against_the_run():
    assert trained("sigmoid").claims()["correlation"] is False  # the default preset: zero ICS, zero learning
    assert trained("sigmoid").claims()["vanishing"] is True
    assert trained("good_init").claims() == {"steadier": True, "correlation": True, "variance": True, "vanishing": None}
    assert trained("hot").claims()["variance"] is True
    assert trained("pairs").claims()["vanishing"] is False
    assert trained("diverging").claims() == {"steadier": True}
    quiet = [each for each in trained("sigmoid").found() if each.kind == "article" and "correlation" in each.text]
    assert "but without normalization nothing is learned" in quiet[0].text


def test_drift_of_the_spread_is_its_largest_by_its_smallest():
    run = trained("good_init")
    factors = []
    for layer in range(run.config.depth):
        spreads = [
            f[0].preactivation_percentiles[layer][2] - f[0].preactivation_percentiles[layer][0] for f in run.steps
        ]
        factors.append(max(spreads) / min(spreads))
    (claim,) = [each for each in run.found() if "variance" in each.text and each.kind == "article"]
    assert claim.numbers["drift_reference"] == pytest.approx(median(factors))
