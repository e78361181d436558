"""What people are notified of that others do with posts, and of conversations that strangers ask for."""

from __future__ import annotations

from typing import Any

from server.features.messages.conversations.facts import ConversationAnswered, ConversationRequested
from server.features.social.posts.facts import PostPublished, PostReacted, PostRemoved
from tests.server.conftest import Someone
from tests.server.features.notifications.conftest import NOON, Notified, new_id
from tests.server.features.notifications.test_notifications import three


async def post(person: Someone, text: str = "hello", **more: Any) -> str:
    answer = await person.ask("POST", "/posts", json={"text": text, **more})
    assert answer.status == 201, await answer.text()
    return str((await answer.json())["post"]["id"])


def reposted(by: Someone, of: Someone, post_id: str) -> PostPublished:
    return PostPublished(
        post_id=new_id(), author_id=by.id, visibility="public", repost_of=post_id, reposted_author=of.id, mentioned=[],
        tags=[], published_at=NOON,
    )  # fmt: skip


async def test_an_answer_a_quote_and_a_mention_notify_each_person_once(notified: Notified) -> None:
    ada, bob, cleo = await three(notified)
    theirs, quoted = await post(ada, "محرك\nand more"), await post(bob)
    answer = await post(cleo, "@ada @bob look", reply_to=theirs, quote_of=quoted)
    await notified.settle()
    (one,) = (await notified.listed(ada))["items"]
    assert (one["kind"], one["people"][0]["username"]) == ("reply", "cleo")
    assert one["subject"] == {"type": "post", "id": theirs, "title": "محرك and more", "path": f"/posts/{theirs}"}
    assert await notified.told(bob) == [("quote", ["cleo"], 1)]
    third = await post(bob, "@cleo", reply_to=answer)
    await post(bob, "@ada", reply_to=third)
    await notified.settle()
    assert await notified.told(cleo) == [("reply", ["bob"], 1)]
    assert (await notified.told(ada))[0] == ("mention", ["bob"], 1)
    assert await notified.told(bob) == [("quote", ["cleo"], 1)], "bob has answered himself"


async def test_answers_to_one_post_are_one_notification_which_a_new_one_tells_again(notified: Notified) -> None:
    ada, bob, cleo = await three(notified)
    theirs = await post(ada)
    for person in (bob, cleo, bob):
        await post(person, reply_to=theirs)
        await notified.settle()
    assert await notified.told(ada) == [("reply", ["bob", "cleo"], 2)]
    assert len(notified.events(ada)) == 3


async def test_nobody_is_notified_of_a_post_that_is_not_for_them(notified: Notified) -> None:
    ada, bob, _ = await three(notified)
    theirs = await post(ada)
    await post(bob, quote_of=theirs, visibility="followers")
    await post(bob, quote_of=theirs, visibility="mentioned")
    await notified.settle()
    assert await notified.told(ada) == []
    await notified.follow(ada, bob)
    await post(bob, quote_of=theirs, visibility="followers")
    await notified.settle()
    assert await notified.told(ada) == [("quote", ["bob"], 1)]


async def test_reposts_and_reactions_are_told_once_and_a_repost_may_be_taken_back(notified: Notified) -> None:
    ada, bob, cleo = await three(notified)
    theirs = await post(ada)
    first = reposted(bob, ada, theirs)
    await notified.publish(first)
    await notified.publish(reposted(cleo, ada, theirs))
    for person in (bob, cleo, bob):
        await notified.publish(PostReacted(post_id=theirs, author_id=ada.id, person_id=person.id, emoji="🎉"))
    await notified.publish(PostReacted(post_id=theirs, author_id=ada.id, person_id=ada.id, emoji="🎉"))
    await notified.settle()
    assert await notified.told(ada) == [("reaction", ["cleo", "bob"], 2), ("repost", ["cleo", "bob"], 2)]
    await notified.publish(PostRemoved(post_id=first.post_id, author_id=bob.id, repost_of=theirs))
    await notified.settle()
    assert (await notified.told(ada))[1] == ("repost", ["cleo"], 1)


async def test_what_is_about_a_deleted_post_goes_with_it(notified: Notified) -> None:
    ada, bob, _ = await three(notified)
    mentioning = await post(bob, "@ada")
    await notified.settle()
    assert (await bob.ask("DELETE", f"/posts/{mentioning}")).status == 204
    await notified.settle()
    assert (await notified.told(ada), (await notified.listed(ada))["unread"]) == ([], 0)


async def test_a_reply_or_quote_that_was_removed_is_told_of_no_longer_unless_its_author_left_another(
    notified: Notified,
) -> None:
    ada, bob, cleo = await three(notified)
    theirs = await post(ada)
    first, second = await post(bob, reply_to=theirs), await post(bob, reply_to=theirs)
    await post(cleo, reply_to=theirs)
    quote = await post(cleo, quote_of=theirs)
    await notified.settle()
    for author, removed in ((bob, first), (cleo, quote)):
        assert (await author.ask("DELETE", f"/posts/{removed}")).status == 204
    await notified.settle()
    assert await notified.told(ada) == [("reply", ["cleo", "bob"], 2)]
    assert (await bob.ask("DELETE", f"/posts/{second}")).status == 204
    await notified.settle()
    assert await notified.told(ada) == [("reply", ["cleo"], 1)]


async def test_a_stranger_who_would_like_to_write_is_told_until_the_answer(notified: Notified) -> None:
    ada, bob, cleo = await three(notified)
    room, other = new_id(), new_id()
    for room_id, by in ((room, bob), (other, cleo)):
        await notified.publish(ConversationRequested(room_id=room_id, person_id=ada.id, by_id=by.id))
    await notified.settle()
    assert await notified.told(ada) == [("conversation_request", ["cleo"], 1), ("conversation_request", ["bob"], 1)]
    assert (await notified.listed(ada))["items"][0]["subject"]["path"] == f"/messages/{other}"
    await notified.publish(ConversationAnswered(room_id=room, person_id=ada.id, is_accepted=False))
    await notified.settle()
    assert await notified.told(ada) == [("conversation_request", ["cleo"], 1)]
