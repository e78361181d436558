"""Which seed breaks a promise of the cluster? The simulation of the tests, for as many seeds as there is time for."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence


def main(argv: Sequence[str]) -> int:
    """Run from the project's folder, since the simulation lives with the tests. 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m bench sim", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10_000, help="how many (10,000)")
    parser.add_argument("--first", type=int, default=0, help="the first one (0)")
    parser.add_argument("--faults", type=int, default=6, help="at most so many in one run (6)")
    parser.add_argument("--faults-s", type=float, default=9.0, help="virtual seconds in which they begin (9)")
    parser.add_argument("--strict", action="store_true", help="no shard may be held under a stale epoch, used or not")
    parser.add_argument("--trace", action="store_true", help="print what happened in each run")
    options = parser.parse_args(argv)
    try:
        from tests.sim.cluster import run, stage
        from tests.sim.simulation import Broken
    except ModuleNotFoundError:
        print("bench sim: the tests are not here; run it in the project's folder", file=sys.stderr)
        return 2
    scene = {"most_faults": options.faults, "faults_s": options.faults_s, "is_strict": options.strict}
    broken, done, faults, healed_s = 0, 0, Counter[str](), []
    started = told = time.monotonic()
    with stage() as errors:
        for seed in range(options.first, options.first + options.seeds):
            trace: list[str] | None = [] if options.trace else None
            try:
                outcome = run(seed, trace=trace, **scene)
            except Broken as error:
                broken += 1
                print(f"BROKEN {error}", flush=True)
            else:
                faults.update(outcome.faults)
                healed_s.append(outcome.healed_s)
            print("".join(f"{line}\n" for line in trace or ()), end="")
            done += 1
            if time.monotonic() - told > 10:
                told = time.monotonic()
                print(f"{done:,} seeds, {broken} broken, {done / (told - started):.1f}/s", flush=True)
    took_s = time.monotonic() - started
    print(f"{done:,} seeds in {took_s:.1f} s, {broken} broken; {sum(faults.values()):,} faults: {dict(faults)}")
    if healed_s:
        ordered = sorted(healed_s)
        print(f"healed after (virtual): median {ordered[len(ordered) // 2]:.1f} s, worst {ordered[-1]:.1f} s")
    print(f"logged as errors: {dict(errors)}")
    return 1 if broken else 0
