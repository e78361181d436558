"""Every odd value of every field of every operation, to a server of its own: ``make odd-values``, minutes of a core.

The suite asks each operation once, with made-up values (``tests/server/http/test_openapi.py``).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.e2e.conftest import prepare_lasting, run_apart
from tests.e2e.serving import Server

BODIES: Final = """
import schemathesis

@schemathesis.serializer("application/sdp", "application/trickle-ice-sdpfrag")
def as_it_is(ctx, value):
    return value if isinstance(value, bytes) else str(value).encode(errors="replace")
"""
# The tester's own list has no 413, which a list that is too long is often refused by: its bytes come first.
# Another method than the operation's is another operation's test.
REFUSALS: Final = """
[phases.coverage]
unexpected-methods = []

[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "406", "409", "413", "415", "422", "428", "429", "5xx"]
"""
# What ends the tester's own sign-in, and a provider that only runs while a test of accounts does.
# Then what it cannot make up or read: bytes of uploads, a page at an operation's address, one of two types.
EXCLUDED: Final = (
    "^/api/v1/(auth/logout|me$|auth/sessions|auth/oauth/{provider}/start|uploads)|^/unsubscribe$|captions/.*/{piece}"
)
# With what an operator sets for payments: without it their calls answer 503, as they should.
ENV: Final = {"SOCIALFLOW_TEST_MONEY": "true", "SOCIALFLOW_STRIPE_WEBHOOK_SECRET": "whsec_of_nobody"}
UNCHECKED: Final = "ignored_auth,missing_required_header,unsupported_method,positive_data_acceptance"


def main() -> int:
    """The tester's exit code; what it found is printed."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "data", env=ENV).start()
        try:
            return _tester(server.url, Path(folder))
        finally:
            server.stop()


def _tester(url: str, folder: Path) -> int:
    (folder / "bodies.py").write_text(BODIES)
    (folder / "schemathesis.toml").write_text(REFUSALS)
    token = run_apart(prepare_lasting, url).owner_token
    command = [
        str(Path(sys.executable).parent / "schemathesis"), "run", f"{url}/openapi.json",
        "-H", f"Authorization: Bearer {token}",
        "--phases", "coverage", "--request-timeout", "60", "--seed", "7",
        "--exclude-path-regex", EXCLUDED, "--exclude-checks", UNCHECKED,
        "--suppress-health-check", "all", "--no-color", "--report-dir", str(folder),
    ]  # fmt: skip
    env = {**os.environ, "SCHEMATHESIS_HOOKS": "bodies", "PYTHONPATH": str(folder)}
    return subprocess.run(command, cwd=folder, env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
