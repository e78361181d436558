"""The lists of what the server and its page are made of, as `make sbom` writes them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.deploy.image import ROOT
from tests.tools import needs
from tests.web.test_client import node

WEB = ROOT / "server/web"


def recipe() -> list[str]:
    lines = (ROOT / "Makefile").read_text().split("\nsbom:")[1].split("\n\n")[0].splitlines()[1:]
    return [line.strip().lstrip("@") for line in lines]


def names(listed: dict[str, Any]) -> set[str]:
    return {f"{one['name'].lower().replace('_', '-')}@{one['version']}" for one in listed["components"]}


def is_valid(text: str, version: SchemaVersion) -> bool:
    return JsonStrictValidator(version).validate_str(text) is None


def test_every_locked_package_is_listed_with_its_hashes(tmp_path: Path) -> None:
    (command,) = [line for line in recipe() if "cyclonedx-py" in line]
    out = tmp_path / "python.cdx.json"
    words = (
        command.replace("$(BIN)", str(Path(sys.executable).parent)).replace("dist/python.cdx.json", str(out)).split()
    )
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True)
    listed = json.loads(out.read_text())
    locked = re.findall(
        r"^([\w.-]+)(?:\[[^\]]*\])?==([^ ;\\]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE
    )
    assert names(listed) == {f"{name.lower().replace('_', '-')}@{version}" for name, version in locked}
    assert is_valid(out.read_text(), SchemaVersion.from_version(listed["specVersion"]))
    assert listed["metadata"]["component"]["name"] == "socialflow"
    assert all(one["externalReferences"][0]["hashes"] for one in listed["components"])


@needs(node(), "Node with npm 10 or later")
def test_every_package_of_the_page_is_listed() -> None:
    (command,) = [line for line in recipe() if "npm sbom" in line]
    said = command.split("npm ")[1].split(" >")[0].split()
    done = subprocess.run(["npm", *said], cwd=WEB, check=True, capture_output=True, text=True)
    listed = json.loads(done.stdout)
    lock = json.loads((WEB / "package-lock.json").read_text())["packages"]
    shipped = {
        f"{path.rpartition('node_modules/')[2].lower()}@{one['version']}"
        for path, one in lock.items()
        if path and not one.get("dev") and not one.get("devOptional")
    }
    assert shipped
    assert shipped <= {
        f"{one['group'] + '/' if one.get('group') else ''}{one['name']}@{one['version']}".lower()
        for one in listed["components"]
    }
    assert is_valid(done.stdout, SchemaVersion.from_version(listed["specVersion"]))
