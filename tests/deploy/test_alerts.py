"""Each alert fires within its time and not while all is well, and says where to read what to do."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from tests.deploy.image import ROOT
from tests.tools import needs

RULES = ROOT / "deploy/prometheus/alerts.yml"
CASES = ROOT / "tests/deploy/alerts.yml"
PROMTOOL = shutil.which("promtool")


def rules() -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def tried() -> list[dict[str, Any]]:
    return [one for case in yaml.safe_load(CASES.read_text())["tests"] for one in case["alert_rule_test"]]


def test_every_alert_leads_to_a_section_that_says_what_to_do() -> None:
    sections = re.findall(r"^## (\w+)$", (ROOT / "docs/runbooks.md").read_text(), re.MULTILINE)
    assert sorted(sections) == sorted(rules())
    assert {name: rule["annotations"]["runbook"] for name, rule in rules().items()} == {
        name: f"docs/runbooks.md#{name.lower()}" for name in sections
    }


def test_every_alert_is_seen_to_fire_and_to_be_silent() -> None:
    assert {one["alertname"] for one in tried() if one["exp_alerts"]} == set(rules())
    silent = [one["alertname"] for one in tried() if not one["exp_alerts"]]
    assert {name: silent.count(name) for name in rules()} == dict.fromkeys(rules(), 2)


@needs(PROMTOOL, "promtool (of Debian's prometheus)")
@pytest.mark.parametrize("command", [["check", "rules", str(RULES)], ["test", "rules", str(CASES)]])
def test_prometheus_itself_finds_them_so(command: list[str]) -> None:
    assert PROMTOOL is not None
    done = subprocess.run([PROMTOOL, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@needs(PROMTOOL, "promtool (of Debian's prometheus)")
def test_prometheus_takes_the_configuration() -> None:
    assert PROMTOOL is not None
    config = ROOT / "deploy/prometheus/prometheus.yml"
    done = subprocess.run([PROMTOOL, "check", "config", str(config)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
