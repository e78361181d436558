"""What operators see of mails, and what they do about one."""

from __future__ import annotations

from typing import Any

import pytest

from server.http.identity import Identity
from server.outbound.mail.routes import MailRoutes
from server.outbound.mail.templates import Templates
from storage.audit import AuditLog
from storage.ids import Ids
from storage.postgres import Database
from tests.server.conftest import Serve
from tests.server.features.test_cluster import ADMIN, PLAIN, token
from tests.server.outbound.conftest import ADA, LINK, MailFixture, add_person
from tests.server.outbound.smtp_server import SmtpServerFixture

NONE = "00000000-0000-7000-8000-0000000000ff"


class Operator:
    """An admin's calls, and the acts that were noted."""

    def __init__(self, serve: Serve, identity: Identity) -> None:
        self._serve = serve
        self._identity = identity
        self._client: Any = None
        self._database: Database | None = None

    async def look_at(self, mail: MailFixture) -> None:
        self._database = mail.database
        templates = Templates(server="Social Flow", origin="https://live.test")
        routes = MailRoutes(db=mail.database, outbox=mail.outbox, templates=templates, audit=AuditLog(ids=Ids()))
        self._client = await self._serve(*routes.operations())

    async def acts(self) -> list[tuple[str, str, str]]:
        assert self._database is not None
        rows = await self._database.fetch("select actor_id, action, subject from audit_log order by id")
        return [(row["actor_id"], row["action"], row["subject"]) for row in rows]

    async def ask(self, method: str, path: str = "", *, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        given = token(self._identity, ADMIN, "admin") if headers is None else headers
        async with self._client.request(method, f"/api/v1/admin/mail{path}", headers=given) as response:
            return response.status, await response.json()

    async def shown(self, query: str = "") -> Any:
        status, body = await self.ask("GET", query)
        assert status == 200, body
        return body


@pytest.fixture
async def operator(people: None, serve: Serve, identity: Identity, mail_without_server: MailFixture) -> Operator:
    await add_person(mail_without_server.database, ADMIN, "ann")
    operator = Operator(serve, identity)
    await operator.look_at(mail_without_server)
    return operator


async def test_a_kept_mail_is_listed_and_read_with_its_link(
    operator: Operator, mail_without_server: MailFixture
) -> None:
    mail_id = await mail_without_server.put()
    await mail_without_server.deliver()
    (item,) = (await operator.shown())["items"]
    assert (item["id"], item["person_id"], item["state"], item["reason"]) == (
        mail_id, ADA, "kept", "no SMTP server is set",
    )  # fmt: skip
    assert "token" not in str(item)
    said = await operator.shown(f"/{mail_id}")
    assert "https://live.test" + LINK in said["text"]
    assert "https://live.test" + LINK in said["html"]
    assert await operator.acts() == [(ADMIN, "mail.read", mail_id)]


async def test_what_a_mail_says_is_not_shown_where_it_is_delivered(
    operator: Operator, mail: MailFixture, smtp: SmtpServerFixture
) -> None:
    await operator.look_at(mail)
    smtp.answers = {"RCPT": ["550 unknown"]}
    for _ in range(2):
        await mail.put()
        await mail.deliver()
    await mail.put()
    items = (await operator.shown())["items"]
    assert [item["state"] for item in items] == ["queued", "sent", "bounced"]
    for item in items:
        said = await operator.shown(f"/{item['id']}")
        assert (said["text"], said["html"]) == (None, None)
        assert "token" not in str(said)
    assert (items[2]["reason"], items[2]["attempts"]) == ("550 unknown", 1)
    assert await operator.acts() == []


async def test_mails_are_found_by_state_and_address(operator: Operator, mail_without_server: MailFixture) -> None:
    await mail_without_server.put("Ada@example.org")
    await mail_without_server.deliver()
    await mail_without_server.put("ada@example.org")
    await mail_without_server.put("bob@example.org")
    found = {
        query: [item["address"] for item in (await operator.shown(query))["items"]]
        for query in ("?state=kept", "?address=ADA@example.org", "?address=ada@example.org&state=queued", "?address=a")
    }
    assert list(found.values()) == [
        ["Ada@example.org"], ["ada@example.org", "Ada@example.org"], ["ada@example.org"], [],
    ]  # fmt: skip


@pytest.mark.parametrize("filtered", ["", "&state=queued", "&address=ada@example.org"])
async def test_pages_follow_each_other_while_mails_are_added(
    operator: Operator, mail_without_server: MailFixture, filtered: str
) -> None:
    made = [await mail_without_server.put() for _ in range(5)]
    first = await operator.shown(f"?limit=2{filtered}")
    await mail_without_server.put()
    second = await operator.shown(f"?limit=2&cursor={first['next']}{filtered}")
    third = await operator.shown(f"?limit=2&cursor={second['next']}{filtered}")
    assert [item["id"] for page in (first, second, third) for item in page["items"]] == made[::-1]
    assert third["next"] is None


async def test_a_kept_mail_is_delivered_once_a_server_is_set(
    operator: Operator, mail_without_server: MailFixture, mail: MailFixture, smtp: SmtpServerFixture
) -> None:
    mail_id = await mail_without_server.put()
    await mail_without_server.deliver()
    await operator.look_at(mail)
    status, body = await operator.ask("POST", f"/{mail_id}/retry")
    assert (status, body["state"]) == (200, "queued")
    await mail.deliver()
    assert len(smtp.envelopes) == 1
    status, body = await operator.ask("POST", f"/{mail_id}/retry")
    assert (status, body["type"]) == (409, "/problems/mail-state")
    assert await operator.acts() == [(ADMIN, "mail.retried", mail_id)]


@pytest.mark.parametrize(("method", "path"), [("GET", f"/{NONE}"), ("POST", f"/{NONE}/retry"), ("GET", "/x")])
async def test_a_mail_that_is_not_there_is_a_404(operator: Operator, method: str, path: str) -> None:
    status, _ = await operator.ask(method, path)
    assert status == 404
    assert await operator.acts() == []


@pytest.mark.parametrize("query", ["?state=lost", "?address=" + "a" * 321, "?cursor=x", "?limit=0", "?address=%00"])
async def test_a_filter_that_cannot_be_is_a_422(operator: Operator, query: str) -> None:
    status, body = await operator.ask("GET", query)
    assert (status, len(body["errors"])) == (422, 1)


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("GET", f"/{NONE}"), ("POST", f"/{NONE}/retry")])
async def test_mails_are_the_business_of_admins(operator: Operator, identity: Identity, method: str, path: str) -> None:
    assert (await operator.ask(method, path, headers={}))[0] == 401
    assert (await operator.ask(method, path, headers=token(identity, PLAIN, "viewer", "moderator")))[0] == 403
