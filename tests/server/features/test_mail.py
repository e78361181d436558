"""Mail as a feature of a node: its job is the node's, and what it holds is the data of its person."""

from __future__ import annotations

import time

import pytest

from actors.runtime import LoopClock
from server.jobs import Jobs
from server.outbound.mail import Mail, Recipient, open_mail
from server.outbound.settings import MailSettings, Site
from storage.ids import Ids
from storage.jobs.queue import JobQueue
from tests.server.conftest import ApiFixture

LINK = "/verify#token=abc"


@pytest.fixture
def mail(api: ApiFixture) -> Mail:
    """As another node of the cluster has it."""
    jobs = Jobs(rows=JobQueue(db=api.database), ids=Ids(), wall=time.time)
    site = Site(name="Social Flow", origin="https://live.test")
    return open_mail(db=api.database, jobs=jobs, ids=Ids(), clock=LoopClock(), settings=MailSettings(), site=site)


async def test_a_mail_that_a_node_puts_is_delivered_and_exported_by_another(api: ApiFixture, mail: Mail) -> None:
    ada = await api.register("ada")
    to = Recipient(address="ada@example.org", name="ada", person_id=ada.id)
    async with api.database.transaction() as tx:
        await mail.outbox.put(tx, to=to, template="export_ready", data={"link": LINK, "until": "tomorrow"})
        await mail.tokens.issue(tx, person_id=ada.id, purpose="verify_email", valid_s=60)
    await api.kit.run_jobs()
    (row,) = await api.database.fetch("select state from mails where template = 'export_ready'")
    assert row["state"] == "kept"
    held = await (await ada.ask("GET", "/me/export")).json()
    (item,) = [one for one in held["mails"] if one["template"] == "export_ready"]
    assert (item["address"], item["state"]) == ("ada@example.org", "kept")
    assert "token" not in str(held["mails"])
