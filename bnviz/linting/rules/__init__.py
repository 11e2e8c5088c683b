"""The rules: each a small function from what was seen to findings, under its fixed name."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bnviz.linting.finding import Finding
from bnviz.linting.passes import Passes
from bnviz.linting.rules import batch, gradients, parameters, placing, running, units

Rule = Callable[[Passes], Iterator[Finding]]

RULES: dict[str, Rule] = {
    rule.__name__.replace("_", "-"): rule
    for rule in (
        placing.bias_before_batchnorm, placing.batchnorm_on_output, placing.dropout_before_batchnorm,
        placing.batchnorm_before_gate, placing.batchnorm_used_twice, placing.group_count, placing.in_place_after,
        batch.batch_too_small, batch.batches_not_mixed, batch.last_batch_of_one,
        running.statistics_frozen, running.statistics_stale,
        gradients.vanishing_gradients, gradients.exploding_gradients, units.dead_units, units.saturated_units,
        parameters.weight_decay_on_normalization, parameters.gamma_near_zero, parameters.eps_dominates,
        parameters.zero_weights, parameters.tied_weights,
    )
}  # fmt: skip
"""By name."""
