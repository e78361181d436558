"""Notifications by push and mail: whom they reach, when, and at most once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any

import msgspec
import pytest
from multidict import CIMultiDict

from server.feature import Feature
from server.features.delivery.notifications.deliveries import first_id_of
from server.features.delivery.notifications.devices import FcmTarget
from server.features.messages.conversations.facts import ConversationMessage, ConversationRead
from server.features.people.facts import FollowChanged
from server.jobs import Attempt
from storage.facts import publish
from storage.jobs.queue import JobQueue
from storage.stream_facts import StreamStarted
from tests.server.features.notifications.conftest import new_id
from tests.server.jobs.inline import make_due
from tests.server.kit import Kit
from tests.server.outbound.push_service import PushReceiver
from tests.server.outbound.test_push import Firebase
from tests.server.served import PASSWORD, LiveNode, Served, serving

NAMES = ("accounts", "notifications", "mail")


@dataclass
class Pushes:
    """``ada`` has the devices; others follow her without an account's cost."""

    kit: Kit
    served: Served
    features: Sequence[Feature]
    service: PushReceiver
    token: str
    ada: str

    @property
    def feature(self) -> Feature:
        return next(one for one in self.features if one.name == "notifications")

    async def call(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        return await self.served.call(method, path, token=self.token, **more)

    async def subscribe(self, name: str = "one") -> dict[str, Any]:
        status, made = await self.call("POST", "/me/push-subscriptions", json=self.service.browser(name).subscription())
        assert status == 201, made
        return dict(made)

    async def want(self, **settings: Any) -> None:
        status, answer = await self.call("PUT", "/me/notification-settings", json=settings)
        assert status == 200, answer

    async def somebody(self, name: str) -> str:
        person_id = new_id()
        await self.kit.database.execute(
            "insert into users (id, username, username_key, email, email_key, password_hash, display_name, stream_key)"
            " values ($1, $2, $2, $2, $2, '', $2, $2)",
            person_id, name,
        )  # fmt: skip
        return person_id

    async def followed_by(self, name: str) -> str:
        person_id = await self.somebody(name)
        await self.happens(FollowChanged(follower_id=person_id, followee_id=self.ada, is_following=True))
        return person_id

    async def happens(self, *facts: Any) -> None:
        async with self.kit.database.transaction() as tx:
            await publish(tx, *facts)
        await self.kit.read_facts([self.feature])

    async def deliver(self) -> None:
        """Everything that waits is due."""
        await make_due(self.kit.database)
        await self.kit.run_jobs(self.features)

    async def log(self) -> list[tuple[str, str, str]]:
        rows = await self.kit.database.fetch(
            "select channel, state, reason from notification_deliveries order by channel, id"
        )
        return [(row["channel"], row["state"], row["reason"]) for row in rows]

    async def states(self) -> list[str]:
        return [state for _, state, _ in await self.log()]

    async def mails(self) -> list[Any]:
        return list(
            await self.kit.database.fetch("select id, template, subject, data, language from mails order by id")
        )


@pytest.fixture
async def pushes(kit: Kit) -> AsyncIterator[Pushes]:
    service = PushReceiver()
    await service.start()
    installed = kit.install(allow_private_targets=True, notification_mails_per_day=2)
    features = [one for one in installed.features if one.name in NAMES]
    async with serving(
        LiveNode(identity=kit.identity),
        features,
        database=kit.database,
        identity=kit.identity,
        limiter=kit.limiter,
        on_forged=installed.people.suspicions.forged_token,
    ) as served:
        token = await served.register("ada")
        ada = await kit.database.fetchval("select id from users where username_key = 'ada'")
        await kit.database.execute("delete from mails")
        made = Pushes(kit, served, features, service, token, ada)
        yield made
        assert made.feature.close is not None
        await made.feature.close()
    await service.close()


# --------------------------------------------------------------------------------------------------------------- push


async def test_a_notification_reaches_every_device_once(pushes: Pushes) -> None:
    await pushes.subscribe("phone")
    await pushes.subscribe("laptop")
    await pushes.followed_by("بوب")
    await pushes.deliver()
    await pushes.deliver()
    first, second = pushes.service.taken
    assert first.message == second.message
    (listed,) = (await pushes.call("GET", "/notifications"))[1]["items"]
    message = first.message
    assert (message["id"], message["kind"], message["title"]) == (listed["id"], "follow", "بوب followed you")
    assert message["path"] == "/@بوب"
    headers = CIMultiDict(first.headers)
    assert (headers["TTL"], headers["Urgency"], len(headers["Topic"])) == ("86400", "normal", 32)
    assert await pushes.states() == ["sent", "sent"]
    devices = (await pushes.call("GET", "/me/push-subscriptions"))[1]["items"]
    assert all(one["sent_at"] for one in devices)


async def test_what_is_read_before_it_is_due_is_not_pushed(pushes: Pushes) -> None:
    await pushes.subscribe()
    await pushes.followed_by("bob")
    (listed,) = (await pushes.call("GET", "/notifications"))[1]["items"]
    assert await pushes.kit.run_jobs([pushes.feature]) == 0, "it is due at once"
    await pushes.call("POST", "/notifications/read", json={"until": listed["id"]})
    await pushes.deliver()
    assert (pushes.service.asked, await pushes.log()) == (0, [("push", "cancelled", "read in the application")])


async def test_messages_that_are_read_before_they_are_due_are_not_pushed_and_later_ones_are_at_once(
    pushes: Pushes,
) -> None:
    await pushes.subscribe()
    bob, room_id = await pushes.somebody("bob"), new_id()
    await pushes.kit.database.execute(
        "insert into chat_rooms (id, log_epoch, is_private) values ($1, 'e', true)", room_id
    )
    await pushes.kit.database.execute("insert into conversations (room_id, is_group) values ($1, true)", room_id)
    await pushes.kit.database.execute(
        "insert into conversation_members (room_id, person_id, state) select $1, unnest($2::uuid[]), 'open'",
        room_id, [bob, pushes.ada],
    )  # fmt: skip

    async def writes(offset: int) -> None:
        message_id = new_id()
        await pushes.kit.database.execute(
            'insert into chat_messages (room_id, "offset", id, user_id, client_id, text, sent_at)'
            " values ($1, $2, $3, $4, gen_random_uuid()::text, 'hello', now())",
            room_id, offset, message_id, bob,
        )  # fmt: skip
        await pushes.happens(ConversationMessage(room_id=room_id, message_id=message_id, offset=offset, author_id=bob))

    await writes(1)
    await pushes.happens(ConversationRead(room_id=room_id, person_id=pushes.ada, offset=1))
    await pushes.deliver()
    assert (pushes.service.asked, await pushes.log()) == (0, [("push", "cancelled", "read in the application")])
    await writes(2)
    await writes(3)
    await pushes.deliver()
    await writes(4)
    await pushes.deliver()
    assert [one.message["title"] for one in pushes.service.taken] == ["bob wrote to you"] * 2


async def test_what_was_withdrawn_or_switched_off_is_not_pushed(pushes: Pushes) -> None:
    await pushes.subscribe()
    bob = await pushes.followed_by("bob")
    await pushes.happens(FollowChanged(follower_id=bob, followee_id=pushes.ada, is_following=False))
    await pushes.deliver()
    await pushes.followed_by("cleo")
    await pushes.want(kinds={"follow": {"push": False}})
    await pushes.deliver()
    await pushes.followed_by("dan")
    await pushes.deliver()
    assert pushes.service.asked == 0
    assert [reason for _, _, reason in await pushes.log()] == ["withdrawn", "switched off"]


async def test_who_joins_what_waits_is_told_with_it_and_later_nobody_until_it_is_read(pushes: Pushes) -> None:
    await pushes.subscribe()
    await pushes.followed_by("bob")
    await pushes.followed_by("cleo")
    await pushes.deliver()
    await pushes.followed_by("dan")
    await pushes.deliver()
    assert [one.message["title"] for one in pushes.service.taken] == ["cleo (+1) followed you"]


async def test_a_kind_that_is_not_wanted_in_the_application_may_still_be_pushed(pushes: Pushes) -> None:
    await pushes.subscribe()
    await pushes.want(kinds={"follow": {"in_app": False, "push": True}})
    await pushes.followed_by("bob")
    await pushes.deliver()
    listed = (await pushes.call("GET", "/notifications"))[1]
    assert (listed["items"], listed["unread"], len(pushes.service.taken)) == ([], 0, 1)
    assert [event for _, event, _ in pushes.kit.published.events if event == "notification"] == []


async def test_quiet_hours_hold_what_is_pushed_until_they_end(pushes: Pushes) -> None:
    await pushes.subscribe()
    now = datetime.now(UTC)
    start, end = now - timedelta(minutes=30), now + timedelta(minutes=90)
    await pushes.want(quiet_hours={"start": f"{start:%H:%M}", "end": f"{end:%H:%M}"}, time_zone="UTC")
    await pushes.followed_by("bob")
    await pushes.deliver()
    due = await pushes.kit.database.fetchval(
        "select due_at from jobs where name = 'notifications.deliver' and state = 'queued'"
    )
    assert (await pushes.states(), pushes.service.asked) == (["waiting"], 0)
    assert due == end.replace(second=0, microsecond=0)
    await pushes.want(quiet_hours=None)
    await pushes.deliver()
    assert await pushes.states() == ["sent"]


async def test_a_device_that_is_gone_is_forgotten(pushes: Pushes) -> None:
    await pushes.subscribe()
    pushes.service.status = 410
    await pushes.followed_by("bob")
    await pushes.deliver()
    assert (await pushes.call("GET", "/me/push-subscriptions"))[1]["items"] == []
    assert await pushes.log() == [("push", "gone", "the service answered 410")]


async def test_a_service_that_is_busy_is_asked_again_when_it_says_and_not_for_ever(pushes: Pushes) -> None:
    await pushes.subscribe()
    pushes.service.status, pushes.service.headers = 429, {"Retry-After": "1800"}
    await pushes.followed_by("bob")
    await pushes.deliver()
    wait = await pushes.kit.database.fetchval(
        "select extract(epoch from due_at - now())::float8 from jobs where state = 'queued'"
    )
    assert 1_700 < wait <= 1_800
    pushes.service.status = 503
    for _ in range(10):
        await pushes.deliver()
    assert (await pushes.states(), pushes.service.asked) == (["failed"], 8)


async def test_a_service_that_recovers_gets_it_once(pushes: Pushes) -> None:
    await pushes.subscribe()
    pushes.service.status = 500
    await pushes.followed_by("bob")
    await pushes.deliver()
    pushes.service.status = 201
    for _ in range(3):
        await pushes.deliver()
    assert (await pushes.states(), len(pushes.service.taken)) == (["sent"], 1)


async def test_a_worker_that_is_killed_between_sending_and_recording_leaves_it_unsure(pushes: Pushes) -> None:
    await pushes.subscribe()
    await pushes.followed_by("bob")
    job = next(one for one in pushes.feature.jobs if one.name == "notifications.deliver")

    await make_due(pushes.kit.database)
    queue = JobQueue(db=pushes.kit.database)
    (claim,) = await queue.claim([job.name], 1, worker="killed", lease_s=60)
    attempt: Attempt[Any] = Attempt(
        claim=claim, body=msgspec.convert(claim.body, job.body), rows=queue, monotonic=lambda: 0.0
    )
    async with attempt.step() as tx:  # all that the worker did before it was killed
        await job.run.__self__._begin(tx, attempt.body.ids)  # type: ignore[attr-defined]
    assert await pushes.states() == ["sending"]
    await pushes.deliver()
    assert await pushes.log() == [("push", "unsure", "its worker was killed while it was sent")]
    assert pushes.service.asked == 0


async def test_a_program_with_firebase_gets_the_same(kit: Kit, pushes: Pushes, tmp_path: Path) -> None:
    firebase = Firebase()
    await firebase.server.start_server(shutdown_timeout=0)
    installed = kit.install(fcm_credentials=firebase.account(tmp_path), fcm_url=firebase.url)
    feature = next(one for one in installed.features if one.name == "notifications")
    add = next(one for one in feature.operations if one.name == "addPushSubscription").handler
    devices = add.__self__._devices  # type: ignore[attr-defined]
    await devices.add(pushes.ada, FcmTarget(token="phone"), "Android", session_id=new_id())
    await pushes.followed_by("bob")
    await make_due(kit.database)
    await kit.run_jobs([feature])
    assert [(one["token"], one["notification"]["title"]) for one in firebase.messages] == [
        ("phone", "bob followed you")
    ]
    assert await pushes.states() == ["sent"]
    assert feature.close is not None
    await feature.close()
    await firebase.server.close()


async def test_a_stream_that_may_not_be_seen_any_more_is_not_pushed(pushes: Pushes) -> None:
    await pushes.subscribe()
    bob = await pushes.somebody("bob")
    db, stream = pushes.kit.database, new_id()
    await db.execute("insert into follows (follower_id, followee_id) values ($1, $2)", pushes.ada, bob)
    await db.execute(
        "insert into streams (id, owner_id, room_id, title, stream_key) values ($1, $2, $1, 'Engines', 'k')",
        stream, bob,
    )  # fmt: skip
    fact = StreamStarted(stream_id=stream, owner_id=bob, visibility="public", started_at=datetime.now(UTC))
    await pushes.happens(fact)
    await pushes.kit.run_jobs([pushes.feature])
    await db.execute("update streams set visibility = 'private'")
    await pushes.deliver()
    assert await pushes.log() == [("push", "cancelled", "may not be seen any more")]


# ------------------------------------------------------------------------------------------------------------ devices


async def test_a_device_is_pushed_to_no_longer_once_its_session_has_ended(pushes: Pushes) -> None:
    await pushes.subscribe()
    await pushes.followed_by("bob")
    session = await pushes.kit.database.fetchval("select id from auth_sessions")
    other = await pushes.served.call("POST", "/auth/login", json={"login": "ada", "password": PASSWORD})
    token = other[1]["access_token"]
    assert (await pushes.served.call("DELETE", f"/auth/sessions/{session}", token=token))[0] == 204
    await pushes.deliver()
    assert (pushes.service.asked, await pushes.states()) == (0, ["cancelled"])
    assert (await pushes.served.call("GET", "/me/push-subscriptions", token=token))[1]["items"] == []
    await pushes.followed_by("cleo")
    await pushes.deliver()
    assert len(await pushes.states()) == 1
    await pushes.kit.run_schedule(pushes.feature, "notifications.prune_log")
    assert await pushes.kit.database.fetchval("select count(*) from push_subscriptions") == 0


async def test_the_same_browser_is_one_device_of_who_subscribed_last(pushes: Pushes) -> None:
    await pushes.subscribe()
    await pushes.subscribe()
    assert len((await pushes.call("GET", "/me/push-subscriptions"))[1]["items"]) == 1
    bob = await pushes.served.register("bob")
    browser = pushes.service.browser().subscription()
    assert (await pushes.served.call("POST", "/me/push-subscriptions", token=bob, json=browser))[0] == 201
    assert (await pushes.call("GET", "/me/push-subscriptions"))[1]["items"] == []
    await pushes.followed_by("cleo")
    await pushes.deliver()
    assert pushes.service.asked == 0


async def test_a_device_is_removed_by_what_it_subscribed_with_or_by_id_and_by_nobody_else(pushes: Pushes) -> None:
    one, two = await pushes.subscribe("one"), await pushes.subscribe("two")
    bob = await pushes.served.register("bob")
    path = "/me/push-subscriptions"
    endpoint = {"endpoint": pushes.service.browser("one").endpoint}
    assert (await pushes.served.call("DELETE", f"{path}/{one['id']}", token=bob))[0] == 404
    assert (await pushes.served.call("DELETE", path, token=bob, json=endpoint))[0] == 404
    assert (await pushes.call("DELETE", path))[0] == 404
    assert (await pushes.call("DELETE", path, json=endpoint))[0] == 204
    assert (await pushes.call("DELETE", f"{path}/{two['id']}"))[0] == 204
    assert (await pushes.call("GET", path))[1]["items"] == []


async def test_a_subscription_that_is_none_is_a_422_that_names_the_field(pushes: Pushes, kit: Kit) -> None:
    good = pushes.service.browser().subscription()
    keys = good["keys"]
    wrong: list[tuple[Any, str]] = [
        ({**good, "endpoint": "ftp://push.test/"}, "endpoint"),
        ({**good, "endpoint": "https://a:b@push.test/"}, "endpoint"),
        ({**good, "endpoint": "https://push.test/" + "x" * 2_000}, "endpoint"),
        ({**good, "keys": {**keys, "p256dh": "AAAA"}}, "keys.p256dh"),
        ({**good, "keys": {**keys, "auth": "AAAA"}}, "keys.auth"),
        ({"endpoint": good["endpoint"]}, ""),
        ({"fcm_token": "t", **good}, ""),
        ({"fcm_token": "t"}, "fcm_token"),
        ({}, ""),
    ]
    for body, field_name in wrong:
        status, answer = await pushes.call("POST", "/me/push-subscriptions", json=body)
        assert status == 422, body
        assert [one["field"] for one in answer["errors"]] == [field_name], body


async def test_addresses_that_are_not_public_are_refused(kit: Kit) -> None:
    (feature,) = [one for one in kit.install().features if one.name == "notifications"]
    devices = next(one for one in feature.operations if one.name == "addPushSubscription").handler.__self__._devices  # type: ignore[attr-defined]
    from server.http.errors import Problem
    from server.outbound.push import WebTarget

    keys = {"p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"}
    for host in ("127.0.0.1", "[::1]", "10.0.0.1", "169.254.169.254", "2130706433"):
        target = WebTarget(endpoint=f"https://{host}/push", auth="BTBZMqHH6r4Tts7J_aSIgg", **keys)
        with pytest.raises(Problem, match="public"):
            await devices.add(new_id(), target, "", session_id=new_id())


async def test_the_oldest_of_too_many_devices_go(kit: Kit, pushes: Pushes) -> None:
    for number in range(22):
        await pushes.subscribe(f"d{number}")
    assert len((await pushes.call("GET", "/me/push-subscriptions"))[1]["items"]) == 20


async def test_what_a_device_is_reached_by_is_sealed(pushes: Pushes) -> None:
    await pushes.subscribe()
    row = await pushes.kit.database.fetchrow("select sealed_target, device from push_subscriptions")
    assert row is not None
    assert b"127.0.0.1" not in bytes(row["sealed_target"])


# --------------------------------------------------------------------------------------------------------------- mail


async def test_a_mail_is_sent_to_who_asked_for_it_with_a_link_that_ends_them(pushes: Pushes) -> None:
    await pushes.want(kinds={"follow": {"email": True}})
    await pushes.followed_by("bob")
    await pushes.deliver()
    (mail,) = await pushes.mails()
    assert (mail["template"], mail["subject"]) == ("notification", "bob followed you")
    outbox = next(one for one in pushes.features if one.name == "mail").jobs[0].run.__self__  # type: ignore[attr-defined]
    row = await pushes.kit.database.fetchrow(
        "select id, template, language, name, data, address, created_at from mails"
    )
    headers = message_from_bytes(outbox._compose(row).content)
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    address = headers["List-Unsubscribe"].strip("<>")
    assert address.startswith("https://live.test/unsubscribe?token=")
    path = address.removeprefix("https://live.test")
    assert await one_click(pushes, path) == 204
    assert (await pushes.call("GET", "/me/notification-settings"))[1]["kinds"]["follow"]["email"] is False
    assert await one_click(pushes, path.replace("token=", "token=x")) == 404


async def one_click(pushes: Pushes, path: str) -> int:
    """As a mail program does it: RFC 8058, 3.2."""
    form = {"List-Unsubscribe": "One-Click"}
    async with pushes.served.http.post(f"{pushes.served.url}{path}", data=form) as answer:
        return answer.status


async def test_a_person_gets_so_many_mails_a_day(pushes: Pushes) -> None:
    await pushes.want(kinds={"follow": {"in_app": False, "push": False, "email": True}})
    for name in ("bob", "cleo", "dan"):
        await pushes.followed_by(name)
        await pushes.deliver()
    assert len(await pushes.mails()) == 2
    assert (await pushes.log())[-1] == ("email", "cancelled", "too many mails within a day")


async def test_a_digest_has_what_is_unread_and_is_never_empty(pushes: Pushes) -> None:
    digests = next(one for one in pushes.feature.schedules if one.name == "notifications.digests").job
    db = pushes.kit.database

    async def morning() -> None:
        await db.execute("update notification_preferences set next_digest_at = now() - interval '1 minute'")
        await digests.run(None)  # type: ignore[arg-type]

    await pushes.want(digest="daily", time_zone="Africa/Cairo")
    await morning()
    assert await pushes.mails() == []
    await pushes.followed_by("bob")
    await morning()
    await digests.run(None)  # type: ignore[arg-type]
    (mail,) = await pushes.mails()
    assert (mail["template"], mail["data"]["lines"]) == ("digest", "bob followed you")
    due = await db.fetchval("select next_digest_at from notification_preferences")
    assert datetime.now(UTC) < due <= datetime.now(UTC) + timedelta(days=1)
    assert await one_click(pushes, mail["data"]["unsubscribe"]) == 204
    assert (await pushes.call("GET", "/me/notification-settings"))[1]["digest"] == "off"


# ---------------------------------------------------------------------------------------------------------------- log


async def test_operators_see_what_became_of_each_delivery_and_nobody_else_does(pushes: Pushes) -> None:
    await pushes.subscribe()
    await pushes.followed_by("bob")
    await pushes.deliver()
    pushes.service.status = 410
    await pushes.subscribe("two")
    path = "/admin/notification-deliveries"
    assert (await pushes.call("GET", path))[0] == 403
    await pushes.kit.database.execute("update users set roles = '{admin}' where id = $1", pushes.ada)
    _, signed_in = await pushes.served.call(
        "POST", "/auth/login", json={"login": "ada", "password": "correct horse battery staple"}
    )
    pushes.token = signed_in["access_token"]
    (one,) = (await pushes.call("GET", path))[1]["items"]
    assert (one["username"], one["kind"], one["channel"], one["state"], one["tries"]) == (
        "ada", "follow", "push", "sent", 1,
    )  # fmt: skip
    assert (await pushes.call("GET", f"{path}?state=gone"))[1]["items"] == []
    assert len((await pushes.call("GET", f"{path}?username=ADA&state=sent"))[1]["items"]) == 1
    assert (await pushes.call("GET", f"{path}?state=lost"))[0] == 422


async def test_the_log_is_kept_for_so_many_days(pushes: Pushes) -> None:
    await pushes.subscribe()
    await pushes.followed_by("bob")
    await pushes.deliver()
    old = first_id_of(datetime.now(UTC) - timedelta(days=14, seconds=1))
    await pushes.kit.database.execute(
        "insert into notification_deliveries (id, person_id, notification_id, kind,"
        " subject_id, channel) values ($1, $2, $1, 'follow', $1, 'push')",
        old,
        pushes.ada,
    )
    prune = next(one for one in pushes.feature.schedules if one.name == "notifications.prune_log").job
    await prune.run(None)  # type: ignore[arg-type]
    assert await pushes.states() == ["sent"]
