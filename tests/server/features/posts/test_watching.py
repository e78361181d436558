"""Who looks at a post is sent how it changes."""

from __future__ import annotations

from urllib.parse import quote

from tests.server.kit import Kit


async def test_who_looks_at_a_post_is_sent_its_counters_until_it_goes(kit: Kit) -> None:
    async with kit.serve() as served:
        ada, bob = await served.register("ada"), await served.register("bob")
        post = (await served.call("POST", "/posts", token=ada, json={"text": "hello"}))[1]["post"]
        phone = await served.connect(bob)
        await phone.done("post:watch", {"post_id": post["id"]})
        answering = {"text": "x", "reply_to": post["id"]}
        reply = (await served.call("POST", "/posts", token=ada, json=answering))[1]["post"]
        name, body = await phone.event()
        assert (name, body["post_id"], body["counts"]["replies"]) == ("post:changed", post["id"], 1)
        await served.call("PATCH", f"/posts/{post['id']}", token=ada, json={"text": "other"})
        assert (await phone.event())[1]["edited"]
        await served.call("DELETE", f"/posts/{post['id']}", token=ada)
        assert (await phone.event())[1]["removed"]
        await phone.done("post:unwatch", {"post_id": post["id"]})
        await served.call("DELETE", f"/posts/{reply['id']}", token=ada)
        assert kit.topics.count(f"post/{post['id']}") == 0


async def test_what_one_may_not_read_one_may_not_watch(kit: Kit) -> None:
    async with kit.serve() as served:
        ada, bob = await served.register("ada"), await served.register("bob")
        body = {"text": "x", "visibility": "followers"}
        post = (await served.call("POST", "/posts", token=ada, json=body))[1]["post"]
        phone = await served.connect(bob)
        assert (await phone.refused("post:watch", {"post_id": post["id"]}))["code"] == "not_found"
        assert (await phone.refused("post:watch", {"post_id": "x"}))["code"] == "invalid"


async def test_who_wrote_a_post_is_sent_its_changes_on_all_devices_without_asking_and_each_once(kit: Kit) -> None:
    async with kit.serve() as served:
        ada, bob = await served.register("ada"), await served.register("bob")
        post = (await served.call("POST", "/posts", token=ada, json={"text": "hello"}))[1]["post"]
        phone, tablet, other = await served.connect(ada), await served.connect(ada), await served.connect(bob)
        await phone.done("post:watch", {"post_id": post["id"]})
        for emoji in ("🎉", "👍"):
            await served.call("PUT", f"/posts/{post['id']}/reactions/{quote(emoji)}", token=bob)
        for device in (phone, tablet):
            reactions = [await device.until("post:changed")]
            while reactions[-1]["counts"]["reactions"] != {"🎉": 1, "👍": 1}:
                reactions.append(await device.until("post:changed"))
            assert len(reactions) <= 2
        await served.call("DELETE", f"/posts/{post['id']}", token=ada)
        for device in (phone, tablet):
            assert (await device.until("post:changed"))["removed"]
        assert other.is_silent
