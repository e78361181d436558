"""The compose file: its form, what it refers to, and whether the nodes would take what it gives them."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import boto3
import check_jsonschema
import jsonschema
import pytest
import yaml
from botocore.session import get_session

from server.config import Settings, load
from server.secret_files import is_secret
from tests.deploy.conftest import free_port
from tests.deploy.image import ROOT
from tests.tools import needs

ONE = ROOT / "docker-compose.yml"
THREE = ROOT / "deploy/compose/three.yaml"
MAKER = ROOT / "deploy/compose/make_secrets.py"
GIVEN = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")
READ_AT = "/run/secrets"


def merged(below: Any, above: Any) -> Any:
    """As compose merges files, and what a service extends: mappings by key, lists one after the other."""
    if isinstance(below, dict) and isinstance(above, dict):
        return below | {key: merged(below[key], one) if key in below else one for key, one in above.items()}
    return [*below, *above] if isinstance(below, list) and isinstance(above, list) else above


def whole(service: dict[str, Any]) -> dict[str, Any]:
    extended = service.get("extends")
    if extended is None:
        return service
    base = yaml.safe_load((ROOT / extended["file"]).read_text())["services"][extended["service"]]
    return dict(merged(base, service))


def compose(*files: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for file in files:
        found = merged(found, yaml.safe_load(file.read_text()))
    return found | {"services": {name: whole(service) for name, service in found["services"].items()}}


COMPOSE = compose(ONE, THREE)
SINGLE = compose(ONE)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
NODES = {name: service for name, service in SERVICES.items() if name.startswith("node-")}


def filled(value: str) -> str:
    """With the defaults of everything that an operator may give."""
    return GIVEN.sub(lambda found: found[2] or "", value)


def made_secrets(folder: Path, **given: str) -> None:
    environment = {"PATH": os.environ["PATH"], **given}
    subprocess.run([sys.executable, str(MAKER), str(folder)], env=environment, check=True, capture_output=True)


def settings_of(name: str, secrets: Path) -> dict[str, str]:
    """The settings that a node is given; ``secrets``: where the files of the maker are."""
    given = NODES[name]["environment"]
    found = {key: filled(value) for key, value in given.items() if key.startswith("SOCIALFLOW_")}
    return {key: value.replace(READ_AT, f"{secrets}/node") for key, value in found.items()}


def mounts() -> Iterator[tuple[str, str]]:
    """Service and source."""
    for name, service in SERVICES.items():
        for volume in service.get("volumes", ()):
            yield name, volume.partition(":")[0]


def published() -> Iterator[tuple[str, str, str, str]]:
    """Service, port outside, port inside, protocol."""
    for name, service in SERVICES.items():
        for port in service.get("ports", ()):
            numbers, _, protocol = port.partition("/")
            outside, inside = numbers.split(":")[-2:]
            yield name, outside, inside, protocol or "tcp"


def test_it_is_what_the_compose_specification_allows() -> None:
    schema = Path(check_jsonschema.__file__).parent / "builtin_schemas/vendor/compose-spec.json"
    for file in (ONE, THREE, ROOT / "deploy/compose/node.yaml"):
        jsonschema.validate(yaml.safe_load(file.read_text()), json.loads(schema.read_text()))


def test_what_the_cluster_needs_is_there() -> None:
    parts = {"secrets", "proxy", "postgres", "redis", "objects", "bucket", "turn", "prometheus", "grafana"}
    assert SINGLE["services"].keys() == {*parts, "node-a"}
    assert SERVICES.keys() == {*parts, "node-a", "node-b", "node-c"}


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned_and_named_plainly(name: str) -> None:
    assert re.fullmatch(r"[\w-]+(/[\w-]+)?:v?\d[\w.-]*", SERVICES[name]["image"])


def test_every_setting_is_one_and_everything_given_has_a_name_and_a_default() -> None:
    there = {f"SOCIALFLOW_{field.upper()}" for field in Settings.model_fields}
    there |= {f"SOCIALFLOW_{name.upper()}_FILE" for name, field in Settings.model_fields.items() if is_secret(field)}
    for name in NODES:
        assert settings_of(name, Path()).keys() <= there
    text = "\n".join(json.dumps(service) for service in SERVICES.values())
    assert text.count("${") == len(GIVEN.findall(text))
    assert all(":-" in found[0] for found in GIVEN.finditer(text))


# secrets


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_secrets_are_made_once_and_others_elsewhere(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    made_secrets(here)
    first = contents(here)
    made_secrets(here)
    assert contents(here) == first
    made_secrets(there)
    values = [*json.loads(first["kept/secrets.json"]).values()]
    values += json.loads(contents(there)["kept/secrets.json"]).values()
    assert len(set(values)) == len(values) == 12
    assert all(re.fullmatch("[0-9a-f]{48}", value) for value in values)
    assert (here / "kept/secrets.json").stat().st_mode & 0o077 == 0


def test_a_secret_that_a_later_version_has_joins_those_that_there_are(tmp_path: Path) -> None:
    made_secrets(tmp_path)
    kept = tmp_path / "kept/secrets.json"
    before = json.loads(kept.read_text())
    kept.write_text(json.dumps({name: value for name, value in before.items() if name != "grafana"}))
    made_secrets(tmp_path)
    after = json.loads(kept.read_text())
    assert {name for name in before if before[name] != after[name]} == {"grafana"}


def test_the_credentials_of_a_store_elsewhere_take_the_place_of_those_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    made_secrets(tmp_path, AWS_ACCESS_KEY_ID="AKIA", AWS_SECRET_ACCESS_KEY="a/b+'c")
    session = boto3.Session(botocore_session=get_session({"credentials_file": (None, None, None, None)}))
    session._session.set_config_variable("credentials_file", str(tmp_path / "node/aws_credentials"))
    found = session.get_credentials()
    assert found is not None
    assert (found.access_key, found.secret_key) == ("AKIA", "a/b+'c")
    shown = subprocess.check_output(
        ["sh", "-c", '. "$0" && printf "%s" "$AWS_SECRET_ACCESS_KEY"', str(tmp_path / "objects/credentials")], text=True
    )
    assert shown == "a/b+'c"


@pytest.mark.parametrize("composed", [SINGLE, COMPOSE])
def test_each_service_reads_its_own_secrets_only_and_those_that_were_made(
    composed: dict[str, Any], tmp_path: Path
) -> None:
    made_secrets(tmp_path)
    for name, service in composed["services"].items():
        secret = [volume for volume in service.get("volumes", ()) if volume.startswith("secrets-")]
        if name == "secrets":
            assert {volume.split(":")[1] for volume in secret} == {f"/secrets/{one.name}" for one in tmp_path.iterdir()}
            continue
        kind = "node" if name.startswith("node-") or name == "bucket" else name
        assert secret in ([], [f"secrets-{kind}:{READ_AT}:ro"])
        read = set(re.findall(rf"{READ_AT}/([\w.]+)", json.dumps(service)))
        assert bool(read) == bool(secret)
        assert all((tmp_path / kind / file).is_file() for file in read)
        assert not secret or waits_for_secrets(composed["services"], name)


def waits_for_secrets(services: dict[str, Any], name: str) -> bool:
    """Itself, or by a service that it waits for."""
    waited = services[name].get("depends_on", {})
    direct = waited.get("secrets", {}).get("condition") == "service_completed_successfully"
    return direct or any(waits_for_secrets(services, other) for other in waited)


def test_no_secret_stands_in_the_files() -> None:
    for file in (ONE, THREE, ROOT / "deploy/compose/node.yaml"):
        words = re.findall(r"(?im)^\s*(\w*(?:password|secret|key)\w*):(.*)$", file.read_text())
        given = [(name, value.strip()) for name, value in words if value.strip()]
        assert not [one for one in given if not one[1].startswith(("/run/secrets/", "{ condition", "${AWS_"))]


def test_the_relay_takes_no_peer_that_is_not_public() -> None:
    lines = (ROOT / "deploy/turn/turnserver.conf").read_text().splitlines()
    denied = [line.partition("=")[2].split("-") for line in lines if line.startswith("denied-peer-ip=")]
    spans = [(ip_address(least), ip_address(most)) for least, most in denied]
    for text in ("10.1.2.3", "172.31.87.5", "192.168.0.1", "127.0.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
                 "224.0.0.1", "255.255.255.255", "::1", "::", "fd00::1", "fe80::1", "ff02::1", "64:ff9b::a00:1",
                 "2002:a00:1::", "::ffff:10.0.0.1", "2001:db8::1"):  # fmt: skip
        peer = ip_address(text)
        assert any(low.version == peer.version and low <= peer <= high for low, high in spans), text
    for text in ("8.8.8.8", "1.1.1.1", "172.32.0.1", "2606:4700::1111", "2a00::1"):
        peer = ip_address(text)
        assert not any(low.version == peer.version and low <= peer <= high for low, high in spans), text


@pytest.mark.parametrize("name", NODES)
def test_a_node_takes_the_settings_that_it_is_given(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made_secrets(tmp_path)
    for key, value in settings_of(name, tmp_path).items():
        monkeypatch.setenv(key, value)
    settings = load([])
    password = (tmp_path / "postgres/password").read_text()
    assert settings.database_url == f"postgresql://socialflow:{password}@postgres/socialflow"
    assert settings.object_store == "s3://socialflow"
    assert settings.node_host == NODES[name]["hostname"] == name
    assert settings.node_port not in (0, settings.http_port)
    assert f"static-auth-secret={settings.turn_secret}\n" == (tmp_path / "turn/secret.conf").read_text()


def test_the_nodes_are_one_cluster() -> None:
    each = [settings_of(name, Path()) for name in NODES]
    different = {key for key in each[0] if len({one[key] for one in each}) > 1}
    assert different == {"SOCIALFLOW_NODE_HOST", "SOCIALFLOW_RTMP_PORT", "SOCIALFLOW_WEBRTC_PORT"}
    assert all(len({one[key] for one in each}) == 3 for key in different)


@pytest.mark.parametrize("name", NODES)
def test_what_a_node_tells_peers_is_where_it_is_published(name: str) -> None:
    settings = settings_of(name, Path())
    mine = {(outside, inside, protocol) for service, outside, inside, protocol in published() if service == name}
    rtmp, webrtc = settings["SOCIALFLOW_RTMP_PORT"], settings["SOCIALFLOW_WEBRTC_PORT"]
    assert mine == {(rtmp, rtmp, "tcp"), (webrtc, webrtc, "udp"), (webrtc, webrtc, "tcp")}


def test_no_port_of_the_machine_is_taken_twice() -> None:
    outside = [(port, protocol) for _, port, _, protocol in published()]
    assert len(outside) == len(set(outside))


@pytest.mark.parametrize("composed", [SINGLE, COMPOSE])
def test_proxy_and_prometheus_know_all_nodes(composed: dict[str, Any]) -> None:
    services = composed["services"]
    nodes = {name for name in services if name.startswith("node-")}
    addresses = {f"{name}:{Settings.model_fields['http_port'].default}" for name in nodes}
    assert set(services["proxy"]["environment"]["NODES"].split()) == addresses
    assert nodes <= services["proxy"]["depends_on"].keys()
    targets = yaml.safe_load((ROOT / targets_of(services["prometheus"])).read_text())
    assert {target for one in targets for target in one["targets"]} == addresses


def targets_of(prometheus: dict[str, Any]) -> str:
    """The file that Prometheus finds as nodes.yml: the one that is mounted over it, or the folder's."""
    over = [volume.split(":")[0] for volume in prometheus["volumes"] if volume.endswith("/nodes.yml:ro")]
    return over[-1] if over else "deploy/prometheus/nodes.yml"


