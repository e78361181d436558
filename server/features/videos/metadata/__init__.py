"""Timed metadata: what the owner of a stream tells the clients of its viewers at moments of the media clock."""

from __future__ import annotations

from typing import Final

from server.feature import Feature, PersonalData, Platform, rows_by_id
from server.features.videos.metadata.metadata import AHEAD_MS, MAX_BYTES, MAX_ENTRIES, MAX_TEXT, Metadata
from server.features.videos.metadata.routes import METADATA, MetadataRoutes
from server.live.addresses import MediaAddresses
from server.live.footage import FootageFinder
from storage.postgres import Transaction

__all__ = ["build"]


def build(platform: Platform, *, footage: FootageFinder, addresses: MediaAddresses) -> Feature:
    metadata = Metadata(db=platform.db, footage=footage, ids=platform.ids, publish=platform.publish, node=platform.node)
    return Feature(
        name="metadata",
        operations=MetadataRoutes(metadata=metadata, addresses=addresses, now=platform.now).operations(),
        sent=[METADATA],
        personal_data=PersonalData(tables=frozenset({"stream_metadata"}), sections=SECTIONS, erase=_erase),
        limits={
            "stream_metadata": MAX_ENTRIES,
            "stream_metadata_text": MAX_TEXT,
            "stream_metadata_bytes": MAX_BYTES,
            "stream_metadata_ahead_ms": AHEAD_MS,
        },
    )


SECTIONS: Final = (
    rows_by_id(
        "stream_metadata", "id, stream_id, at_ms, text, data, created_at", "stream_metadata where author_id = $1"
    ),
)


async def _erase(tx: Transaction, person_id: str) -> None:
    await tx.execute("delete from stream_metadata where author_id = $1", person_id)
