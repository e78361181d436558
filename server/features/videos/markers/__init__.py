"""Markers: moments of a stream that its owner and moderators name; the chapters of its recording."""

from __future__ import annotations

from typing import Final

from server.feature import Feature, PersonalData, Platform, rows_by_id
from server.features.videos.markers.markers import MAX_MARKERS, Markers, replace_markers
from server.features.videos.markers.routes import MarkerRoutes
from server.live.addresses import MediaAddresses
from server.live.footage import FootageFinder
from storage.postgres import Transaction

__all__ = ["MAX_MARKERS", "build", "replace_markers"]


def build(platform: Platform, *, footage: FootageFinder, addresses: MediaAddresses) -> Feature:
    markers = Markers(db=platform.db, footage=footage, ids=platform.ids)
    return Feature(
        name="markers",
        operations=MarkerRoutes(markers=markers, addresses=addresses, now=platform.now).operations(),
        personal_data=PersonalData(tables=frozenset({"stream_markers"}), sections=SECTIONS, erase=_erase),
        limits={"stream_markers": MAX_MARKERS},
    )


SECTIONS: Final = (
    rows_by_id("markers", "id, stream_id, at_ms, label, created_at", "stream_markers where author_id = $1"),
)


async def _erase(tx: Transaction, person_id: str) -> None:
    await tx.execute("delete from stream_markers where author_id = $1", person_id)