@needs(shutil.which("promtool"), "promtool (of Debian's prometheus)")
def test_prometheus_takes_the_targets_of_three_nodes(tmp_path: Path) -> None:
    folder = shutil.copytree(ROOT / "deploy/prometheus", tmp_path / "prometheus")
    shutil.copy(ROOT / targets_of(SERVICES["prometheus"]), folder / "nodes.yml")
    done = subprocess.run(
        ["promtool", "check", "config", str(folder / "prometheus.yml")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_grafana_finds_its_dashboards_and_its_source() -> None:
    folders = dict(volume.split(":")[:2] for volume in SERVICES["grafana"]["volumes"] if volume.startswith("."))
    mounted = {inside: ROOT / outside for outside, inside in folders.items()}
    provisioning = mounted["/etc/grafana/provisioning"]
    for file in (provisioning / "dashboards").iterdir():
        for provider in yaml.safe_load(file.read_text())["providers"]:
            assert list(mounted[provider["options"]["path"]].glob("*.json"))
    (source,) = yaml.safe_load((provisioning / "datasources/prometheus.yml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"


@needs(shutil.which("turnserver"), "turnserver (of Debian's coturn)")
def test_the_turn_server_takes_its_configuration_and_the_secret(tmp_path: Path) -> None:
    """By the command of the file, as far as that of another folder can be."""
    made_secrets(tmp_path)
    shell, option, line, name = SERVICES["turn"]["entrypoint"]
    line = line.replace("/etc/coturn/", f"{ROOT}/deploy/turn/").replace(READ_AT, f"{tmp_path}/turn")
    line = line.replace("/tmp/", f"{tmp_path}/").replace("$$", "$")
    more = [*map(filled, SERVICES["turn"]["command"]), "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1"]
    port = free_port()
    more += [f"--listening-port={port}", f"--pidfile={tmp_path}/pid", f"--userdb={tmp_path}/db"]
    log = tmp_path / "log"
    with log.open("wb") as out:
        server = subprocess.Popen([shell, option, line, name, *more], stdout=out, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 60
        while not listens(port):
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
    finally:
        server.kill()
        server.wait()
    assert "Bad configuration format" not in log.read_text()


def listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def test_the_proxy_is_believed_and_nobody_outside_of_its_network() -> None:
    (network,) = COMPOSE["networks"]["default"]["ipam"]["config"]
    subnet = filled(network["subnet"])
    assert ip_network(subnet).is_private
    assert {settings_of(name, Path())["SOCIALFLOW_TRUSTED_PROXIES"] for name in NODES} == {subnet}


def test_the_folders_and_files_that_are_mounted_are_there() -> None:
    files = [source for _, source in mounts() if source.startswith(".")]
    assert files
    assert not [source for source in files if not (ROOT / source).exists()]


def test_every_volume_is_declared_and_used_by_one_service() -> None:
    used = [source for _, source in mounts() if not source.startswith((".", "secrets-"))]
    assert sorted(used) == sorted(name for name in COMPOSE["volumes"] if not name.startswith("secrets-"))
    assert {source for _, source in mounts() if not source.startswith(".")} == set(COMPOSE["volumes"])


def test_what_is_waited_for_can_come_true() -> None:
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            assert other in SERVICES, f"{name} waits for {other}"
            if how["condition"] == "service_healthy":
                is_own_image = "build" in SERVICES[other]
                assert is_own_image or "healthcheck" in SERVICES[other], f"{other} never says that it is healthy"
            if how["condition"] == "service_completed_successfully":
                assert SERVICES[other]["restart"] == "no", f"{other} never ends"


def test_a_stop_may_take_as_long_as_a_node_needs() -> None:
    drain_s = Settings.model_fields["drain_s"].default
    assert all(int(node["stop_grace_period"].removesuffix("s")) > 2 * drain_s for node in NODES.values())
