"""Webhooks: what is sent to whom, signed, tried again, switched off; and how receivers fail."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from server.features.integrations.webhooks import outbox
from server.features.integrations.webhooks.kinds import SENT
from server.features.integrations.webhooks.sending import KEPT_ANSWER
from server.features.integrations.webhooks.webhooks import Webhooks
from server.features.money.memberships.facts import SubscriptionEnded, SubscriptionPaid
from server.features.people.facts import FollowChanged
from server.features.rooms.polls.facts import PollClosed
from server.features.rooms.predictions.facts import PredictionResolved
from server.features.rooms.raids.facts import RaidArrived
from server.features.rooms.tips.facts import TipSucceeded
from server.http.errors import Problem
from server.outbound.public_addresses import PublicAddresses
from storage.chat_held import ChatHeld
from storage.stream_facts import RecordingReady, StreamEnded, StreamHealthChanged, StreamInterrupted, StreamStarted
from tests.server.features.webhooks.conftest import Hooks, Receiver, is_signed, new_id
from tests.server.jobs.inline import make_due

ABSENT: Any = None
BAD_URLS = {
    "http://127.0.0.1/": "public",
    "http://[::ffff:127.0.0.1]/": "public",
    "http://2130706433/": "public",
    "http://0177.0.0.1/": "public",
    "http://10.1.2.3/": "public",
    "http://169.254.169.254/latest/meta-data/": "public",
    "ftp://example.org/": "begin",
    "https://a:b@example.org/": "user",
    "https://example.org/#x": "fragment",
    "https://example.org:0/": "port",
    "https://exa mple.org/": "ASCII",
}
AT = datetime(2026, 5, 1, 12, tzinfo=UTC)


async def test_what_happens_is_posted_once_with_a_signature_of_the_secret(hooks: Hooks, receiver: Receiver) -> None:
    webhook = await hooks.add(receiver, "stream.started")
    started = StreamStarted(stream_id=hooks.stream, owner_id=hooks.ada_id, visibility="public", started_at=AT)
    await hooks.happens(started, StreamEnded(**_of(hooks), started_at=AT, ended_at=AT, media_node=""))
    await hooks.run()
    ((headers, body),) = receiver.taken
    (event,) = receiver.events
    assert is_signed(webhook["secret"], headers, body)
    assert not is_signed(webhook["secret"], headers, body + " ")
    assert headers["Socialflow-Event-Id"] == event["id"]
    assert (event["event"], event["data"]["title"], event["data"]["at"]) == (
        "stream.started",
        "Show",
        "2026-05-01T12:00:00Z",
    )
    (delivery,) = await hooks.deliveries(webhook)
    told = (delivery["state"], delivery["status"], delivery["answer"], delivery["tries"], delivery["error"])
    assert told == ("delivered", 200, "thanks", 1, "")
    assert (await hooks.call("GET", f"/me/webhooks/{webhook['id']}"))[1].get("secret") is None


async def test_every_event_that_is_documented_as_sent_is_sent(hooks: Hooks, receiver: Receiver) -> None:
    names = [kind.name for kind in SENT if kind.name != "ping"]
    webhook = await hooks.add(receiver, *names)
    await hooks.served.register("bob")
    bob_id = await hooks.kit.database.fetchval("select id from users where username_key = 'bob'")
    ended = {"started_at": AT, "ended_at": AT, "media_node": ""}
    held, poll, prediction, tip, subscription = (new_id() for _ in range(5))
    for sql in (
        "insert into chat_held (id, room_id, user_id, client_id, text, held_at, reason)"
        f" values ('{held}', '{hooks.room}', '{bob_id}', 'c', 'hmm', now(), 'word')",
        "insert into polls (id, room_id, author_id, question, options, opened_at, closes_at, former_votes)"
        f" values ('{poll}', '{hooks.room}', '{hooks.ada_id}', 'q', '{{a,b}}', now(), now(), '{{2,1}}')",
        "insert into tips (id, person_id, owner_id, amount, currency, message, state, is_test, created_at, paid_at)"
        f" values ('{tip}', '{bob_id}', '{hooks.ada_id}', 500, 'USD', 'hi', 'succeeded', true, now(), now())",
        "with t as (insert into tiers (id, owner_id, name, description, amount, currency, place)"
        f" values ('{subscription}', '{hooks.ada_id}', 'n', '', 500, 'USD', 0) returning id)"
        " insert into subscriptions (id, owner_id, person_id, payer_id, tier_id, amount, currency, is_test, created_at)"
        f" select '{subscription}', '{hooks.ada_id}', '{bob_id}', '{bob_id}', id, 500, 'USD', true, now() from t",
        "insert into predictions (id, room_id, author_id, question, outcomes, opened_at, closes_at)"
        f" values ('{prediction}', '{hooks.room}', '{hooks.ada_id}', 'q', '{{a,b}}', now(), now())",
    ):
        await hooks.kit.database.execute(sql)
    await hooks.say("hello", 1)
    await hooks.read_chat()
    await hooks.happens(
        StreamStarted(**_of(hooks), visibility="public", started_at=AT),
        StreamInterrupted(**_of(hooks), interrupted_at=AT),
        StreamEnded(**_of(hooks), **ended),
        RecordingReady(**_of(hooks), duration_ms=7),
        StreamHealthChanged(**_of(hooks), faults=("no_audio",)),
        ChatHeld(room_id=hooks.room, message_id=held),
        PollClosed(poll_id=poll, room_id=hooks.room),
        PredictionResolved(prediction_id=prediction, room_id=hooks.room, winner=0),
        FollowChanged(follower_id=bob_id, followee_id=hooks.ada_id, is_following=True),
        FollowChanged(follower_id=bob_id, followee_id=hooks.ada_id, is_following=False),
        RaidArrived(raid_id=new_id(), source_id=hooks.stream, target_id=hooks.stream, viewers=3),
        TipSucceeded(tip_id=tip, owner_id=hooks.ada_id),
        SubscriptionPaid(subscription_id=subscription, owner_id=hooks.ada_id, person_id=bob_id, months=1),
        SubscriptionPaid(subscription_id=subscription, owner_id=hooks.ada_id, person_id=bob_id, months=2),
        SubscriptionEnded(subscription_id=subscription, owner_id=hooks.ada_id, person_id=bob_id),
    )
    assert (await hooks.call("POST", f"/me/webhooks/{webhook['id']}/ping"))[0] == 202
    await hooks.run()
    told = {event["event"]: event["data"] for event in receiver.events}
    assert set(told) == {kind.name for kind in SENT}
    assert len(receiver.events) == len(SENT)
    for kind in SENT:
        kind.body.model_validate_json(next(body for _, body in receiver.taken if f'"event":"{kind.name}"' in body))
    assert [(one["text"], one["votes"]) for one in told["poll.closed"]["poll"]["options"]] == [("a", 2), ("b", 1)]
    assert told["follow.created"]["follower"]["username"] == "bob"
    assert (told["chat.held"]["text"], told["chat.message"]["text"]) == ("hmm", "hello")


async def test_an_address_that_is_none_or_not_public_is_refused() -> None:
    strict = Webhooks(addresses=PublicAddresses(), db=ABSENT, outbox=ABSENT, encryption=ABSENT, per_person=1)
    for url, why in BAD_URLS.items():
        with pytest.raises(Problem) as refused:
            await strict.add(new_id(), url, ["raid"])
        assert [one.field for one in refused.value.errors] == ["url"]
        assert why in refused.value.errors[0].message, url


async def test_an_address_is_judged_anew_with_each_delivery(hooks: Hooks, receiver: Receiver) -> None:
    """What was let in under another rule, or resolves to something else by now, gets nothing."""
    webhook = await hooks.add(receiver, "follow.created")
    strict = hooks.kit.install().features
    strict_hooks = next(one for one in strict if one.name == "webhooks")
    await hooks.call("POST", f"/me/webhooks/{webhook['id']}/ping")
    await hooks.kit.run_jobs([strict_hooks])
    assert strict_hooks.close is not None
    await strict_hooks.close()
    (delivery,) = await hooks.deliveries(webhook)
    assert (receiver.taken, delivery["error"], delivery["answer"]) == ([], "not_public", "")


async def test_a_failure_is_tried_again_until_it_is_taken(hooks: Hooks, receiver: Receiver) -> None:
    webhook = await hooks.add(receiver, "raid")
    receiver.status = 500
    await hooks.call("POST", f"/me/webhooks/{webhook['id']}/ping")
    await hooks.run()
    (first,) = await hooks.deliveries(webhook)
    assert (first["state"], first["status"], first["error"], first["tries"]) == ("waiting", 500, "status", 1)
    assert first["next_try_at"] > first["tried_at"]
    assert (await hooks.call("GET", "/me/webhooks"))[1]["items"][0]["failing_since"] is not None
    assert await hooks.run() == 0
    receiver.status = 204
    await hooks.retry()
    (second,) = await hooks.deliveries(webhook)
    assert (second["state"], second["tries"], second["next_try_at"]) == ("delivered", 2, None)
    assert len({event["id"] for event in receiver.events}) == 1
    assert (await hooks.call("GET", "/me/webhooks"))[1]["items"][0]["failing_since"] is None


async def test_a_redirect_is_not_followed_and_of_a_large_answer_the_beginning_is_kept(
    hooks: Hooks, receiver: Receiver
) -> None:
    webhook = await hooks.add(receiver, "raid")
    receiver.status = 307
    await hooks.call("POST", f"/me/webhooks/{webhook['id']}/ping")
    await hooks.run()
    assert len(receiver.taken) == 1
    assert [one["error"] for one in await hooks.deliveries(webhook)] == ["redirect"]
    receiver.status, receiver.answer = 200, b"x" * 10_000_000
    await hooks.retry()
    (delivery,) = await hooks.deliveries(webhook)
    assert (delivery["state"], delivery["answer"]) == ("delivered", "x" * KEPT_ANSWER)


async def test_a_receiver_that_hangs_is_left_alone_and_holds_no_other_back(
    hooks: Hooks, receiver: Receiver, other: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging, well = await hooks.add(receiver, "follow.created"), await hooks.add(other, "follow.created")
    receiver.is_hanging = True
    await hooks.served.register("bob")
    bob_id = await hooks.kit.database.fetchval("select id from users where username_key = 'bob'")
    followed = FollowChanged(follower_id=bob_id, followee_id=hooks.ada_id, is_following=True)
    await hooks.happens(*[followed] * 5)
    hooks.hurry(monkeypatch)
    await hooks.run()
    assert [one["state"] for one in await hooks.deliveries(well)] == ["delivered"] * 5
    # One job is run after another here: after the first that was not answered the others leave it alone.
    assert len(receiver.taken) == 1
    states = [(one["state"], one["error"]) for one in reversed(await hooks.deliveries(hanging))]
    assert states == [("waiting", "timeout"), *[("waiting", "")] * 4]
    receiver.is_hanging = False
    await hooks.retry()
    assert {one["state"] for one in await hooks.deliveries(hanging)} == {"delivered"}


async def test_no_more_than_the_bound_are_under_way_to_one_receiver(hooks: Hooks, receiver: Receiver) -> None:
    webhook = await hooks.add(receiver, "raid")
    receiver.is_hanging = True
    for _ in range(outbox.AT_ONCE + 2):
        await hooks.call("POST", f"/me/webhooks/{webhook['id']}/ping")
    (job,) = hooks.webhooks.jobs
    attempts = [await hooks.claimed() for _ in range(outbox.AT_ONCE + 2)]
    tries = [asyncio.create_task(job.run(attempt)) for attempt in attempts]
    async with asyncio.timeout(30):
        while len(under_way := [task for task in tries if not task.done()]) > outbox.AT_ONCE:
            await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
    assert len(under_way) == outbox.AT_ONCE
    for task in under_way:
        task.cancel()
    await asyncio.gather(*under_way, return_exceptions=True)


async def test_a_delivery_whose_worker_is_killed_is_delivered_all_the_same(hooks: Hooks, receiver: Receiver) -> None:
    webhook = await hooks.add(receiver, "raid")
    await hooks.call("POST", f"/me/webhooks/{webhook['id']}/ping")
    receiver.is_hanging = True
    (job,) = hooks.webhooks.jobs
    killed = asyncio.create_task(job.run(await hooks.claimed()))
    await asyncio.wait_for(receiver.came.wait(), 30)
    killed.cancel()
    await asyncio.gather(killed, return_exceptions=True)
    receiver.is_hanging = False
    await make_due(hooks.kit.database)  # the lease of the killed worker has run out
    await hooks.run()
    (delivery,) = await hooks.deliveries(webhook)
    assert (delivery["state"], delivery["status"], len(receiver.taken)) == ("delivered", 200, 2)
    assert len({headers["Socialflow-Delivery-Id"] for headers, _ in receiver.taken}) == 1


async def test_after_a_day_of_failures_it_is_switched_off_and_its_owner_is_told(
    hooks: Hooks, receiver: Receiver
) -> None:
    webhook = await hooks.add(receiver, "raid")
    receiver.status = 500
    for _ in range(2):
        await hooks.call("POST", f"/me/webhooks/{webhook['id']}/ping")
    await hooks.run()
    for table, column in (("webhook_deliveries", "created_at"), ("webhooks", "failing_since")):
        await hooks.kit.database.execute(f"update {table} set {column} = {column} - interval '24 hours'")
    await hooks.retry()
    assert [one["state"] for one in await hooks.deliveries(webhook)] == ["failed", "failed"]
    _, shown = await hooks.call("GET", f"/me/webhooks/{webhook['id']}")
    assert shown["active"] is False
    mails = await hooks.kit.database.fetch("select template, data from mails where template = 'webhook_disabled'")
    assert [mail["data"]["host"] for mail in mails] == ["127.0.0.1"]
    rows = await hooks.kit.database.fetch(
        "select kind, person_id = any(people) as is_own, subject_id from notifications"
    )
    assert [tuple(row.values()) for row in rows] == [("webhook_disabled", True, webhook["id"])]
    assert (await hooks.call("POST", f"/me/webhooks/{webhook['id']}/ping"))[0] == 409
    _, shown = await hooks.call("PATCH", f"/me/webhooks/{webhook['id']}", json={"active": True})
    assert (shown["active"], shown["failing_since"]) == (True, None)
    receiver.status = 200
    assert (await hooks.call("POST", f"/me/webhooks/{webhook['id']}/ping"))[0] == 202
    await hooks.run()
    assert (await hooks.deliveries(webhook))[0]["state"] == "delivered"


async def test_a_replay_is_the_same_event_in_a_delivery_of_its_own(hooks: Hooks, receiver: Receiver) -> None:
    webhook = await hooks.add(receiver, "raid")
    _, first = await hooks.call("POST", f"/me/webhooks/{webhook['id']}/ping")
    await hooks.run()
    path = f"/me/webhooks/{webhook['id']}/deliveries/{first['id']}/replay"
    status, again = await hooks.call("POST", path)
    assert (status, again["replay_of"], again["event_id"]) == (202, first["id"], first["event_id"])
    await hooks.run()
    (_, once), (_, twice) = receiver.taken
    assert once == twice
    assert [one["state"] for one in await hooks.deliveries(webhook)] == ["delivered", "delivered"]
    assert (await hooks.call("POST", path.replace(first["id"], new_id())))[0] == 404


async def test_chat_is_read_from_where_the_webhook_began_and_once(hooks: Hooks, receiver: Receiver) -> None:
    await hooks.say("before", 1)
    webhook = await hooks.add(receiver, "chat.message")
    stream, room = new_id(), new_id()
    await hooks.open_stream(stream, room)
    for n in range(2, 5):
        await hooks.say(f"message {n}", n)
    await hooks.kit.database.execute("update chat_messages set deleted_at = now() where text = 'message 3'")
    await hooks.say("in a new room", 1, room)
    await hooks.read_chat()
    await hooks.read_chat()
    await hooks.run()
    assert sorted(event["data"]["text"] for event in receiver.events) == ["in a new room", "message 2", "message 4"]
    assert {event["id"] for event in receiver.events} == {event["data"]["id"] for event in receiver.events}
    assert len(await hooks.deliveries(webhook)) == 3


async def test_a_webhook_that_is_behind_leaves_the_log_unread_and_loses_nothing(
    hooks: Hooks, receiver: Receiver, other: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.features.integrations.webhooks.chat.MAX_WAITING", 2)
    monkeypatch.setattr("server.features.integrations.webhooks.chat.MESSAGES", 1)
    slow, well = await hooks.add(receiver, "chat.message"), await hooks.add(other, "chat.message")
    receiver.is_hanging = True
    hooks.hurry(monkeypatch)
    for n in range(1, 6):
        await hooks.say(f"message {n}", n)
        await hooks.read_chat()
        await hooks.run()
    assert (len(await hooks.deliveries(slow)), len(await hooks.deliveries(well))) == (2, 5)
    receiver.is_hanging = False
    receiver.taken.clear()
    for _ in range(3):
        await hooks.retry()
        await hooks.read_chat()
    await hooks.retry()
    assert sorted(event["data"]["text"] for event in receiver.events) == [f"message {n}" for n in range(1, 6)]


async def test_beyond_the_bound_events_are_dropped_and_counted(
    hooks: Hooks, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MAX_WAITING", 1)
    webhook = await hooks.add(receiver, "stream.health")
    await hooks.happens(*[StreamHealthChanged(**_of(hooks), faults=()) for _ in range(3)])
    assert len(await hooks.deliveries(webhook)) == 1
    assert (await hooks.call("GET", f"/me/webhooks/{webhook['id']}"))[1]["dropped"] == 2


async def test_the_log_is_bounded_and_what_waits_stays(hooks: Hooks, receiver: Receiver) -> None:
    webhook = await hooks.add(receiver, "raid")
    for _ in range(14):
        await hooks.call("POST", f"/me/webhooks/{webhook['id']}/ping")
    await hooks.kit.database.execute(
        "update webhook_deliveries set state = 'delivered'"
        " where id <> (select min(id::text)::uuid from webhook_deliveries)"
    )
    installed = hooks.kit.install(max_webhook_deliveries=10).features
    feature = next(one for one in installed if one.name == "webhooks")
    prune = next(one for one in feature.schedules if one.name == "webhooks.prune")
    await prune.job.run(None)  # type: ignore[arg-type]
    left = await hooks.deliveries(webhook)
    assert ([one["state"] for one in left].count("delivered"), left[-1]["state"]) == (10, "waiting")
    await hooks.kit.database.execute("update webhook_deliveries set created_at = now() - interval '8 days'")
    await prune.job.run(None)  # type: ignore[arg-type]
    assert await hooks.deliveries(webhook) == []


async def test_jobs_that_died_leave_nothing_behind_for_good(hooks: Hooks, receiver: Receiver) -> None:
    webhook = await hooks.add(receiver, "raid")
    await hooks.call("POST", f"/me/webhooks/{webhook['id']}/ping")
    await hooks.kit.database.execute("delete from jobs")
    await hooks.kit.database.execute("update webhook_deliveries set next_try_at = now() - interval '10 minutes'")
    sweep = next(one for one in hooks.webhooks.schedules if one.name == "webhooks.sweep")
    await sweep.job.run(None)  # type: ignore[arg-type]
    await hooks.run()
    assert [one["state"] for one in await hooks.deliveries(webhook)] == ["delivered"]


async def test_they_are_their_owners_alone_and_bounded(hooks: Hooks, receiver: Receiver) -> None:
    webhook = await hooks.add(receiver, "raid")
    bob = await hooks.served.register("bob")
    base = f"/me/webhooks/{webhook['id']}"
    for method, path in (("GET", base), ("DELETE", base), ("GET", f"{base}/deliveries"), ("POST", f"{base}/ping")):
        assert (await hooks.call(method, path, token=bob))[0] == 404, path
    assert (await hooks.call("GET", "/me/webhooks", token=bob))[1]["items"] == []
    for events in ([], ["nothing"], ["raid"] * 17):
        body = {"url": receiver.url, "events": events}
        assert (await hooks.call("POST", "/me/webhooks", json=body))[0] == 422
    for _ in range(19):
        await hooks.kit.database.execute(
            "insert into webhooks (id, owner_id, url, events, sealed_secret) values ($1, $2, '', '{}', '')",
            new_id(), hooks.ada_id,
        )  # fmt: skip
    assert (await hooks.call("POST", "/me/webhooks", json={"url": receiver.url, "events": ["raid"]}))[0] == 409
    assert (await hooks.call("DELETE", base))[0] == 204
    assert (await hooks.call("DELETE", base))[0] == 404


def _of(hooks: Hooks) -> dict[str, str]:
    return {"stream_id": hooks.stream, "owner_id": hooks.ada_id}
