"""What the owner of a stream is sent of its health."""

from __future__ import annotations

import uuid

from server.features.streams import HEALTH
from storage.facts import publish
from storage.stream_facts import StreamHealthChanged
from tests.server.kit import Kit


async def test_the_owners_sockets_get_what_is_wrong_when_the_fact_is_read(kit: Kit) -> None:
    installed = kit.install()
    stream_id, owner_id = str(uuid.uuid4()), str(uuid.uuid4())
    async with kit.database.transaction() as tx:
        await publish(tx, StreamHealthChanged(stream_id=stream_id, owner_id=owner_id, faults=("no_sound", "open_gop")))
    await kit.read_facts([each for each in installed.features if each.name == "streams"])
    body = {"stream_id": stream_id, "faults": ["no_sound", "open_gop"]}
    assert (owner_id, HEALTH.name, body) in kit.published.events
