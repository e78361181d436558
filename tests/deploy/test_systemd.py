"""The unit as systemd reads it, the rules of logrotate, and what both say of the server."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from server.config import Settings, load
from tests.deploy.image import ROOT
from tests.tools import needs

UNIT = ROOT / "deploy/systemd/socialflow.service"
ROTATION = ROOT / "deploy/systemd/logrotate"
PROGRAM = Path(sys.executable).with_name("socialflow")
#: Of 10, by `systemd-analyze security`: 10 is without any bounds.
MOST_EXPOSED = 2.0


def service() -> dict[str, str]:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # systemd tells capitals apart
    unit.read_string(UNIT.read_text())
    return dict(unit["Service"])


def analyzed(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, check=False)


@needs(shutil.which("systemd-analyze"), "systemd-analyze")
def test_systemd_finds_nothing_to_mend(tmp_path: Path) -> None:
    here = tmp_path / UNIT.name
    here.write_text(UNIT.read_text().replace("/opt/socialflow/bin/socialflow", str(PROGRAM)))
    done = analyzed("verify", "--man=no", str(here))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs(shutil.which("systemd-analyze"), "systemd-analyze")
def test_a_server_that_was_taken_over_could_do_little() -> None:
    done = analyzed("security", "--offline=true", f"--threshold={MOST_EXPOSED * 10:.0f}", str(UNIT))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_unit_gives_what_a_server_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    said = service()
    for pair in said["Environment"].split():
        monkeypatch.setenv(*pair.split("=", 1))
    settings = load([])
    assert str(settings.data_dir) == said["WorkingDirectory"]
    assert int(said["TimeoutStopSec"]) > 2 * Settings.model_fields["drain_s"].default
    assert int(said["LimitNOFILE"]) > Settings.model_fields["max_sockets"].default


@needs(shutil.which("logrotate"), "logrotate")
def test_logrotate_takes_the_rules(tmp_path: Path) -> None:
    log = tmp_path / "node.log"
    log.write_text("{}\n")
    rules = tmp_path / "rules"
    rules.write_text(re.sub(r"^/var/log/socialflow/\*\.log", str(log), ROTATION.read_text(), flags=re.MULTILINE))
    command = ["logrotate", "--force", "--state", str(tmp_path / "state"), str(rules)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert log.read_text() == ""
    assert (tmp_path / "node.log.1").read_text() == "{}\n"
