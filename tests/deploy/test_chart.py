"""The chart as Helm's own library renders it, against the schemas of Kubernetes and the settings of the product."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, get_args

import kubernetes_validate
import pytest
import yaml
from helm_python import HelmError
from helm_python.chart import Chart, lint

from server.config import Roles, Settings, load
from tests.deploy.image import ROOT

CHART = ROOT / "deploy/chart"
ENVIRONMENTS = ("dev", "staging", "production")
#: What Kubernetes itself has no schema of.
OF_OTHERS = {"ServiceMonitor"}
OURS = "SOCIALFLOW_"
LEAST = {"secret": "own", "publicUrl": "https://live.example", "objectStore": "s3://own"}


def values_of(environment: str) -> dict[str, Any]:
    return dict(yaml.safe_load((CHART / f"values-{environment}.yaml").read_text()))


def render(values: dict[str, Any]) -> list[dict[str, Any]]:
    with Chart.load(CHART) as chart:
        rendered = chart.render(values=values, name="live", namespace="media")
    return [one for text in rendered.values() for one in yaml.safe_load_all(text) if one is not None]


@cache
def rendered(environment: str) -> list[dict[str, Any]]:
    return render(values_of(environment))


def of_kind(environment: str, *kinds: str) -> list[dict[str, Any]]:
    return [one for one in rendered(environment) if one["kind"] in kinds]


def pod_of(one: dict[str, Any]) -> dict[str, Any]:
    return dict(one["spec"]["template"]["spec"])


def environment_of(one: dict[str, Any]) -> dict[str, str]:
    """What its container is given, a pod's own addresses as examples."""
    (container,) = pod_of(one)["containers"]
    return {given["name"]: given.get("value", "192.0.2.1") for given in container["env"]}


everywhere = pytest.mark.parametrize("environment", ENVIRONMENTS)


@everywhere
def test_helm_finds_nothing_to_mend(environment: str) -> None:
    found = lint(CHART, values=values_of(environment), namespace="media", strict=True)
    assert found["total_charts_linted"] == 1
    assert not found["messages"]
    assert not found["errors"]


@everywhere
@pytest.mark.parametrize("version", ["1.30", "1.37"])
def test_all_that_is_rendered_is_of_the_api(environment: str, version: str) -> None:
    versions = [one for one in kubernetes_validate.utils.all_versions() if one.startswith(f"{version}.")]
    for one in rendered(environment):
        if one["kind"] not in OF_OTHERS:
            kubernetes_validate.validate(one, versions[-1], strict=True)


def test_the_validator_tells_a_wrong_field() -> None:
    wrong = {**of_kind("dev", "Deployment")[0], "spec": {"replica": 1}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, "1.37", strict=True)


@pytest.mark.parametrize("missing", LEAST)
def test_what_must_be_ones_own_is_not_guessed(missing: str) -> None:
    render(LEAST)
    with pytest.raises(HelmError, match=missing):
        render({**LEAST, missing: ""})


@pytest.mark.parametrize(
    "wrong",
    [{"secrets": "x"}, {"edge": {"replica": 1}}, {"publicUrl": "live.example"}, {"media": {"webrtc": {"hostPort": 0}}}],
)
def test_a_value_that_does_not_exist_or_fit_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(HelmError):
        render({**LEAST, **wrong})


@everywhere
def test_each_role_of_nodes_is_one_that_the_server_knows(environment: str) -> None:
    (known,) = {get_args(get_args(get_args(Roles)[0])[0])}
    found = {
        given["SOCIALFLOW_NODE_ROLES"]
        for one in of_kind(environment, "Deployment")
        if "SOCIALFLOW_NODE_ROLES" in (given := environment_of(one))
    }
    assert found == {"edge", "media", "actors"} < set(known)
    commands = {
        one["metadata"]["name"]: pod_of(one)["containers"][0]["args"] for one in of_kind(environment, "Deployment")
    }
    assert commands.pop("live-jobs") == ["worker"]
    assert set(map(tuple, commands.values())) == {("serve",)}


