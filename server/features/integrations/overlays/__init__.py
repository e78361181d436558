"""Overlays: pages for a browser source of OBS and the like, which read a person's own rooms and alerts by a key."""

from __future__ import annotations

from datetime import UTC
from functools import partial
from typing import Final

from server.feature import Feature, PersonalData, Platform
from server.features.integrations.api_tokens import TokenTable
from server.features.integrations.overlays import queries
from server.features.integrations.overlays.keys import OverlayKeys, erase
from server.features.integrations.overlays.routes import OverlayRoutes
from server.features.people.facts import FollowChanged
from server.http.encryption import Encryption
from server.http.identity import Identity
from server.live.events import Body, Instant
from server.outbound.settings import Site
from server.publish import Publish
from server.socket_events import ServerEvent
from storage.facts import Consumer
from storage.postgres import Transaction

__all__ = ["build"]


class NewFollower(Body, frozen=True, kw_only=True):
    id: str
    username: str
    display_name: str


class OverlayFollow(Body, frozen=True, kw_only=True):
    user: NewFollower
    at: Instant


FOLLOW: Final = ServerEvent(
    name="overlay:follow", summary="A person follows the owner", body=OverlayFollow, to="the sockets of the person"
)


def build(platform: Platform, *, identity: Identity, encryption: Encryption, site: Site) -> Feature:
    keys = OverlayKeys(db=platform.db, table=TokenTable(ids=platform.ids), encryption=encryption, identity=identity)

    async def followed(tx: Transaction, fact: FollowChanged) -> None:
        await _tell_follow(tx, fact, platform)

    return Feature(
        name="overlays",
        operations=OverlayRoutes(keys=keys, origin=site.origin).operations(),
        sent=(FOLLOW,),
        consumers=(Consumer(FollowChanged, followed),),
        personal_data=PersonalData(tables=frozenset({"overlay_keys"}), erase=erase),
    )


async def _tell_follow(tx: Transaction, fact: FollowChanged, platform: Platform) -> None:
    follower = await tx.fetchrow(queries.FOLLOWER, fact.follower_id) if fact.is_following else None
    if follower is None:
        return
    publish: Publish = platform.publish
    at = platform.now().astimezone(UTC).isoformat().replace("+00:00", "Z")
    body = {"user": dict(follower), "at": at}
    tx.after_commit(partial(publish.to_person, fact.followee_id, FOLLOW.name, body))
