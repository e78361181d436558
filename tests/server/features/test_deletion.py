"""The deletion of an account: hidden at once, taken back or wiped, and finished whatever comes between."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from actors.runtime import Unavailable
from server.features import streams
from server.features.install import Installed
from server.features.people import relations
from server.features.people.accounts import queries
from server.features.people.accounts.accounts import Accounts
from server.features.people.accounts.devices import Device
from server.http.errors import Problem
from server.http.identity import Caller
from storage import audit
from storage.doomed import DoomedObjects, doom
from storage.objects import LocalObjects
from storage.postgres import Database
from tests.server.conftest import PASSWORD
from tests.server.jobs.inline import make_due, run_due
from tests.server.kit import Kit

DEVICE = Device(address="127.0.0.1", user_agent="tests")


@dataclass
class Home:
    """A node whose accounts have thirty days of grace."""

    kit: Kit
    _installed: dict[int, Installed] = field(default_factory=dict)

    @property
    def database(self) -> Database:
        return self.kit.database

    @property
    def removed(self) -> list[str]:
        return self.kit.streams.removed

    def accounts(self, *, grace_days: int = 30) -> Accounts:
        return self._install(grace_days).accounts

    async def register(self, name: str) -> Caller:
        signed = await self.accounts().register(
            username=name, email=f"{name}@example.org", password=PASSWORD, device=DEVICE
        )
        return self.kit.identity.verify(signed.access_token)

    async def state(self, person: Caller) -> tuple[bool, bool]:
        """Whether the account is hidden, and whether its name is wiped."""
        row = await self.database.fetchrow("select username, deleted_at from users where id = $1", person.id)
        assert row is not None
        return row["deleted_at"] is not None, row["username"] != person.username

    async def work(self) -> int:
        """Carry out the deletions that are due; how many there were."""
        jobs = [job for feature in self._install(30).features for job in feature.jobs if job.name == "accounts.wipe"]
        return await run_due(self.database, *jobs)

    def _install(self, grace_days: int) -> Installed:
        if grace_days not in self._installed:
            self._installed[grace_days] = self.kit.install(deletion_grace_days=grace_days)
        return self._installed[grace_days]

    async def due(self) -> None:
        await self.database.execute("update account_deletions set wipe_at = now()")
        await make_due(self.database)


@pytest.fixture
def home(kit: Kit) -> Home:
    return Home(kit)


async def test_a_deleted_account_is_hidden_at_once_and_signing_in_takes_it_back(home: Home) -> None:
    ada, accounts = await home.register("ada"), home.accounts()
    await accounts.delete(person=ada, password=PASSWORD, device=DEVICE)
    assert home.kit.identity.is_revoked(ada.session_id)
    await home.work()
    assert await home.state(ada) == (True, False)
    signed = await accounts.login(login="ada", password=PASSWORD, device=DEVICE)
    assert (str(signed.user.id), await home.state(ada)) == (ada.id, (False, False))
    await home.due()
    await home.work()
    assert (home.removed, await home.state(ada)) == ([], (False, False))
    kinds = await home.database.fetch("select kind from rights_changes where subject_id = $1", ada.id)
    assert [row["kind"] for row in kinds] == ["account", "account"]


async def test_when_the_grace_is_over_the_account_is_wiped_and_there_is_no_way_back(home: Home) -> None:
    ada, accounts = await home.register("ada"), home.accounts()
    await accounts.delete(person=ada, password=PASSWORD, device=DEVICE)
    await home.due()
    await home.work()
    assert (home.removed, await home.state(ada)) == ([ada.id], (True, True))
    with pytest.raises(Problem) as caught:
        await accounts.login(login="ada", password=PASSWORD, device=DEVICE)
    assert caught.value.status == 401
    assert not await home.database.fetchval("select exists (select from account_deletions)")


async def test_without_days_of_grace_the_account_is_wiped_at_once(home: Home) -> None:
    ada = await home.register("ada")
    await home.accounts(grace_days=0).delete(person=ada, password=PASSWORD, device=DEVICE)
    assert await home.work() == 1
    assert await home.state(ada) == (True, True)


async def test_what_is_away_does_not_keep_a_deletion_from_being_asked_for(home: Home) -> None:
    ada = await home.register("ada")
    home.kit.streams.failures, home.kit.streams.error = 1, Unavailable("stream", "it is away")
    await home.accounts(grace_days=0).delete(person=ada, password=PASSWORD, device=DEVICE)
    with pytest.raises(Unavailable):
        await home.work()
    assert await home.state(ada) == (True, False)
    await home.due()
    await home.work()
    assert await home.state(ada) == (True, True)


STEPS = [queries.BEGIN_WIPE, streams.EMPTY_MESSAGES, streams.FORGET_VIEWS, *queries.WIPE, *relations.queries.ERASE,
         *streams.ERASE, queries.RESERVE_NAME, queries.WIPE_USER, audit.ADD, queries.END_DELETION]  # fmt: skip


class Killed(Exception):
    """The process ends here."""


# After a step is before the next one.
CRASHES = [*((at, "before") for at in range(len(STEPS))), (len(STEPS) - 1, "after")]


@pytest.mark.parametrize(("at", "when"), CRASHES, ids=str)
async def test_a_deletion_is_finished_after_a_crash_at_any_step(
    home: Home, monkeypatch: pytest.MonkeyPatch, at: int, when: str
) -> None:
    ada, bob = await home.register("ada"), await home.register("bob")
    await home.database.execute("insert into follows (follower_id, followee_id) values ($1, $2)", bob.id, ada.id)
    await home.accounts().delete(person=ada, password=PASSWORD, device=DEVICE)
    await home.due()
    with monkeypatch.context() as crash:
        _crash(crash, STEPS[at], when)
        with pytest.raises(Killed):
            await home.work()
    await home.due()
    await Home(home.kit).work()  # of another node
    assert (await home.state(ada), await home.state(bob)) == ((True, True), (False, False))
    left = "select (select count(*) from account_deletions) + (select count(*) from follows)"
    assert await home.database.fetchval(left) == 0
    assert await home.database.fetchval("select count(*) from audit_log where action = 'account.deleted'") == 1


def _crash(monkeypatch: pytest.MonkeyPatch, step: str, when: str) -> None:
    """The connection ends before, or after, the statement ``step`` has run; a transaction that is open is lost."""
    from storage.postgres import Transaction

    for holder in (Database, Transaction):
        for name in ("execute", "fetchval"):
            monkeypatch.setattr(holder, name, _killing(getattr(holder, name), step, when))


def _killing(run: Any, step: str, when: str) -> Any:
    async def killing(self: Any, sql: str, *args: Any, **more: Any) -> Any:
        if sql == step and when == "before":
            raise Killed
        found = await run(self, sql, *args, **more)
        if sql == step:
            raise Killed
        return found

    return killing


async def test_two_workers_at_once_wipe_each_account_once(home: Home) -> None:
    people = [await home.register(f"ada{number}") for number in range(4)]
    for person in people:
        await home.accounts().delete(person=person, password=PASSWORD, device=DEVICE)
    await home.due()
    await asyncio.gather(home.work(), Home(home.kit).work())
    assert sorted(home.removed) == sorted(person.id for person in people)


# -------------------------------------------------------------------------------------------------------------- objects


async def test_objects_of_what_was_removed_are_deleted_and_late_uploads_after_them(
    database: Database, tmp_path: Path
) -> None:
    objects = LocalObjects(root=tmp_path)
    doomed = DoomedObjects(db=database, objects=objects)
    await objects.put("streams/a/1.m4s", b"x", content_type="video/mp4")
    await objects.put("streams/b/1.m4s", b"x", content_type="video/mp4")
    async with database.transaction() as tx:
        await doom(tx, "streams/a/")
    await doomed.sweep()
    assert [await objects.size(f"streams/{name}/1.m4s") for name in "ab"] == [None, 1]
    await objects.put("streams/a/thumbnail.webp", b"late", content_type="image/webp")
    await doomed.sweep()
    assert await objects.size("streams/a/thumbnail.webp") == 4
    await database.execute("update doomed_objects set due_at = now()")
    await doomed.sweep()
    assert await objects.size("streams/a/thumbnail.webp") is None
    assert not await database.fetchval("select exists (select from doomed_objects)")
