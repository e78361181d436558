"""`python -m tests.second_tries`: runs what failed once more, if each of it is on the list of those that may be.

Real encoders, browsers and kills on two noisy cores: a few tests fail now and then for want of time. They are named,
with a date and the reason, in `second_tries.txt`, ten at most; the list is to shrink. Anything else that failed has
failed. What passes at the second try is printed, so that it is seen.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

LIST: Final = Path(__file__).with_name("second_tries.txt")
FAILED: Final = Path(".pytest_cache/v/cache/lastfailed")
MOST: Final = 10


def listed() -> dict[str, str]:
    """Test (without its parameters) → date and reason. A line is ``YYYY-MM-DD test: reason``."""
    lines = [line for line in LIST.read_text().splitlines() if line and not line.startswith("#")]
    found = {}
    for line in lines:
        date, _, rest = line.partition(" ")
        test, _, reason = rest.partition(": ")
        found[test] = f"{date} {reason}"
    return found


def main() -> int:
    """0 when all that failed may be tried again and passed; else 1."""
    failed = list(json.loads(FAILED.read_text())) if FAILED.exists() else []
    reasons = listed()
    refused = [test for test in failed if _bare(test) not in reasons] or ([] if failed else ["(nothing is recorded)"])
    if refused:
        print("\n".join(["Not on the list of those that may be tried again:", *refused]))
        return 1
    print("\n".join(["Tried once more, each alone:", *failed]), flush=True)
    again = subprocess.run([sys.executable, "-m", "pytest", "-p", "no:xdist", *failed], check=False)
    word = "passed at the second try" if again.returncode == 0 else "among what failed, and some failed again"
    for test in failed:
        print(f"{word}: {test} ({reasons[_bare(test)]})")
    return int(again.returncode != 0)


def _bare(test: str) -> str:
    """Its name without parameters."""
    return test.partition("[")[0]


if __name__ == "__main__":
    sys.exit(main())
