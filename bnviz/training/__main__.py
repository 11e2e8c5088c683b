"""`python -m bnviz.training FILE.py:FUNCTION`: what a factory of somebody's nets makes, as JSON on stdout.

{"kinds": normalizations that it has, "fits": data sets at hand, "problem": why not the others, "variants": {kind:
{"changes", "left"}}}. What is no factory of nets: one sentence on stderr, and exit status 2.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from bnviz.config import AS_IS, CATALOG, NORMALIZATIONS, Arm, RunConfig
from bnviz.leash import end_with_parent
from bnviz.models.factory import Factory, load_factory, make
from bnviz.models.variants import kinds_of
from bnviz.training.own import OwnNets


def described(factory: Factory) -> dict[str, Any]:
    """See the module. Errors: ValueError, in one sentence, where the factory makes no net."""
    fits, problem, nets = [], "", None
    for name, data in CATALOG.items():
        if data.openml is None:
            config = RunConfig(dataset=name, loss=data.losses[0], model="own", arms=(Arm(AS_IS),))
            try:
                found = OwnNets(factory, config)
            except ValueError as error:
                problem = problem or str(error)
            else:
                nets = nets or found
                fits.append(name)
    if nets is None:
        shape, outputs = CATALOG["digits"].shape, CATALOG["digits"].outputs
        return {"kinds": kinds_of(make(factory, shape, outputs)), "fits": [], "problem": problem, "variants": {}}
    return {
        "kinds": nets.kinds,
        "fits": fits,
        "problem": problem,
        "variants": {kind: nets.told(kind) for kind in NORMALIZATIONS},
    }


def main() -> int:
    """See the module."""
    end_with_parent()
    try:
        print(json.dumps(described(load_factory(sys.argv[1]))))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
