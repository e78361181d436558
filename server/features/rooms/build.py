"""The rooms' features, with what they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from server.feature import Feature, Kind, Platform
from server.features.money.memberships import Subscriptions
from server.features.money.payments import Payments
from server.features.people.audience import Audience
from server.features.people.pictures import reencoder
from server.features.rooms import (
    badges,
    conduct,
    emotes,
    goals,
    leaderboards,
    points,
    polls,
    predictions,
    raids,
    rewards,
    subscribers,
    tips,
)
from server.features.rooms.media_clock import MediaClock
from server.features.rooms.picture_folders import MAX_FRAMES
from server.features.rooms.polls.shapes import POLL_STATE
from server.features.rooms.predictions.shapes import PREDICTION_STATE
from server.features.rooms.settings import RoomSettings
from server.features.rooms.state_sender import STATE_SENDER, StateOf, StateSenders
from server.outbound.settings import Site


@dataclass(frozen=True, kw_only=True)
class Rooms:
    """``poll``, ``prediction``, ``tip``: the body of the event that shows one, by its id; None when it has gone."""

    features: Sequence[Feature]
    poll: StateOf
    prediction: StateOf
    tip: StateOf


def build(
    platform: Platform, *, settings: RoomSettings, payments: Payments, subscriptions: Subscriptions, site: Site
) -> Rooms:
    senders = StateSenders(node=platform.node, publish=platform.publish)
    clock = MediaClock(node=platform.node)
    wallets = points.build(platform, settings=settings)
    reencode = reencoder(max_pixels=settings.max_emote_pixels, max_frames=MAX_FRAMES).reencode
    sender = Kind(name=STATE_SENDER, factory=senders.actor)
    tipping = tips.build(platform, payments=payments, site=site)
    features = [
        replace(polls.build(platform, clock=clock, senders=senders), kinds=[sender]),
        wallets.feature,
        predictions.build(platform, clock=clock, points=wallets.points, senders=senders),
        rewards.build(platform, clock=clock, points=wallets.points),
        tipping.feature,
        subscribers.build(platform, subscriptions=subscriptions),
        raids.build(platform),
        leaderboards.build(platform),
        emotes.build(platform, settings=settings, reencode=reencode),
        badges.build(platform, settings=settings, reencode=reencode),
        goals.build(platform, tallies={"followers": Audience().follower_count}),
        conduct.build(platform),
    ]
    states = senders.states
    return Rooms(
        features=features,
        poll=states[POLL_STATE.name],
        prediction=states[PREDICTION_STATE.name],
        tip=tipping.tip,
    )
