"""`python -m tests.second_tries`: runs what failed once more, each of it alone, if all of it may be.

Real encoders, browsers and kills on two noisy cores: a few tests fail now and then for want of time. Those that are
known for it are named, with a date and the reason, in `second_tries.txt`, ten at most; the list is to shrink. Of the
others that play out in real time (the lanes), three may fail in a run. Anything else that failed has failed. What
passes at the second try is printed, so that it is seen.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.lanes import lane_of

LIST: Final = Path(__file__).with_name("second_tries.txt")
FAILED: Final = Path(".pytest_cache/v/cache/lastfailed")
MOST: Final = 10
MOST_UNNAMED: Final = 3


def listed() -> dict[str, str]:
    """Test (without its parameters) → date and reason. A line is ``YYYY-MM-DD test: reason``."""
    lines = [line for line in LIST.read_text().splitlines() if line and not line.startswith("#")]
    found = {}
    for line in lines:
        date, _, rest = line.partition(" ")
        test, _, reason = rest.partition(": ")
        found[test] = f"{date} {reason}"
    return found


def refused(failed: list[str], reasons: Mapping[str, str]) -> list[str]:
    """Those that may not be tried again; all that are not named where these are too many."""
    unnamed = [test for test in failed if _bare(test) not in reasons]
    if len(unnamed) > MOST_UNNAMED:
        return unnamed
    return [test for test in unnamed if lane_of(test) is None]


def main() -> int:
    """0 when all that failed may be tried again and passed; else 1."""
    failed = list(json.loads(FAILED.read_text())) if FAILED.exists() else []
    reasons = listed()
    if wrong := refused(failed, reasons) or ([] if failed else ["(nothing is recorded)"]):
        print("\n".join(["May not be tried again:", *wrong]))
        return 1
    print("\n".join(["Tried once more, each alone:", *failed]), flush=True)
    again = subprocess.run([sys.executable, "-m", "pytest", "-p", "no:xdist", *failed], check=False)
    word = "passed at the second try" if again.returncode == 0 else "among what failed, and some failed again"
    for test in failed:
        print(f"{word}: {test} ({reasons.get(_bare(test), 'in real time')})")
    return int(again.returncode != 0)


def _bare(test: str) -> str:
    """Its name without parameters."""
    return test.partition("[")[0]


if __name__ == "__main__":
    sys.exit(main())
