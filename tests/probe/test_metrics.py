from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from bnviz.frames import BINS, edges
from bnviz.models.normalization.p_norm import PNormBatchNorm
from bnviz.probe import metrics

ROWS = np.random.default_rng(0).normal(0, [[1], [0.001], [50]], (3, 4000)).astype(np.float32)


def test_spread_is_mean_std_and_four_deviations_within_the_data():
    mean, std, wanted = metrics.spread(ROWS)
    for row, m, s, (low, high) in zip(ROWS.astype(np.float64), mean, std, wanted, strict=True):
        assert m == pytest.approx(row.mean(), abs=1e-4 * row.std())
        assert s == pytest.approx(row.std(), rel=1e-4)
        assert low == pytest.approx(max(row.min(), row.mean() - 4 * row.std()), rel=1e-3)
        assert high == pytest.approx(min(row.max(), row.mean() + 4 * row.std()), rel=1e-3)


def test_shared_ranges_hold_zero_and_what_each_arm_wants():
    arms = [np.array([[-1.2, 0.5], [0.2, 0.31], [np.nan, np.nan]]), np.array([[0.1, 0.7], [0.25, 0.9], [-3, -2.0]])]
    shared = metrics.shared_ranges(arms)
    np.testing.assert_allclose(shared, [[-1.5, 0.8], [0.0, 1.0], [-3.0, 0.0]])
    all_zero = metrics.shared_ranges([np.zeros((1, 2))])
    np.testing.assert_allclose(all_zero, [[0.0, 1.0]])


@pytest.mark.parametrize(("value", "expected"), [(0, 0), (1, 1), (1.01, 1.5), (0.031, 0.04), (9.5, 10), (4e7, 4e7)])
def test_nice_ceiling(value, expected):
    assert metrics.nice_ceiling(np.array([float(value)]))[0] == pytest.approx(expected)


def test_histograms_agree_with_numpy_and_state_what_they_clip():
    ranges = np.array([[-2.0, 2.0], [-0.004, 0.004], [-40.0, 300.0]])
    bins = metrics.binned(ROWS, ranges)
    assert bins.histograms.shape == (3, BINS)
    for row, counts, share, edge in zip(ROWS, bins.histograms, bins.clipped, edges(ranges), strict=True):
        expected, _ = np.histogram(row.astype(np.float64), edge)
        assert np.abs(counts - expected).sum() <= 4  # float32 rounds a value at an edge to its other side
        assert counts.sum() / row.size + share == pytest.approx(1)


def test_histograms_take_the_last_edge_in_and_count_what_is_not_finite_as_outside():
    row = np.array([[0.0, 1.0, 1.0, 1.001, np.nan, np.inf, -np.inf, -0.001]], np.float32)
    bins = metrics.binned(row, np.array([[0.0, 1.0]]))
    hist = bins.histograms
    assert (hist[0, 0], hist[0, -1], hist.sum()) == (1, 2, 3)
    assert bins.clipped[0] == pytest.approx(5 / 8)


def test_percentiles_agree_with_numpy():
    for values in (ROWS, ROWS[:, :7], ROWS[:, :1]):
        np.testing.assert_allclose(
            metrics.percentiles(values), np.percentile(values.astype(np.float64), [15, 50, 85], axis=1).T, rtol=1e-6
        )
    assert np.isnan(metrics.percentiles(np.array([[1.0, np.nan, 2.0]]))).all()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("width", [1e-9, 0.02, 1.0, 3.0, 1e6])
@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_percentiles_from_bins_are_those_from_sorting(width, size):
    ties = np.random.default_rng(size).integers(-2, 3, (3, size)).astype(np.float32)
    for values in (ROWS[:, :size], ties, -np.abs(ROWS[:, :size]), np.full((1, size), 0.3, np.float32)):
        bins = metrics.binned(values, np.array([[-width, 1.5 * width]] * len(values)))
        np.testing.assert_array_equal(metrics.percentiles(values, bins), metrics.percentiles(values))
    for odd in (np.nan, np.inf, -np.inf):
        ties[1, 0] = odd
        found = metrics.percentiles(ties, metrics.binned(ties, np.array([[-width, width]] * 3)))
        assert np.isnan(found).all(axis=1).tolist() == [False, True, False]


def test_rows_of_equal_size_are_measured_together():
    tensors = [torch.arange(6.0).reshape(2, 3), torch.zeros(4), torch.ones(3, 2)]
    groups = {tuple(rows): values for rows, values in metrics.stack_rows(tensors)}
    np.testing.assert_array_equal(groups[(0, 2)], [[0, 1, 2, 3, 4, 5], [1] * 6])
    np.testing.assert_array_equal(groups[(1,)], [[0] * 4])


