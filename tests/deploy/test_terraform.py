"""The modules for AWS: that they parse, fit together, and tell the nodes what there is to tell.

Nothing is applied, and the provider's own schemas are not asked. Format and policies: ``make modules``.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any, get_args

import hcl2
import pytest

from server.config import Roles, Settings, load
from tests.deploy.image import ROOT

HERE = ROOT / "deploy/terraform"
FOLDERS = [HERE, *sorted((HERE / "modules").iterdir())]
ENVIRONMENTS = sorted((HERE / "environments").glob("*.tfvars"))
#: What is given to a call of a module and is no variable of it.
OF_ALL_CALLS = {"source", "providers"}
AWS = r"(?:aws|random)_[a-z0-9_]+"


def bare(value: Any) -> Any:
    """Without the quotes and marks that the parser keeps."""
    if isinstance(value, dict):
        return {bare(key): bare(one) for key, one in value.items() if not key.startswith("__")}
    if isinstance(value, list):
        return [bare(one) for one in value]
    return value.strip('"') if isinstance(value, str) else value


@cache
def parsed(path: Path) -> dict[str, Any]:
    with path.open() as file:
        return dict(bare(hcl2.load(file)))


def blocks(folder: Path, kind: str) -> dict[str, dict[str, Any]]:
    """Name, or type and name with a dot, → what a block holds."""
    found: dict[str, dict[str, Any]] = {}
    for path in folder.glob("*.tf"):
        for block in parsed(path).get(kind, ()):
            for name, held in block.items():
                if kind in ("resource", "data"):
                    found |= {f"{name}.{inner}": one for inner, one in held.items()}
                else:
                    found[name] = held
    return found


def text(folder: Path) -> str:
    """Of all files of the folder, without comments and what is said in words."""
    lines = "\n".join(path.read_text() for path in sorted(folder.glob("*.tf"))).splitlines()
    return "\n".join(line for line in lines if not line.strip().startswith(("#", "description")))


def calls() -> dict[str, dict[str, Any]]:
    return blocks(HERE, "module")


folders = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


@folders
def test_what_is_referred_to_is_there(folder: Path) -> None:
    code = text(folder)
    assert set(re.findall(r"\bvar\.([a-z_]+)", code)) == set(blocks(folder, "variable")), "variables"
    named = {name for path in folder.glob("*.tf") for block in parsed(path).get("locals", ()) for name in block}
    assert set(re.findall(r"\blocal\.([a-z_]+)", code)) == named, "locals"
    resources = set(re.findall(rf"(?<!data\.)\b({AWS}\.[a-z_]+)\b", code))
    assert resources <= set(blocks(folder, "resource"))
    assert set(re.findall(rf"\bdata\.({AWS}\.[a-z_]+)", code)) == set(blocks(folder, "data"))


def test_every_module_is_called_with_what_it_takes() -> None:
    assert {call["source"] for call in calls().values()} == {f"./modules/{folder.name}" for folder in FOLDERS[1:]}
    for name, call in calls().items():
        variables = blocks(HERE / call["source"], "variable")
        required = {variable for variable, said in variables.items() if "default" not in said}
        assert required <= call.keys() - OF_ALL_CALLS <= variables.keys(), name


def test_what_is_asked_of_a_module_is_given_by_it() -> None:
    for module, output in re.findall(r"\bmodule\.([a-z_]+)\.([a-z_]+)", text(HERE)):
        assert output in blocks(HERE / calls()[module]["source"], "output"), f"{module}.{output}"


@pytest.mark.parametrize("whole", ["network", "balancing"])
def test_what_is_asked_of_a_module_that_is_handed_on_whole_is_given_by_it(whole: str) -> None:
    outputs = blocks(HERE / "modules" / whole, "output")
    asked = {name for folder in FOLDERS[1:] for name in re.findall(rf"\bvar\.{whole}\.([a-z_]+)", text(folder))}
    assert asked
    assert asked <= outputs.keys()


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.stem)
def test_an_environment_says_all_that_must_be_said(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = blocks(HERE, "variable")
    required = {name for name, said in variables.items() if "default" not in said}
    given = parsed(path)
    assert required <= given.keys() <= variables.keys()
    for name, value in given["settings"].items():
        monkeypatch.setenv(f"SOCIALFLOW_{name.upper()}", value)
    settings = load([])
    assert settings.server_name == given["settings"]["server_name"]


def test_the_nodes_are_told_settings_that_there_are() -> None:
    named = {name for folder in FOLDERS for name in re.findall(r"\bSOCIALFLOW_[A-Z_]+", text(folder))}
    assert len(named) > 10
    assert named <= {f"SOCIALFLOW_{name.upper()}" for name in Settings.model_fields}


def test_what_is_secret_is_told_as_a_secret_alone() -> None:
    secrets = set(re.findall(r"SOCIALFLOW_\w+", str(calls()["secrets"]["secrets"])))
    assert {"SOCIALFLOW_DATABASE_URL", "SOCIALFLOW_REDIS_URL", "SOCIALFLOW_SECRETS_KEY"} < secrets
    assert not secrets & set(re.findall(r"SOCIALFLOW_\w+", str(calls()["nodes"])))
    assert not secrets & set(re.findall(r"SOCIALFLOW_\w+", text(HERE / "modules/nodes")))


def test_the_services_are_roles_and_commands_that_there_are() -> None:
    code = text(HERE / "modules/nodes")
    roles = set(re.findall(r'SOCIALFLOW_NODE_ROLES\s*=\s*"([^"]+)"', code))
    assert roles == {"edge", "media", "actors"} < set(get_args(get_args(get_args(Roles)[0])[0]))
    assert set(re.findall(r'command = "(\w+)"', code)) == {"serve", "worker"}


def test_the_ports_are_those_of_the_server() -> None:
    (ports,) = re.findall(r"ports = \{([^}]+)\}", text(HERE))
    said = {name: int(port) for name, port in re.findall(r"(\w+) = (\d+)", ports)}
    assert said.pop("inside") not in said.values()
    assert said == {name: Settings.model_fields[f"{name}_port"].default for name in said}


def test_the_image_can_be_run_as_the_tasks_say() -> None:
    image = (ROOT / "Dockerfile").read_text()
    assert 'user                   = "10001"' in text(HERE / "modules/nodes")
    assert "--uid 10001" in image
    assert "VOLUME /data" in image, "what Fargate mounts there is its user's only because the image says so"


def test_each_exception_from_a_policy_has_its_reason() -> None:
    lines = [line for path in HERE.rglob("*.tf") for line in path.read_text().splitlines() if "checkov" in line]
    assert lines
    assert not [line for line in lines if not re.search(r"#checkov:skip=CKV2?_AWS_\d+: \S.{15,}$", line)]
