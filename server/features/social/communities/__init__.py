"""Communities: people with roles and rules, who post and chat among themselves.

The room of a community is a private room of the chat, whose members are the community's; it has the community's id.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from server.feature import Feature, PersonalData, Platform, rows_by_id
from server.features.people.audience import Audience
from server.features.social.communities import event_queries, event_shapes, queries, rules
from server.features.social.communities.acts import Acts
from server.features.social.communities.communities import Communities
from server.features.social.communities.event_routes import EventRoutes
from server.features.social.communities.events import Events
from server.features.social.communities.facts import CommunityChanged
from server.features.social.communities.gate import CommunityGate
from server.features.social.communities.lookups import CommunityLookups, EventTitle
from server.features.social.communities.member_routes import MemberRoutes
from server.features.social.communities.membership import Membership
from server.features.social.communities.moderation import MAX_PINS, Moderation
from server.features.social.communities.moderation_routes import ModerationRoutes
from server.features.social.communities.news import News
from server.features.social.communities.routes import CommunityRoutes
from server.features.social.communities.shapes import CommunityShape
from server.features.social.community_settings import CommunitySettings
from server.features.social.posts import Posts
from server.http.limits import hourly
from server.http.own_address import OwnAddresses
from server.live.addresses import MediaAddresses
from server.outbound.settings import Site
from storage.facts import publish
from storage.postgres import Transaction

__all__ = ["CommunityGate", "CommunityLookups", "CommunityShape", "EventTitle", "build"]

CHANGES_PER_HOUR: Final = 1_200


def build(
    platform: Platform,
    *,
    settings: CommunitySettings,
    posts: Posts,
    site: Site,
    addresses: MediaAddresses,
    when_changed: Callable[[], Awaitable[None]],
) -> Feature:
    """``when_changed``: this node need not wait to find out who may see what. ``addresses``: where viewers ask from."""
    acts = Acts(db=platform.db, audit=platform.audit, people=Audience())
    communities = Communities(
        db=platform.db,
        ids=platform.ids,
        now=platform.now,
        audit=platform.audit,
        acts=acts,
        posts=posts,
        when_changed=when_changed,
        most=settings.max_communities,
    )
    membership = Membership(
        db=platform.db,
        now=platform.now,
        acts=acts,
        when_changed=when_changed,
        most=settings.max_community_memberships,
        most_members=settings.max_community_members,
    )
    news = News(jobs=platform.jobs, remind_s=settings.community_reminder_s)
    events = Events(
        db=platform.db,
        ids=platform.ids,
        now=platform.now,
        communities=communities,
        acts=acts,
        news=news,
        most=settings.max_community_events,
    )
    moderation = Moderation(
        db=platform.db, now=platform.now, communities=communities, posts=posts, acts=acts, news=news
    )
    rate = hourly("communities", CHANGES_PER_HOUR)
    new_rate = hourly("new_communities", settings.max_new_communities_per_hour)
    routes = CommunityRoutes(communities=communities, addresses=addresses, new_rate=new_rate, rate=rate)
    members = MemberRoutes(communities=communities, membership=membership, db=platform.db, rate=rate)
    moderating = ModerationRoutes(communities=communities, moderation=moderation, acts=acts, rate=rate)
    event_routes = EventRoutes(events=events, addresses=OwnAddresses(origin=site.origin), rate=rate)
    return Feature(
        name="communities",
        operations=[*routes.operations(), *members.operations(), *event_routes.operations(), *moderating.operations()],
        jobs=[news.telling, news.reminding],
        personal_data=PersonalData(tables=TABLES, sections=SECTIONS, erase=_erase),
        limits={
            "communities": settings.max_communities,
            "community_memberships": settings.max_community_memberships,
            "community_members": settings.max_community_members,
            "new_communities_per_hour": settings.max_new_communities_per_hour,
            "community_description": rules.MAX_DESCRIPTION,
            "community_rules": rules.MAX_RULES,
            "community_pins": MAX_PINS,
            "community_events": settings.max_community_events,
            "community_event_days": event_shapes.MAX_DAYS,
            "community_event_years_ahead": event_shapes.MAX_YEARS,
        },
    )


TABLES: Final = frozenset({"community_members", "community_events", "community_event_answers"})
SECTIONS: Final = (
    rows_by_id(
        "communities",
        "m.community_id, c.name, c.title, m.role, m.state, m.since",
        "community_members m join communities c on c.id = m.community_id where m.person_id = $1",
        "m.community_id",
    ),
    rows_by_id(
        "community_events",
        "id, community_id, title, description, place, time_zone, starts_at, ends_at, created_at",
        "community_events where author_id = $1",
    ),
    rows_by_id(
        "community_event_answers",
        "event_id, state, answered_at",
        "community_event_answers where person_id = $1",
        "event_id",
    ),
)


async def _erase(tx: Transaction, person_id: str) -> None:
    """A community of the person's is left to its next moderator or member, or goes with its room."""
    await tx.execute(event_queries.FORGET, person_id, None)
    await tx.execute(event_queries.DISOWN, person_id)
    for row in await tx.fetch(queries.LEAVE_TO, person_id):
        await publish(tx, CommunityChanged(community_id=row["community_id"]))
    await tx.execute(queries.UNCOUNT, person_id)
    for row in await tx.fetch(queries.FORGET, person_id):
        await tx.execute(queries.DELETE, row["community_id"])
