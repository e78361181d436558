"""What happens in communities becomes notices: for moderators who asks, for a person what concerns them, and news."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from server.features.delivery.notifications.kinds import COMMUNITY, OWN_EVENT, Notice, Subject
from server.features.delivery.notifications.notifications import Notifications
from server.features.delivery.notifications.subjects import POST, REQUEST, Communities
from server.features.social.communities.facts import CommunityMembership, CommunityNews, CommunityRole
from storage.facts import Consumer
from storage.postgres import Transaction


class CommunityConsumers:
    def __init__(self, *, notifications: Notifications, communities: Communities) -> None:
        self._notifications = notifications
        self._communities = communities

    def all(self) -> Sequence[Consumer[Any]]:
        return (
            Consumer(CommunityMembership, self._moved),
            Consumer(CommunityRole, self._role),
            Consumer(CommunityNews, self._news),
        )

    async def _moved(self, tx: Transaction, fact: CommunityMembership) -> None:
        """What was asked or offered before is dealt with."""
        community_id, person_id = fact.community_id, fact.person_id
        await self._notifications.withdraw_of(tx, COMMUNITY, actor_id=person_id, subject_id=community_id)
        await self._notifications.settle(tx, COMMUNITY, recipient_id=person_id, subject_id=community_id)
        if fact.state == "asked":
            notice = Notice(kind=COMMUNITY, actor_id=person_id, subject=Subject(REQUEST, community_id))
            await self._notifications.notify(tx, notice, await self._communities.moderators(tx, community_id))
        elif fact.by_id != person_id and fact.state in ("member", "invited"):
            about = "community_approved" if fact.state == "member" else "community_invited"
            notice = Notice(kind=COMMUNITY, actor_id=fact.by_id, subject=Subject(about, community_id))
            await self._notifications.notify(tx, notice, [person_id])

    async def _role(self, tx: Transaction, fact: CommunityRole) -> None:
        notice = Notice(kind=COMMUNITY, actor_id=fact.by_id, subject=Subject("community_role", fact.community_id))
        await self._notifications.notify(tx, notice, [fact.person_id])

    async def _news(self, tx: Transaction, fact: CommunityNews) -> None:
        """Who announced an event is reminded of it by a notice of their own: nobody is notified of what they do."""
        subject = Subject(POST if fact.about == "announcement" else f"community_{fact.about}", fact.subject_id)
        await self._notifications.notify(tx, Notice(kind=COMMUNITY, actor_id=fact.by_id, subject=subject), fact.people)
        if fact.about == "event_soon":
            own = Notice(kind=OWN_EVENT, actor_id=fact.by_id, subject=subject)
            await self._notifications.notify(tx, own, fact.people)
