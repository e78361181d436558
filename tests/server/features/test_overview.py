"""The operator's first page: what is told of nodes, queues and disks, and what is to be done first."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from server.features.operations.nodes import NodesAsked
from server.features.operations.overview import OverviewRoutes, QueuesShape, of_nodes, of_queues
from server.http.identity import Identity
from server.live.inspection import BusReport, DiskReport, MediaReport, NodeReport
from storage.facts import Facts
from storage.members import Member
from tests.server.conftest import Serve
from tests.server.features.test_cluster import ADMIN, PLAIN, member, token
from tests.server.kit import Kit
from tests.server.live.nodes import ClusterNode, cluster

QUIET = {
    "jobs_waiting": 0, "jobs_running": 0, "jobs_dead": 0, "jobs_late_s": 0.0, "mails_waiting": 0, "mails_failed": 0,
    "facts_behind": 0, "facts_aside": 0,
}  # fmt: skip
WELL = NodeReport(media=MediaReport(pid=5), disks=(DiskReport(what="data", free_bytes=50, total_bytes=100),))


def todo(**changes: Any) -> list[tuple[str, str, int]]:
    """Of one node that is well but for this."""
    report = NodeReport(**{"media": WELL.media, "disks": WELL.disks, **changes})
    members = {"n1": member("n1")}
    return [(one.code, one.severity, one.count) for one in of_nodes(members, {"n1": report})]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, []),
        ({"bus": BusReport(is_deaf=True)}, [("bus_deaf", "problem", 1)]),
        ({"media": MediaReport(pid=5, restarts=2)}, [("media_restarted", "note", 2)]),
        ({"http_errors": 3}, [("http_errors", "problem", 3)]),
        ({"dead_letters": 4}, [("dead_letters", "note", 4)]),
        ({"load": 0.9}, [("busy", "note", 90)]),
        ({"loop_lag_ms": 700.0}, [("slow_loop", "note", 700)]),
        ({"disks": (DiskReport(what="run", free_bytes=4, total_bytes=100),)}, [("disk_full", "problem", 4)]),
        ({"disks": (DiskReport(what="data", free_bytes=14, total_bytes=100),)}, [("disk_fills", "note", 14)]),
        ({"disks": (DiskReport(what="data", free_bytes=15, total_bytes=100),)}, []),
    ],
)
def test_what_is_to_be_done_about_a_node(changes: dict[str, Any], found: list[tuple[str, str, int]]) -> None:
    assert todo(**changes) == found


def test_a_node_without_media_has_no_media_process_to_miss() -> None:
    report = NodeReport(media=MediaReport(pid=None))
    for roles, codes in ((("actors",), []), (("media",), ["media_away"])):
        members = {"n1": Member(name="n1", incarnation="n1", roles=roles, version="1", started_at=1.0)}
        assert [one.code for one in of_nodes(members, {"n1": report})] == codes


def test_nodes_that_do_not_answer_come_first() -> None:
    members = {name: member(name) for name in ("n1", "n2")}
    found = list(of_nodes(members, {"n1": NodeReport(http_errors=1, media=WELL.media), "n2": None}))
    assert [(one.code, one.node) for one in found] == [("node_silent", "n2"), ("http_errors", "n1")]


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({}, []),
        ({"jobs_late_s": 299.0, "jobs_waiting": 5, "facts_behind": 9}, []),
        ({"jobs_late_s": 300.0}, ["jobs_late"]),
        ({"jobs_dead": 1, "facts_aside": 2, "mails_failed": 3}, ["facts_aside", "jobs_dead", "mails_failed"]),
    ],
)
def test_what_is_to_be_done_about_queues(changes: dict[str, Any], codes: list[str]) -> None:
    assert [one.code for one in of_queues(QueuesShape(**{**QUIET, **changes}))] == codes


@pytest.fixture
async def places() -> AsyncIterator[list[ClusterNode]]:
    async with cluster("n1", "n2") as made:
        yield made


async def asked(kit: Kit, places: list[ClusterNode], serve: Serve, identity: Identity, who: str, *roles: str) -> Any:
    members = {name: member(name) for name in ("n1", "n2", "gone")}
    routes = OverviewRoutes(
        nodes=NodesAsked(node=places[0].node, members=lambda: members, answer_s=0.2),
        db=kit.database,
        facts=Facts(db=kit.database),
        now=kit.platform().now,
        has_mail_server=False,
        is_public=True,
    )
    client = await serve(*routes.operations())
    async with client.get("/api/v1/admin/overview", headers=token(identity, who, *roles)) as answer:
        return answer.status, await answer.json()


async def test_the_whole_is_told_to_admins(
    kit: Kit, places: list[ClusterNode], serve: Serve, identity: Identity
) -> None:
    await kit.database.execute(
        "insert into mails (id, address, name, template, language, subject, data, state, ended_at)"
        " values ($1, 'a@b.example', 'A', 'x', 'en', 's', '{}', 'failed', now())",
        str(uuid.uuid4()),
    )
    status, body = await asked(kit, places, serve, identity, ADMIN, "admin")
    assert status == 200, body
    assert body["status"] == "bad"
    codes = [(one["code"], one["node"]) for one in body["todo"]]
    assert codes[0] == ("node_silent", "gone")
    assert ("http_errors", "n1") in codes
    assert ("mails_failed", None) in codes
    assert codes[-1] == ("no_mail_server", None)
    severities = [one["severity"] for one in body["todo"]]
    assert severities == sorted(severities, reverse=True)
    assert (body["load"]["nodes"], body["load"]["silent"], body["load"]["sockets"]) == (3, 1, 6)
    assert body["errors"]["http"] == 4
    assert body["storage"]["database_bytes"] > 1_000_000
    assert {disk["node"] for disk in body["storage"]["disks"]} == {"n1", "n2"}


async def test_others_are_refused(kit: Kit, places: list[ClusterNode], serve: Serve, identity: Identity) -> None:
    assert (await asked(kit, places, serve, identity, PLAIN))[0] == 403
    assert (await asked(kit, places, serve, identity, PLAIN, "moderator"))[0] == 403
