"""What is held on people, for them to take along: a document at once, and an archive with media by a job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from server.feature import Feature, PersonalData, Platform, rows_by_id
from server.features.people.accounts import AccountsRoom
from server.features.people.exports import queries
from server.features.people.exports.archives import Archives, Bounds
from server.features.people.exports.document import ExportDocument
from server.features.people.exports.routes import ExportRoutes
from server.features.people.exports.tickets import Tickets
from server.features.people.settings import PeopleSettings
from server.http.identity import Identity
from server.http.limits import hourly
from server.jobs import repeated
from storage.doomed import doom
from storage.postgres import Transaction

SWEEP_S: Final = 600.0
_COLUMNS: Final = "state, size_bytes, requested_at, ready_at, expires_at"


def build(
    platform: Platform,
    *,
    settings: PeopleSettings,
    people: AccountsRoom,
    identity: Identity,
    personal_data: Sequence[PersonalData],
) -> Feature:
    """``personal_data`` of all other features, in the order in which a person reads it."""
    own = PersonalData(
        tables=frozenset({"exports"}),
        sections=(
            rows_by_id(
                "exports", "id, state, size_bytes, requested_at, ready_at, expires_at", "exports where user_id = $1"
            ),
        ),
        erase=_erase,
    )
    every = [*personal_data, own]
    document = ExportDocument(
        database=platform.db,
        profile=people.profile,
        sections=[section for held in every for section in held.sections],
        rate=hourly("exports", settings.max_exports_per_hour),
    )
    archives = Archives(
        database=platform.db,
        objects=platform.objects,
        jobs=platform.jobs,
        ids=platform.ids,
        sessions=people.sessions,
        mails=people.mails,
        profile=people.profile,
        personal_data=every,
        bounds=Bounds(pause_hours=settings.export_pause_hours, kept_days=settings.export_kept_days),
    )
    routes = ExportRoutes(
        database=platform.db,
        objects=platform.objects,
        archives=archives,
        tickets=Tickets(seals=identity),
        links=people.links,
        reauthentication=people.reauthentication,
        sessions=people.sessions,
    )
    return Feature(
        name="export",
        operations=[*document.operations(), *routes.operations()],
        jobs=[archives.job, archives.failed],
        schedules=[repeated("export.sweep", archives.sweep, every_s=SWEEP_S)],
        personal_data=own,
        limits={
            "exports_per_hour": settings.max_exports_per_hour,
            "archive_pause_hours": settings.export_pause_hours,
            "archive_kept_days": settings.export_kept_days,
        },
    )


async def _erase(tx: Transaction, person_id: str) -> None:
    await doom(tx, f"exports/{person_id}/")
    await tx.execute(queries.ERASE, person_id)
