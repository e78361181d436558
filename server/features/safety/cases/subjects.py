"""What may be reported: looked up as the reporter may see it, with what moderators are shown of it later."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC
from typing import Any, Final

import msgspec

from server.features.safety.cases.rules import Kind
from server.features.social.posts import DeletedPostShape, Posts
from server.http.errors import Problem
from storage.postgres import Reads
from storage.seen_streams import IN_GOOD_STANDING, LET_IN


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """``evidence``: what it was when it was reported. ``room_id``: of a message."""

    kind: Kind
    id: str
    owner_id: str | None
    evidence: Mapping[str, Any]
    room_id: str | None = None
    is_on_air: bool = False


Find = Callable[[Reads, str, str], Awaitable[Subject | None]]


class Subjects:
    def __init__(self, *, posts: Posts) -> None:
        self._posts = posts
        self._finds: Mapping[Kind, Find] = {
            "person": _person,
            "stream": _stream,
            "message": _message,
            "post": self._post,
            "video": _video,
            "community": _community,
        }

    async def find(self, reads: Reads, kind: Kind, subject_id: str, viewer_id: str) -> Subject | None:
        """None for what is not there, or not the viewer's to know of."""
        return await self._finds[kind](reads, subject_id, viewer_id)

    async def _post(self, reads: Reads, post_id: str, viewer_id: str) -> Subject | None:
        try:
            post = await self._posts.get(post_id, viewer_id)
        except Problem:
            return None
        if isinstance(post, DeletedPostShape):
            return None
        evidence = {"text": post.text, "media": [one.url for one in post.media], "url": f"/posts/{post_id}"}
        return Subject(kind="post", id=post_id, owner_id=str(post.author.id), evidence=evidence)


async def _person(reads: Reads, person_id: str, viewer_id: str) -> Subject | None:
    row = await reads.fetchrow(_PERSON, person_id)
    if row is None:
        return None
    evidence = {"username": row["username"], "display_name": row["display_name"], "text": row["bio"]}
    return Subject(
        kind="person", id=person_id, owner_id=person_id, evidence={**evidence, "url": f"/@{row['username']}"}
    )


async def _stream(reads: Reads, stream_id: str, viewer_id: str) -> Subject | None:
    row = await reads.fetchrow(_STREAM, viewer_id, stream_id)
    if row is None:
        return None
    evidence = {"title": row["title"], "text": row["description"], "url": f"/watch/{stream_id}"}
    is_on_air = row["state"] in ("live", "interrupted")
    return Subject(kind="stream", id=stream_id, owner_id=row["owner_id"], evidence=evidence, is_on_air=is_on_air)


async def _video(reads: Reads, video_id: str, viewer_id: str) -> Subject | None:
    row = await reads.fetchrow(_VIDEO, viewer_id, video_id)
    if row is None:
        return None
    evidence = {"title": row["title"], "text": row["description"], "url": f"/videos/{video_id}"}
    return Subject(kind="video", id=video_id, owner_id=row["owner_id"], evidence=evidence)


async def _message(reads: Reads, message_id: str, viewer_id: str) -> Subject | None:
    row = await reads.fetchrow(_MESSAGE, viewer_id, message_id)
    if row is None:
        return None
    before = await reads.fetch(_BEFORE, row["room_id"], row["offset"])
    evidence = {
        "text": row["text"],
        "sent_at": row["sent_at"].astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "url": f"/watch/{row['stream_id']}" if row["stream_id"] is not None else None,
        "before": [{"username": one["username"], "text": one["text"]} for one in reversed(before)],
    }
    return Subject(kind="message", id=message_id, owner_id=row["user_id"], evidence=evidence, room_id=row["room_id"])


async def _community(reads: Reads, community_id: str, viewer_id: str) -> Subject | None:
    row = await reads.fetchrow(_COMMUNITY, viewer_id, community_id)
    if row is None:
        return None
    evidence = {"title": row["title"], "text": row["description"], "url": f"/c/{row['name']}"}
    return Subject(kind="community", id=community_id, owner_id=row["owner_id"], evidence=evidence)


_PERSON: Final = f"""
select u.username, u.display_name, u.bio from users u where u.id = $1 and {IN_GOOD_STANDING.format("u")}
"""
_STREAM: Final = f"""
select s.owner_id, s.title, s.description, s.state from streams s join users o on o.id = s.owner_id
where s.id = $2 and {IN_GOOD_STANDING.format("o")} and {LET_IN.format("s", "s.visibility", "s.id")}
"""
_VIDEO: Final = f"""
select v.owner_id, coalesce(s.title, v.title) as title, coalesce(s.description, v.description) as description
from videos v join users o on o.id = v.owner_id left join streams s on s.id = v.stream_id
where v.id = $2 and {IN_GOOD_STANDING.format("o")}
    and {LET_IN.format("v", "coalesce(s.visibility, v.visibility)", "v.id")}
"""
# In the room of a stream that they may see, or in a private room that they are in.
_MESSAGE: Final = f"""
select m.room_id, m."offset", m.user_id, m.text, m.sent_at, r.stream_id
from chat_messages m join chat_rooms r on r.id = m.room_id left join streams s on s.id = r.stream_id
where m.id = $2 and m.deleted_at is null and m."offset" > r.cleared_to and (
    (s.id is not null and {LET_IN.format("s", "s.visibility", "s.id")})
    or exists (select from conversation_members c where c.room_id = m.room_id and c.person_id = $1::uuid
        and c.state in ('open', 'request'))
    or exists (select from community_members c where c.community_id = m.room_id and c.person_id = $1::uuid
        and c.state = 'member'))
"""
_BEFORE: Final = """
select u.username, m.text from chat_messages m join users u on u.id = m.user_id
where m.room_id = $1 and m."offset" < $2 and m.deleted_at is null order by m."offset" desc limit 5
"""
_COMMUNITY: Final = """
select c.name, c.title, c.description,
    (select o.person_id from community_members o where o.community_id = c.id and o.role = 'owner'
        and o.state = 'member' limit 1) as owner_id
from communities c left join community_members m on m.community_id = c.id and m.person_id = $1
where c.id = $2 and (c.access <> 'invite' or m.state in ('member', 'invited', 'banned'))
"""
