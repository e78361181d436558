"""The compose file: its form, what it refers to, and whether the nodes would take what it gives them."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from server.config import Settings, load
from tests.deploy.image import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
NODES = {name: service for name, service in SERVICES.items() if name.startswith("node-")}
GIVEN = re.compile(r"\$\{(\w+)(?::-([^}]*)|:\?[^}]*)?\}")
SECRETS = {"POSTGRES_PASSWORD", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "TURN_SECRET", "GRAFANA_PASSWORD"}


def filled(value: str) -> str:
    """With the defaults of everything that an operator may give, and "socialflow" for every secret."""
    return GIVEN.sub(lambda found: "socialflow" if found[1] in SECRETS else found[2] or "", value)


def settings_of(name: str) -> dict[str, str]:
    given = NODES[name]["environment"]
    return {key: filled(value) for key, value in given.items() if key.startswith("SOCIALFLOW_")}


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
    found = importlib.util.find_spec("check_jsonschema")
    if found is None or found.origin is None:
        pytest.skip("needs the schema that check-jsonschema carries")
    schema = Path(found.origin).parent / "builtin_schemas/vendor/compose-spec.json"
    jsonschema.validate(COMPOSE, json.loads(schema.read_text()))


def test_what_the_cluster_needs_is_there() -> None:
    assert {"proxy", "postgres", "redis", "objects", "turn", "prometheus"} <= SERVICES.keys()
    assert len(NODES) == 2


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned_and_named_plainly(name: str) -> None:
    assert re.fullmatch(r"[\w-]+(/[\w-]+)?:v?\d[\w.-]*", SERVICES[name]["image"])


def test_every_setting_is_one_and_everything_given_but_the_secrets_has_a_name_and_a_default() -> None:
    there = {f"SOCIALFLOW_{field.upper()}" for field in Settings.model_fields}
    for name in NODES:
        assert settings_of(name).keys() <= there
    text = "\n".join(json.dumps(service) for service in SERVICES.values())
    assert text.count("${") == len(GIVEN.findall(text))
    assert all(":-" in found[0] for found in GIVEN.finditer(text) if found[1] not in SECRETS)


def test_it_does_not_start_without_secrets_of_the_operators_own() -> None:
    found = [one for one in GIVEN.finditer((ROOT / "docker-compose.yml").read_text()) if one[1] in SECRETS]
    assert {one[1] for one in found} == SECRETS
    assert all(one[0].startswith(f"${{{one[1]}:?") for one in found)


def test_the_secrets_that_are_made_are_all_that_are_needed_and_others_each_time() -> None:
    made = [subprocess.check_output(["sh", str(ROOT / "deploy/secrets.sh")], text=True) for _ in range(2)]
    first, second = (dict(line.split("=") for line in text.splitlines()) for text in made)
    assert first.keys() == second.keys() == SECRETS
    values = [*first.values(), *second.values()]
    assert len(set(values)) == len(values)
    assert all(re.fullmatch("[0-9a-f]{48}", value) for value in values)


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
def test_a_node_takes_the_settings_that_it_is_given(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in settings_of(name).items():
        monkeypatch.setenv(key, value)
    settings = load([])
    assert settings.database_url == "postgresql://socialflow:socialflow@postgres/socialflow"
    assert settings.object_store == "s3://socialflow"
    assert settings.node_host == NODES[name]["hostname"] == name
    assert settings.node_port not in (0, settings.http_port)


def test_the_nodes_are_one_cluster() -> None:
    first, second = (settings_of(name) for name in NODES)
    different = {key for key in first if first[key] != second[key]}
    assert different == {"SOCIALFLOW_NODE_HOST", "SOCIALFLOW_RTMP_PORT", "SOCIALFLOW_WEBRTC_PORT"}


@pytest.mark.parametrize("name", NODES)
def test_what_a_node_tells_peers_is_where_it_is_published(name: str) -> None:
    settings = settings_of(name)
    mine = {(outside, inside, protocol) for service, outside, inside, protocol in published() if service == name}
    rtmp, webrtc = settings["SOCIALFLOW_RTMP_PORT"], settings["SOCIALFLOW_WEBRTC_PORT"]
    assert mine == {(rtmp, rtmp, "tcp"), (webrtc, webrtc, "udp")}


def test_no_port_of_the_machine_is_taken_twice() -> None:
    outside = [(port, protocol) for _, port, _, protocol in published()]
    assert len(outside) == len(set(outside))


def test_proxy_and_prometheus_know_both_nodes() -> None:
    addresses = {f"{name}:{Settings.model_fields['http_port'].default}" for name in NODES}
    assert set(SERVICES["proxy"]["environment"]["NODES"].split()) == addresses
    jobs = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())["scrape_configs"]
    assert {target for job in jobs for one in job["static_configs"] for target in one["targets"]} == addresses


def test_the_proxy_is_believed_and_nobody_outside_of_its_network() -> None:
    (network,) = COMPOSE["networks"]["default"]["ipam"]["config"]
    subnet = filled(network["subnet"])
    assert ip_network(subnet).is_private
    assert {settings_of(name)["SOCIALFLOW_TRUSTED_PROXIES"] for name in NODES} == {subnet}


def test_the_folders_and_files_that_are_mounted_are_there() -> None:
    files = [source for _, source in mounts() if source.startswith(".")]
    assert files
    assert not [source for source in files if not (ROOT / source).exists()]


def test_every_volume_is_declared_and_used_by_one_service() -> None:
    used = [source for _, source in mounts() if not source.startswith(".")]
    assert sorted(used) == sorted(COMPOSE["volumes"])


def test_what_is_waited_for_can_come_true() -> None:
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            assert other in SERVICES, f"{name} waits for {other}"
            if how["condition"] == "service_healthy":
                is_own_image = "build" in SERVICES[other]
                assert is_own_image or "healthcheck" in SERVICES[other], f"{other} never says that it is healthy"
            if how["condition"] == "service_completed_successfully":
                assert SERVICES[other]["restart"] == "no", f"{other} never ends"


def test_the_store_takes_the_credentials_that_the_nodes_have() -> None:
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    given = [{SERVICES[name]["environment"][key] for name in (*NODES, "objects", "bucket")} for key in names]
    assert [len(values) for values in given] == [1, 1]


def test_a_stop_may_take_as_long_as_a_node_needs() -> None:
    drain_s = Settings.model_fields["drain_s"].default
    assert all(int(node["stop_grace_period"].removesuffix("s")) > 2 * drain_s for node in NODES.values())
