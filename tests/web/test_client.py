"""The web client's own tests (`*.test.ts` of this folder), run by Node."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.tools import needs
from tests.web.node import node

HERE = Path(__file__).parent
RUNNER = HERE / "run.mjs"
MODULES = HERE.parent.parent / "server/web/node_modules"


@needs(node(), "Node 20.19 or later (`make web` brings one)")
@needs(MODULES.exists(), "the folder of the web client's packages (`make web` fills it)")
def test_the_tests_of_the_client_pass() -> None:
    program = node()
    assert program is not None
    ran = subprocess.run([program, str(RUNNER)], capture_output=True, text=True, timeout=600, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    passed = re.search(r"^(?:#|ℹ) pass (\d+)", ran.stdout, re.M)
    assert passed is not None
    assert int(passed[1]) >= len(list(HERE.glob("*.test.ts")))