def test_saturation_and_dead_units_by_a_plain_loop():
    tanh = torch.tensor([[0.98, -0.98, 0.5], [0.96, 0.971, 0.0]])
    assert metrics.saturated_share(nn.Tanh(), tanh) == pytest.approx(sum(abs(v) > 0.97 for v in tanh.flatten()) / 6)
    sigmoid = torch.tensor([[0.02, 0.5], [0.98, 0.96]])
    assert metrics.saturated_share(nn.Sigmoid(), sigmoid) == pytest.approx(2 / 4)
    assert math.isnan(metrics.saturated_share(nn.ReLU(), tanh))
    relu = torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 2.0]])
    assert metrics.dead_share(nn.ReLU(), relu) == pytest.approx(1 / 3)
    maps = torch.zeros(2, 4, 3, 3)
    maps[1, 2, 0, 1] = 1
    assert metrics.dead_share(nn.ReLU(), maps) == pytest.approx(3 / 4)
    assert math.isnan(metrics.dead_share(nn.Tanh(), relu))


def test_update_ratio_and_gradient_norm_by_definition():
    before, after = torch.randn(5, 4), torch.randn(5, 4)
    expected = math.log10(np.std((after - before).numpy()) / np.std(before.numpy()))
    assert metrics.update_ratios([before], [after])[0] == pytest.approx(expected, rel=1e-5)
    assert metrics.update_ratios([before], [before])[0] == -math.inf
    layer = nn.Linear(4, 3)
    layer(torch.ones(2, 4)).square().sum().backward()
    plain = math.sqrt(sum(float(g) ** 2 for g in layer.weight.grad.flatten()))
    assert metrics.norms([layer.weight.grad, None])[0] == pytest.approx(plain)
    assert metrics.norms([torch.full((4,), 1e-30)])[0] == pytest.approx(2e-30)  # its square is no float32


def test_running_statistics_against_those_of_the_batch():
    norm = nn.BatchNorm1d(3)
    norm.running_mean[:] = torch.tensor([1.0, 0.0, -2.0])
    norm.running_var[:] = torch.tensor([2.0, 1.0, 9.0])
    x = torch.randn(64, 3) * 3 + 1
    measured = metrics.running_gaps([None, norm, nn.LayerNorm(3), norm], [None, x, x, 2 * x])
    gap, ratio = measured[1]
    columns = x.numpy().T.astype(np.float64)
    gaps = [abs(m - c.mean()) / c.std(ddof=1) for m, c in zip([1, 0, -2], columns, strict=True)]
    ratios = [v / c.var(ddof=1) for v, c in zip([2, 1, 9], columns, strict=True)]
    assert gap == pytest.approx(np.mean(gaps), rel=1e-4)
    assert ratio == pytest.approx(np.median(ratios), rel=1e-4)
    assert np.isnan(measured[[0, 2]]).all()
    np.testing.assert_allclose(measured[3], metrics.running_gaps([norm], [2 * x])[0], rtol=1e-6)


@pytest.mark.parametrize("scale", [1e-3, 1e-12, 1e-18, 1e-25, 1e-30, 1e-37])
def test_a_tiny_spread_is_no_zero(scale):
    rows = (scale * np.random.default_rng(0).standard_normal((3, 500))).astype(np.float32)
    rows[1] += np.float32(scale)  # a row whose mean is not 0, beside one of another size
    rows[2] = np.random.default_rng(1).standard_normal(500)
    _, std, wanted = metrics.spread(rows)
    np.testing.assert_allclose(std, rows.astype(np.float64).std(axis=1), rtol=1e-4)
    assert (wanted[:, 0] < wanted[:, 1]).all()


def test_running_means_are_measured_where_another_spread_is_kept():
    norm = PNormBatchNorm(3, "1")
    norm(torch.randn(64, 3) + 2)
    x = torch.randn(64, 3) + 2
    gap, ratio = metrics.running_gaps([norm], [x])[0]
    running, columns = norm.running_mean.numpy(), x.numpy().T.astype(np.float64)
    assert gap == pytest.approx(
        np.mean([abs(m - c.mean()) / c.std(ddof=1) for m, c in zip(running, columns, strict=True)])
    )
    assert np.isnan(ratio)


def test_running_statistics_of_maps_are_over_batch_height_and_width():
    norm = nn.BatchNorm2d(3)
    norm(torch.randn(8, 3, 4, 5))
    x = torch.randn(8, 3, 4, 5) + 1
    columns = x.transpose(0, 1).flatten(1).T
    flat = nn.BatchNorm1d(3)
    flat.load_state_dict(norm.state_dict())
    np.testing.assert_allclose(metrics.running_gaps([norm], [x]), metrics.running_gaps([flat], [columns]), rtol=1e-5)
