"""``python -m tests.mutants [module …]``: which small faults in the pure modules do their own tests not notice?

It fails if fewer than nine in ten are noticed, if one that is not is missing from ``survivors.py``, or if one that
stands there is noticed. ``--sample 12 --seed 1`` tries so many of each module, always the same ones of a seed, and
``--within Rules.judge`` those with this in their name.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import sys
from collections.abc import Sequence

from tests.mutants.modules import LEAST_KILLED, MODULES
from tests.mutants.mutate import Mutant, mutants
from tests.mutants.run import ROOT, survivors
from tests.mutants.survivors import SURVIVORS


def main(argv: Sequence[str]) -> int:
    options = _parse(argv)
    os.chdir(ROOT)
    return max(_try(name, options) for name in options.modules or MODULES)


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "modules", nargs="*", metavar="module", help="such as actors/rate_limits.py; all if none is named"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--sample", type=int, help="try so many mutants of each module")
    parser.add_argument("--within", default="", help="try only mutants with this text in their name")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(argv)
    unknown = [name for name in options.modules if name not in MODULES]
    if unknown:
        parser.error(f"not in tests/mutants/modules.py: {' '.join(unknown)}")
    return options


def _try(name: str, options: argparse.Namespace) -> int:
    """0 if the tests of the module notice what they should."""
    path, named = ROOT / name, SURVIVORS.get(name, {}).keys()
    tree = ast.parse(path.read_text())
    chosen = _chosen(mutants(tree), options)
    alive = set()
    for survivor in survivors(path, tree, chosen, MODULES[name], options.jobs):
        alive.add(survivor)
        if survivor not in named:
            print(f"{name}: not noticed: {survivor}", flush=True)
    in_vain = (named & {mutant.name for mutant in chosen}) - alive
    for one in sorted(in_vain):
        print(f"{name}: named in survivors.py, but noticed: {one}")
    print(f"{name}: {len(chosen) - len(alive)} of {len(chosen)} mutants killed", flush=True)
    is_part = options.sample is not None or options.within
    is_enough = is_part or len(chosen) - len(alive) >= LEAST_KILLED * len(chosen)
    return int(not is_enough or bool(alive - named) or bool(in_vain))


def _chosen(found: list[Mutant], options: argparse.Namespace) -> list[Mutant]:
    within = [mutant for mutant in found if options.within in mutant.name]
    if options.sample is None or options.sample >= len(within):
        return within
    return random.Random(options.seed).sample(within, options.sample)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
