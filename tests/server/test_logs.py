"""What a line of the log may look like, whatever was said."""

from __future__ import annotations

import subprocess
import sys

import pytest

SAY = """
import logging, sys, structlog
from server.logs import set_up_logs
set_up_logs(log_format=sys.argv[1], level="info", process="node")
said = "one\\ntwo\\x1b[31m\\u202e" + "z" * 5000
logging.getLogger("a").info("%s", said)
structlog.get_logger("b").info(said)
"""


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_what_strangers_send_stays_on_one_bounded_line(log_format: str) -> None:
    run = subprocess.run([sys.executable, "-c", SAY, log_format], capture_output=True, text=True, check=True)
    lines = run.stderr.splitlines()
    assert len(lines) == 2
    for line in lines:
        assert "one\\ntwo\\x1b" in line.replace("\\\\", "\\")
        assert not {"\x1b", "\u202e"} & set(line)
        assert 1900 < len(line) < 2300
