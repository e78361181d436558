"""What people are to one another: who follows, asks to follow, blocks and mutes whom."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from server.feature import ExportSection, Feature, PersonalData, Platform, rows_by_id
from server.features.people.facts import AccountDeleted, AccountSuspended
from server.features.people.relations import queries
from server.features.people.relations.requests import FollowRequests, set_privacy
from server.features.people.relations.routes import RelationshipRoutes
from server.features.people.relations.shapes import NAMED, PersonShape, nobody, require_expiry
from server.features.people.relations.ties import Relationships
from server.features.people.settings import PeopleSettings
from server.http.limits import hourly
from server.jobs import repeated
from storage.facts import Consumer
from storage.postgres import Transaction

__all__ = [
    "NAMED",
    "FollowRequests",
    "PersonShape",
    "Relationships",
    "build",
    "nobody",
    "require_expiry",
    "set_privacy",
]

END_MUTES_S: Final = 60.0


def build(platform: Platform, *, settings: PeopleSettings, when_changed: Callable[[], Awaitable[None]]) -> Feature:
    requests = FollowRequests(database=platform.db, when_changed=when_changed)
    relationships = Relationships(
        database=platform.db,
        when_changed=when_changed,
        max_ties=settings.max_ties,
        max_requests=settings.max_follow_requests,
    )
    routes = RelationshipRoutes(
        relationships=relationships,
        requests=requests,
        rate=hourly("ties", settings.max_ties_per_hour),
        now=platform.now,
    )
    return Feature(
        name="relations",
        operations=routes.operations(),
        consumers=(Consumer(AccountDeleted, requests.person_gone), Consumer(AccountSuspended, requests.person_gone)),
        schedules=[
            repeated("relations.end_mutes", lambda: relationships.end_mutes(platform.now()), every_s=END_MUTES_S)
        ],
        limits={
            "ties_per_hour": settings.max_ties_per_hour,
            "follows": settings.max_ties,
            "blocks": settings.max_ties,
            "mutes": settings.max_ties,
            "follow_requests": settings.max_follow_requests,
        },
        personal_data=PersonalData(
            tables=frozenset({"follows", "follow_requests", "blocks", "mutes"}), sections=SECTIONS, erase=_erase
        ),
    )


def _people(name: str, table: str, mine: str, theirs: str) -> ExportSection:
    columns = f"u.username, t.{theirs}, t.created_at"
    source = f"{table} t join users u on u.id = t.{theirs} where t.{mine} = $1"
    return rows_by_id(name, columns, source, f"t.{theirs}")


SECTIONS: Final = (
    _people("following", "follows", "follower_id", "followee_id"),
    _people("followers", "follows", "followee_id", "follower_id"),
    _people("follow_requests_sent", "follow_requests", "follower_id", "followee_id"),
    _people("follow_requests_received", "follow_requests", "followee_id", "follower_id"),
    _people("blocks", "blocks", "user_id", "blocked_id"),
    _people("mutes", "mutes", "user_id", "muted_id"),
)


async def _erase(tx: Transaction, person_id: str) -> None:
    for sql in queries.ERASE:
        await tx.execute(sql, person_id)
