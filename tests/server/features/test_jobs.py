"""What operators see of jobs, and what they do about one."""

from __future__ import annotations

import time
from typing import Any

import pytest

from server.features.operations.jobs import JobRoutes
from server.http.identity import Identity
from storage.audit import AuditLog
from storage.ids import Ids
from storage.jobs.queue import JobQueue
from storage.jobs.rows import Claim, NewJob, Outcome
from storage.jobs.schedules import Schedules
from storage.postgres import Database
from tests.server.conftest import Serve
from tests.server.features.test_cluster import ADMIN, PLAIN, token

IDS = Ids()
NONE = "00000000-0000-7000-8000-0000000000ff"


class Operator:
    """An admin's calls, and a queue to look at."""

    def __init__(self, client: Any, headers: dict[str, str], db: Database) -> None:
        self._client = client
        self._headers = headers
        self.db = db
        self.queue = JobQueue(db=db)

    async def ask(self, method: str, path: str = "") -> tuple[int, Any]:
        url = f"/api/v1/admin/jobs{path}"
        async with self._client.request(method, url, headers=self._headers) as response:
            return response.status, await response.json()

    async def shown(self, query: str = "") -> Any:
        status, body = await self.ask("GET", query)
        assert status == 200, body
        return body

    async def add(self, name: str = "mail", **fields: Any) -> str:
        job = NewJob(id=IDS.uuid7(time.time()), name=name, body=b'{"secret": "x"}', **fields)
        async with self.db.transaction() as tx:
            await self.queue.enqueue(tx, [job])
        return job.id

    async def claim(self) -> Claim:
        (claim,) = await self.queue.claim(["mail"], 1, worker="n1", lease_s=60)
        return claim

    async def dead(self) -> str:
        await self.add()
        claim = await self.claim()
        await self.queue.settle([Outcome(id=claim.id, attempt=claim.attempt, state="dead", reason="no such door")])
        return claim.id

    async def acts(self) -> list[tuple[str, str]]:
        rows = await self.db.fetch("select action, subject from audit_log order by id")
        return [(row["action"], row["subject"]) for row in rows]


@pytest.fixture
async def operator(database: Database, serve: Serve, identity: Identity) -> Operator:
    routes = JobRoutes(db=database, audit=AuditLog(ids=Ids()))
    await database.execute(
        "insert into users (id, username, username_key, email, email_key, password_hash, display_name, stream_key)"
        " values ($1, 'ann', 'ann', 'a', 'a', '', 'Ann', 'k')",
        ADMIN,
    )
    return Operator(await serve(*routes.operations()), token(identity, ADMIN, "admin"), database)


async def test_an_operator_sees_a_dead_job_with_its_reason_and_not_its_body(operator: Operator) -> None:
    job_id = await operator.dead()
    (item,) = (await operator.shown("?state=dead&name=mail"))["items"]
    assert (item["id"], item["reason"], item["tries"], item["worker"]) == (job_id, "no such door", 1, "n1")
    assert "secret" not in str(item)
    assert (await operator.shown("?state=queued"))["items"] == []
    assert (await operator.shown("?name=push"))["items"] == []


async def test_pages_follow_each_other_while_jobs_are_added(operator: Operator) -> None:
    made = [await operator.add() for _ in range(5)]
    first = await operator.shown("?limit=2")
    await operator.add()
    second = await operator.shown(f"?limit=2&cursor={first['next']}")
    third = await operator.shown(f"?limit=2&cursor={second['next']}")
    assert [item["id"] for page in (first, second, third) for item in page["items"]] == made[::-1]
    assert third["next"] is None


async def test_counts_and_schedules_are_shown_beside_the_jobs(operator: Operator) -> None:
    await operator.add()
    await operator.add("push")
    await Schedules(db=operator.db).arrange("tidy", spec="0 3 * * *", next_at=await operator.queue.now())
    shown = await operator.shown("?limit=1")
    assert [(one["name"], one["state"], one["count"]) for one in shown["counts"]] == [
        ("mail", "queued", 1),
        ("push", "queued", 1),
    ]
    assert [(one["name"], one["spec"], one["fired_at"]) for one in shown["schedules"]] == [("tidy", "0 3 * * *", None)]


async def test_a_dead_job_is_retried_and_the_act_is_audited(operator: Operator) -> None:
    job_id = await operator.dead()
    status, body = await operator.ask("POST", f"/{job_id}/retry")
    assert (status, body["state"], body["tries"], body["reason"]) == (200, "queued", 0, "no such door")
    assert (await operator.claim()).id == job_id
    assert await operator.acts() == [("job.retried", job_id)]


async def test_a_queued_job_is_cancelled_and_a_running_one_is_asked_to_end(operator: Operator) -> None:
    running = await operator.add()
    await operator.claim()
    queued = await operator.add()
    found = [await operator.ask("POST", f"/{job_id}/cancel") for job_id in (running, queued)]
    assert [(status, body["state"], body["is_cancel_asked"]) for status, body in found] == [
        (200, "running", True),
        (200, "cancelled", True),
    ]
    assert await operator.acts() == [("job.cancelled", running), ("job.cancelled", queued)]


async def test_what_cannot_be_done_is_a_conflict_and_leaves_no_trace(operator: Operator) -> None:
    dead, queued = await operator.dead(), await operator.add()
    for path, status in (
        (f"/{queued}/retry", 409),
        (f"/{dead}/cancel", 409),
        (f"/{NONE}/retry", 404),
        (f"/{NONE}/cancel", 404),
        ("/nonsense/retry", 404),
    ):
        assert (await operator.ask("POST", path))[0] == status
    assert await operator.acts() == []


async def test_only_admins_see_jobs(operator: Operator, identity: Identity, serve: Serve) -> None:
    operator._headers = token(identity, PLAIN, "moderator")
    assert [(await operator.ask("GET"))[0], (await operator.ask("POST", f"/{NONE}/retry"))[0]] == [403, 403]
    operator._headers = {}
    assert (await operator.ask("GET"))[0] == 401
