"""Which hashtags people follow."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from server.features.social.feed import queries
from server.features.social.posts import fold_tag
from server.http.errors import Problem, not_found
from storage.postgres import Database, Row

_TAG: Final = re.compile(r"\w*[^\W\d_]\w*")


def tag_named(text: str) -> str:
    """A hashtag as it is compared. Raises a 404 for what no text can have as one."""
    tag = fold_tag(text.removeprefix("#").removeprefix("\uff03"))
    if _TAG.fullmatch(tag) is None:
        raise not_found("There can be no such hashtag")
    return tag


class FollowedHashtags:
    """``most``: of one person."""

    def __init__(self, *, db: Database, most: int) -> None:
        self._db = db
        self._most = most

    async def follow(self, person_id: str, tag: str) -> None:
        """May be repeated. Raises a 409 when there are too many."""
        if not await self._db.execute(queries.FOLLOW_TAG, person_id, tag, self._most):
            raise Problem(409, f"An account can follow at most {self._most} hashtags", slug="too-many-hashtags")

    async def unfollow(self, person_id: str, tag: str) -> None:
        await self._db.execute(queries.UNFOLLOW_TAG, person_id, tag)

    async def is_following(self, person_id: str | None, tag: str) -> bool:
        return person_id is not None and bool(await self._db.fetchval(queries.FOLLOWS_TAG, person_id, tag))

    async def all(self, person_id: str) -> Sequence[Row]:
        return await self._db.fetch(queries.FOLLOWED_TAGS, person_id, self._most)
