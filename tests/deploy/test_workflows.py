"""The workflows and hooks hold what `.ci/run` holds, and call what there is."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.release.notes import notes
from tests.deploy.image import ROOT
from tests.lanes import OTHERS, REAL_TIME

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
HOOKS = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
CHANGES = "# Changes\n\n## 0.2.0 — 2027-01-31\n\n- New\n\n## 0.1.0 — unreleased\n\n- Old\n"


def jobs(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text())["jobs"])


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in jobs(path).values() for step in job.get("steps", ())]


def make_targets(text: str) -> set[str]:
    """What ``make`` is told to make in these lines."""
    found = set[str]()
    for line in text.splitlines():
        for command in re.split(r"\|\||&&|;", line):
            words = shlex.split(command, comments=True)
            if words[:1] == ["make"]:
                found |= {word for word in words[1:] if "=" not in word}
    return found


@pytest.mark.parametrize("schema", ["vendor.github-workflows", "custom.github-workflows-require-timeout"])
def test_a_workflow_is_one(schema: str) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *map(str, WORKFLOWS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_make_target_that_is_called_is_there() -> None:
    there = set(re.findall(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[0].split())
    called = set().union(*(make_targets(step.get("run", "")) for path in WORKFLOWS for step in steps(path)))
    assert {"check", "test", "wheel"} <= called <= there


def test_a_workflow_holds_all_that_the_script_holds() -> None:
    script = make_targets((ROOT / ".ci/run").read_text())
    checks = ROOT / ".github/workflows/checks.yml"
    assert script <= set().union(*(make_targets(step.get("run", "")) for step in steps(checks)))
    assert set(jobs(checks)["tests"]["strategy"]["matrix"]["lane"]) == {*REAL_TIME, OTHERS}
    packages = re.compile(r"--no-install-recommends (.+?)(?: >/dev/null)?$", re.MULTILINE)
    (here,) = packages.findall((ROOT / ".ci/run").read_text())
    assert here in checks.read_text()


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_trusts_few_and_writes_where_it_must(path: Path) -> None:
    assert all(step["uses"].startswith("actions/") for step in steps(path) if "uses" in step)
    assert yaml.safe_load(path.read_text())["permissions"] == {"contents": "read"}
    assert [name for name, job in jobs(path).items() if "permissions" in job] in ([], ["release"])
    # What a stranger chose (a branch's name, a title) is no part of a script.
    assert not [step for step in steps(path) if re.search(r"\$\{\{\s*github\.", step.get("run", ""))]


def test_nothing_is_released_before_the_checks() -> None:
    release = jobs(ROOT / ".github/workflows/release.yml")
    assert (ROOT / release["checks"]["uses"]).resolve() in WORKFLOWS
    assert release["release"]["needs"] == "checks"


def test_the_hooks_call_what_the_environment_has() -> None:
    entries = [shlex.split(hook["entry"]) for repo in HOOKS["repos"] for hook in repo["hooks"]]
    assert {repo["repo"] for repo in HOOKS["repos"]} == {"local"}
    assert entries
    assert not [words[0] for words in entries if not (Path(sys.executable).parent / Path(words[0]).name).exists()]


def test_the_notes_of_a_release_are_those_of_its_version() -> None:
    assert notes("v0.2.0", "0.2.0", CHANGES) == "- New\n"


@pytest.mark.parametrize(
    ("tag", "version", "why"),
    [("v0.2.0", "0.2.1", "the version"), ("v0.1.0", "0.1.0", "unreleased"), ("v0.3.0", "0.3.0", "nothing about")],
)
def test_a_tag_that_does_not_agree_releases_nothing(tag: str, version: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        notes(tag, version, CHANGES)