@everywhere
def test_every_process_takes_what_it_is_told(environment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for one in of_kind(environment, "Deployment", "Job"):
        given = environment_of(one)
        unknown = {name for name in given if name.startswith(OURS)} - {
            f"{OURS}{name.upper()}" for name in Settings.model_fields
        }
        assert not unknown
        with monkeypatch.context() as patched:
            for name, value in given.items():
                patched.setenv(name, value)
            settings = load([])
        assert settings.migrate is False
        assert settings.public_url == values_of(environment)["publicUrl"]


@everywhere
def test_a_stop_may_take_as_long_as_a_node_needs(environment: str) -> None:
    for one in of_kind(environment, "Deployment"):
        leave = pod_of(one)["containers"][0].get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        drain = float(environment_of(one)["SOCIALFLOW_DRAIN_S"])
        assert pod_of(one)["terminationGracePeriodSeconds"] > leave + drain


@everywhere
def test_nothing_runs_with_privileges_or_without_bounds(environment: str) -> None:
    for one in of_kind(environment, "Deployment", "Job"):
        pod = pod_of(one)
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"]
            assert not security["allowPrivilegeEscalation"]
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"]["memory"]
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert all("sizeLimit" in volume["emptyDir"] for volume in pod["volumes"])


@everywhere
def test_no_secret_is_part_of_the_chart(environment: str) -> None:
    assert not of_kind(environment, "Secret")
    for one in of_kind(environment, "Deployment", "Job"):
        (container,) = pod_of(one)["containers"]
        assert container["envFrom"] == [{"secretRef": {"name": values_of(environment)["secret"]}}]
        assert not [name for name in environment_of(one) if re.search("PASSWORD|SECRET|DATABASE_URL|REDIS_URL", name)]


@everywhere
def test_every_selector_finds_pods_and_every_port_is_open(environment: str) -> None:
    pods = [one["spec"]["template"] for one in of_kind(environment, "Deployment")]

    def selected(labels: dict[str, str]) -> list[dict[str, Any]]:
        return [pod for pod in pods if labels.items() <= pod["metadata"]["labels"].items()]

    for service in of_kind(environment, "Service"):
        if service["metadata"]["name"] == "live-nowhere":
            assert "selector" not in service["spec"]
            continue
        (pod,) = selected(service["spec"]["selector"])
        there = {port["name"] for port in pod["spec"]["containers"][0]["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= there
    for budget in of_kind(environment, "PodDisruptionBudget"):
        assert len(selected(budget["spec"]["selector"]["matchLabels"])) == 1
    for policy in of_kind(environment, "NetworkPolicy"):
        assert selected(policy["spec"]["podSelector"]["matchLabels"])


@everywhere
def test_the_ports_are_those_of_the_server(environment: str) -> None:
    defaults = {name: Settings.model_fields[f"{name}_port"].default for name in ("http", "rtmp")}
    for one in of_kind(environment, "Deployment"):
        ports = {port["name"]: port["containerPort"] for port in pod_of(one)["containers"][0].get("ports", ())}
        given = environment_of(one)
        assert {name: ports[name] for name in defaults if name in ports} == {
            n: p for n, p in defaults.items() if n in ports
        }
        if "inside" in ports:
            assert str(ports["inside"]) == given["SOCIALFLOW_NODE_PORT"]
        if "webrtc" in ports:
            assert str(ports["webrtc"]) == given["SOCIALFLOW_WEBRTC_PORT"]


@everywhere
def test_the_ingress_leads_to_services_and_keeps_measurements_inside(environment: str) -> None:
    (ingress,) = of_kind(environment, "Ingress")
    services = {one["metadata"]["name"] for one in of_kind(environment, "Service")}
    (rule,) = ingress["spec"]["rules"]
    leads = {path["path"]: path["backend"]["service"]["name"] for path in rule["http"]["paths"]}
    assert set(leads.values()) <= services
    assert leads["/metrics"] == "live-nowhere"
    assert values_of(environment)["publicUrl"].endswith(f"//{rule['host']}")


def test_what_nodes_are_scaled_by_is_measured(measured: frozenset[str]) -> None:
    found = {
        metric["pods"]["metric"]["name"]
        for one in of_kind("production", "HorizontalPodAutoscaler")
        for metric in one["spec"]["metrics"]
        if metric["type"] == "Pods"
    }
    assert len(found) == 2
    assert found <= measured


@everywhere
def test_who_is_scaled_has_no_number_of_its_own(environment: str) -> None:
    scaled = {one["spec"]["scaleTargetRef"]["name"] for one in of_kind(environment, "HorizontalPodAutoscaler")}
    for one in of_kind(environment, "Deployment"):
        assert ("replicas" in one["spec"]) == (one["metadata"]["name"] not in scaled)
