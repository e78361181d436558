"""Dashboards, alerts and documents speak of metrics that a running server has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import promql_parser
import pytest
import yaml

from tests.deploy.image import ROOT

DEPLOY = ROOT / "deploy"
OURS = re.compile(r"\bsocialflow_[a-z0-9_]+")
DASHBOARDS = sorted((DEPLOY / "grafana/dashboards").glob("*.json"))


def panels(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", ())


def expressions(dashboard: dict[str, Any]) -> Iterator[str]:
    for variable in dashboard["templating"]["list"]:
        yield variable["query"]["query"]
    for panel in panels(dashboard):
        yield from (target["expr"] for target in panel.get("targets", ()))


def alerts() -> dict[str, str]:
    rules = yaml.safe_load((DEPLOY / "prometheus/alerts.yml").read_text())
    return {rule["alert"]: rule["expr"] for group in rules["groups"] for rule in group["rules"]}


def strangers(expression: str, measured: frozenset[str]) -> set[str]:
    return set(OURS.findall(expression)) - measured


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_expression_of_a_dashboard_uses_what_is_measured(path: Any, measured: frozenset[str]) -> None:
    dashboard = json.loads(path.read_text())
    found = list(expressions(dashboard))
    assert len(found) > 20
    assert not {name for expression in found for name in strangers(expression, measured)}
    assert all(OURS.search(expression) or "up{" in expression for expression in found)


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_question_of_a_panel_is_one(path: Any) -> None:
    asked = [target["expr"] for panel in panels(json.loads(path.read_text())) for target in panel.get("targets", ())]
    for expression in asked:
        promql_parser.parse(expression.replace("$__rate_interval", "5m"))
    with pytest.raises(ValueError, match="unclosed"):
        promql_parser.parse(asked[0].removesuffix(")"))


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_panels_do_not_lie_on_each_other(path: Any) -> None:
    dashboard = json.loads(path.read_text())
    taken = set[tuple[int, int]]()
    for panel in panels(dashboard):
        at = panel["gridPos"]
        area = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not area & taken, panel["title"]
        taken |= area
    ids = [panel["id"] for panel in panels(dashboard)]
    assert len(ids) == len(set(ids))


def test_every_alert_uses_what_is_measured(measured: frozenset[str]) -> None:
    assert not {name: found for name, one in alerts().items() if (found := strangers(one, measured))}


def test_the_metrics_that_operators_read_of_are_measured(measured: frozenset[str]) -> None:
    page = (ROOT / "docs/operations.md").read_text()
    names = set(re.findall(r"`(socialflow_[a-z0-9_]+)`", page))
    assert len(names) > 5
    assert not names - measured


def test_the_provisioned_source_is_the_one_that_panels_ask() -> None:
    sources = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text())
    uids = {source["uid"] for source in sources["datasources"]}
    for path in DASHBOARDS:
        asked = {panel["datasource"]["uid"] for panel in panels(json.loads(path.read_text())) if "datasource" in panel}
        assert asked <= uids
