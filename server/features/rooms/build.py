"""The rooms' features, with what they share."""

from __future__ import annotations

from dataclasses import replace

from server.feature import Feature, Kind, Platform
from server.features.rooms import analytics, conduct, emotes, leaderboards, points, polls, predictions, raids, rewards
from server.features.rooms.media_clock import MediaClock
from server.features.rooms.settings import RoomSettings
from server.features.rooms.state_sender import STATE_SENDER, StateSenders


def build(platform: Platform, *, settings: RoomSettings) -> list[Feature]:
    senders = StateSenders(node=platform.node, publish=platform.publish)
    clock = MediaClock(node=platform.node)
    wallets = points.build(platform, settings=settings)
    sender = Kind(name=STATE_SENDER, factory=senders.actor)
    return [
        replace(polls.build(platform, clock=clock, senders=senders), kinds=[sender]),
        wallets.feature,
        predictions.build(platform, clock=clock, points=wallets.points, senders=senders),
        rewards.build(platform, clock=clock, points=wallets.points),
        raids.build(platform),
        leaderboards.build(platform),
        analytics.build(platform),
        emotes.build(platform, settings=settings),
        conduct.build(platform),
    ]
