"""What people have written before the newcomer came: posts with drawn pictures, threads, a poll, conversations,
communities with their events.

Made once: a second run finds it and leaves it as it is.
"""

from __future__ import annotations

import asyncio
import base64
import colorsys
import datetime as dt
import math
from collections.abc import Mapping, Sequence
from io import BytesIO
from random import Random
from typing import Any, Final

from server.demo.client import Api
from server.demo.people import DemoMember
from server.demo.script import EMOJI
from server.demo.writings_script import COMMUNITIES, CONVERSATIONS, GROUP, POSTS, QUOTES, Community, Written

SIZE: Final = (960, 640)
WAVES: Final = 9
LOOKS: Final = 60
LOOK_S: Final = 0.25
FANS: Final = 5


class Writings:
    """``members`` by username."""

    def __init__(self, *, api: Api, members: Sequence[DemoMember], chance: Random) -> None:
        self._api = api
        self._members: Mapping[str, DemoMember] = {member.persona.username: member for member in members}
        self._chance = chance

    async def fill(self) -> None:
        """Raises ``CallRefused`` and ``ServerLost``."""
        first = self._members[POSTS[0].by]
        page = await self._api.call("GET", f"/api/v1/users/{first.username}/posts", token=first.token)
        if page["items"]:
            return
        made = [await self._write(written) for written in POSTS]
        for place, (by, text) in QUOTES.items():
            await self._post(self._members[by], {"text": text, "quote_of": made[place]})
        for between, lines in CONVERSATIONS:
            await self._converse([self._members[name] for name in between], lines, title=None)
        await self._converse([self._members[name] for name in GROUP.people], GROUP.lines, title=GROUP.title)
        for community in COMMUNITIES:
            await self._found(community)

    async def _write(self, written: Written) -> str:
        """A post with what others say of it; its id."""
        author = self._members[written.by]
        body: dict[str, Any] = {"text": written.text}
        if written.alts:
            body["media"] = [{"upload_id": await self._picture(author), "alt": alt} for alt in written.alts]
        if written.options:
            body["poll"] = {"options": list(written.options), "seconds": 86_400}
        post_id = await self._post(author, body)
        above = post_id
        for by, text in written.replies:
            above = await self._post(self._members[by], {"text": text, "reply_to": above})
        await self._receive(post_id, author, options=len(written.options))
        return post_id

    async def _post(self, author: DemoMember, body: dict[str, Any]) -> str:
        answer = await self._api.call("POST", "/api/v1/posts", body, token=author.token)
        return str(answer["post"]["id"])

    async def _receive(self, post_id: str, author: DemoMember, *, options: int) -> None:
        """Some like it, one passes it on, all who like it vote."""
        others = [member for member in self._members.values() if member is not author]
        fans = self._chance.sample(others, self._chance.randint(1, min(FANS, len(others))))
        path = f"/api/v1/posts/{post_id}"
        for fan in fans:
            await self._api.call("PUT", f"{path}/reactions/{self._chance.choice(EMOJI)}", token=fan.token)
            if options:
                vote = {"options": [self._chance.randrange(options)]}
                await self._api.call("PUT", f"{path}/poll/vote", vote, token=fan.token)
        await self._api.call("PUT", f"{path}/repost", token=fans[0].token)

    async def _found(self, community: Community) -> None:
        """A community with its members, their posts and talk, and an event to which half of them come."""
        founder, *others = people = [self._members[name] for name in community.people]
        body = {"name": community.name, "title": community.title, "description": community.description}
        made = await self._api.call("POST", "/api/v1/communities", {**body, "access": "open"}, token=founder.token)
        path = f"/api/v1/communities/{community.name}"
        for member in others:
            await self._api.call("PUT", f"{path}/membership", token=member.token)
        for who, text in community.posts:
            await self._post(people[who], {"text": text, "community": community.name, "visibility": "community"})
        title, place, days = community.event
        starts_at = (dt.datetime.now(dt.UTC) + dt.timedelta(days=days)).isoformat()
        event = {"title": title, "place": place, "starts_at": starts_at}
        planned = await self._api.call("POST", f"{path}/events", event, token=founder.token)
        for member in people[::2]:
            attendance = f"{path}/events/{planned['event']['id']}/attendance"
            await self._api.call("PUT", attendance, {"state": "going"}, token=member.token)
        room_id = made["community"]["room_id"]
        for number, (who, text) in enumerate(community.lines):
            await self._api.say(room_id, text, client_id=f"written-{number}", token=people[who].token)

    async def _picture(self, owner: DemoMember) -> str:
        """The id of an upload that is ready."""
        data = await asyncio.to_thread(drawn, self._chance.random())
        name = base64.b64encode(b"drawn.png").decode()
        path = await self._api.upload(data, metadata=f"filename {name}", token=owner.token)
        for _ in range(LOOKS):
            upload = await self._api.call("GET", path, token=owner.token)
            if upload["state"] != "checking":
                break
            await asyncio.sleep(LOOK_S)
        return str(upload["id"])

    async def _converse(
        self, people: Sequence[DemoMember], lines: Sequence[tuple[int, str]], *, title: str | None
    ) -> None:
        """``lines``: who of ``people`` says what. The first begins it, and the others accept."""
        others = [member.username for member in people[1:]]
        body = {"people": others, **({"title": title} if title else {})}
        begun = await self._api.call("POST", "/api/v1/conversations", body, token=people[0].token)
        conversation = begun["conversation"]
        for member in people[1:]:
            await self._api.call("PUT", f"/api/v1/conversations/{conversation['id']}/membership", token=member.token)
        for number, (who, text) in enumerate(lines):
            await self._api.say(conversation["room_id"], text, client_id=f"written-{number}", token=people[who].token)


def drawn(seed: float) -> bytes:
    """A picture of waves in the colours of a time of day, as PNG."""
    from PIL import Image, ImageDraw

    chance = Random(seed)  # noqa: S311 - a picture
    width, height = SIZE
    picture = Image.new("RGB", SIZE)
    pen = ImageDraw.Draw(picture)
    hue = chance.random()
    for wave in range(WAVES):
        top = height * wave // WAVES
        shade = colorsys.hsv_to_rgb((hue + wave * 0.03) % 1.0, 0.35 + 0.06 * wave, 0.95 - 0.08 * wave)
        phase, length = chance.uniform(0, math.tau), chance.uniform(120, 320)
        edge = [(x, top + 24 * math.sin(phase + x / length)) for x in range(0, width + 16, 16)]
        pen.polygon([(0, height), *edge, (width, height)], fill=tuple(round(255 * part) for part in shade))
    made = BytesIO()
    picture.save(made, "PNG")
    return made.getvalue()
