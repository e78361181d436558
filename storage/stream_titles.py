"""What a person may know of streams by their ids, in one statement for many."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from storage.postgres import Reads


class StreamTitles:
    """A private stream is there for its owner and its guests alone."""

    async def titles(self, where: Reads, viewer_id: str, ids: Collection[str]) -> dict[str, str]:
        """Id → title of those streams that the viewer may know of."""
        rows = await where.fetch(_TITLES, list(ids), viewer_id) if ids else []
        return {row["id"]: row["title"] for row in rows}

    async def admitted(self, where: Reads, stream_id: str, ids: Collection[str]) -> list[str]:
        """Those of the persons ``ids`` who may know of the stream."""
        return [row["id"] for row in await where.fetch(_ADMITTED, stream_id, list(ids))]


_MAY_KNOW: Final = """
(s.visibility <> 'private' or s.owner_id = {person}
    or exists (select from stream_guests g where g.stream_id = s.id and g.user_id = {person}))
"""
_TITLES: Final = f"select s.id, s.title from streams s where s.id = any($1::uuid[]) and {_MAY_KNOW.format(person='$2')}"
_ADMITTED: Final = f"""
select p.id from streams s, unnest($2::uuid[]) as p (id) where s.id = $1 and {_MAY_KNOW.format(person="p.id")}
"""
