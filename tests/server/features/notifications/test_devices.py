"""Notifications on a person's devices, over the Socket.IO endpoint of a node."""

from __future__ import annotations

import msgspec

from server.features.delivery.notifications.shapes import NotificationSent, NotificationsRead
from tests.server.kit import Kit


async def test_two_devices_get_what_happens_and_what_the_other_has_read(kit: Kit) -> None:
    async with kit.serve() as served:
        ada, bob = await served.register("ada"), await served.register("bob")
        phone, laptop, bobs = [await served.connect(token) for token in (ada, ada, bob)]
        await served.call("PATCH", "/me", token=bob, json={"display_name": "بوب <script>"})
        assert await served.call("PUT", "/users/ada/follow", token=bob) == (204, None)
        await kit.read_facts([served.feature("notifications")])
        sent = await phone.event()
        assert sent == await laptop.event()
        event, body = sent
        told = msgspec.convert(body, NotificationSent)
        assert (event, told.kind, told.count, told.replaces) == ("notification", "follow", 1, None)
        assert [person.display_name for person in told.people] == ["بوب <script>"]
        await served.call("POST", "/notifications/read", token=ada, json={"until": told.id})
        for device in (phone, laptop):
            event, body = await device.event()
            assert (event, msgspec.convert(body, NotificationsRead).unread) == ("notification:read", 0)
        # Events to bob would have come before this answer, on the same connection.
        assert (await bobs.ask("no:such", {}))["ok"] is False
        assert bobs.is_silent
